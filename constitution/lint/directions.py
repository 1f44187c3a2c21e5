"""Wordings that ask for the wrong thing: the worse response, a yes or no, the other request's work."""

from constitution.lint.wordings import Wording

_BAD = (
    "harmful|dangerous|offensive|insulting|rude|cruel|dishonest|misleading|deceptive|manipulative|biased|unfair|toxic|"
    "hateful|evasive|preachy|condescending|unsafe|unhelpful|worse|worst|wrong|false|inaccurate|illegal|unethical|"
    "irresponsible|hurtful|disrespectful|vague|confusing|repetitive"
)
_BAD_THINGS = (
    "mistakes?|errors?|insults?|lies|falsehoods?|harm|threats?|stereotypes?|slurs|bias|false claims|"
    "dangerous (?:details|advice|steps)|padding|lecturing|moralising|moralizing|needless warnings"
)
_WHICH = "(?:which|what) (?:response|answer|reply|one|of the (?:two|responses))"
_CHOOSE = "(?:choose|pick|select|prefer) the (?:response|answer|reply|one)"
_VERB = "(?:is|are|has|have|gives|contains|shows|makes|sounds|seems|does)"

DIRECTIONS = (
    Wording(
        rule="upside-down",
        fields=frozenset({"comparison"}),
        patterns=(
            rf"\b{_WHICH} {_VERB} (?:(?:the|much|far|clearly) )*(?:(?:more|most) )?(?:{_BAD})\b",
            rf"\b{_WHICH} {_VERB} (?:(?:the|many|far) )*(?:more|most) (?:{_BAD_THINGS})\b",
            rf"\b{_CHOOSE} (?:that|which|with) (?:{_VERB} )?(?:(?:the|more|most) )*(?:{_BAD})\b",
            rf"\b{_CHOOSE} (?:that {_VERB}|with) (?:the )?(?:more|most) (?:{_BAD_THINGS})\b",
        ),
        why="asks for the worse response, which then becomes the chosen one",
        todo="turn it round: ask which response is the better one",
    ),
    Wording(
        rule="yes-or-no",
        fields=frozenset({"comparison"}),
        patterns=(
            r"^(?:is|are|does|do|did|has|have|was|can|would|should) (?:the|this|that|either|any|a) "
            r"(?:response|answer|reply|assistant|text)\b(?!.*\b(?:which|choose|pick|select|prefer|better|more|less|fewer|than)\b)[^?]*\?",
        ),
        why="is a question about one response, and two are shown",
        todo='ask "Which response …?", and say what the better one does',
    ),
    Wording(
        rule="swapped-requests",
        fields=frozenset({"critique_request"}),
        patterns=(r"^(?:please )?(?:rewrite|revise|rephrase|reword|redo|improve) (?:your|the|this)\b",),
        why="asks for a revision",
        todo="ask what is wrong with the response; the revision_request asks to rewrite it",
    ),
    Wording(
        rule="swapped-requests",
        fields=frozenset({"revision_request"}),
        patterns=(
            r"^(?:please )?(?:identify|criticis\w+|criticiz\w+|critique|point out|list|name|discuss|check|examine|"
            r"describe) (?!.*\b(?:rewrite|revise|reword|write|reply|rephrase|give|remove|replace|answer again)\b)",
        ),
        why="asks for a critique",
        todo="ask to rewrite the response; the critique_request asks what is wrong with it",
    ),
    Wording(
        rule="control-token",
        fields=frozenset({"critique_request", "revision_request", "comparison", "proposition"}),
        patterns=(
            r"<\|[a-z_]+\|>",
            r"</?s>",
            r"\[/?INST\]",
            r"<</?SYS>>",
            r"<(?:start|end)_of_turn>",
            r"(?:^|\s)(?:Human|Assistant):(?=\s|$)",
        ),
        why="looks like a token or a name that steers a conversation",
        todo="take it out: the template set and the model's own template put turns together",
        any_language=True,
    ),
    Wording(
        rule="negated-proposition",
        fields=frozenset({"proposition"}),
        patterns=(r"^the (?:response|answer|reply) (?:does not|doesn['’]t|is not|isn['’]t|has no|never|gives no)\b",),
        why="says that something is not there, which judges answer worse",
        todo="say that it is there, and turn the sign of the weight",
    ),
)
