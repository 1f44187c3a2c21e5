"""How much a revision changed a text, and whether a critique says that it found nothing."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from constitution.records import Transcript
from constitution.words import words


def changed_share(before: Sequence[str], after: Sequence[str]) -> float:
    """The share of two texts' words that are not in their longest common subsequence: 0 the same, 1 nothing shared.

    As 1 − `difflib.SequenceMatcher.ratio()` over words, but with the longest common subsequence in the place of
    difflib's chain of longest blocks: that chain depends on which text comes first, and takes thirty times as long on
    texts of 2,000 words. Two texts without a word are the same.
    """
    if before == after:
        return 0.0
    # Hyyrö 2004: a row of the table of lengths is a number whose zero bits are the places where the length grows.
    places: dict[str, int] = {}
    for place, word in enumerate(before):
        places[word] = places.get(word, 0) | 1 << place
    everywhere = (1 << len(before)) - 1
    row = everywhere
    for word in after:
        if found := row & places.get(word, 0):
            row = (row + found | row - found) & everywhere
    common = len(before) - row.bit_count()
    return 1 - 2 * common / (len(before) + len(after))


class Change(NamedTuple):
    """What a round of revision changed, as `changed_share` counts it.

    Attributes:
        share: From the text before it.
        in_all: From the initial response.
    """

    share: float
    in_all: float

    @property
    def unchanged(self) -> bool:
        """Whether the words are those of the text before it."""
        return self.share == 0


def changes(row: Transcript) -> tuple[Change, ...]:
    """What each round of a row changed."""
    initial = before = words(row.response.text)
    found: list[Change] = []
    for round in row.rounds:
        after = words(round.revision.text)
        share = changed_share(before, after)
        found.append(Change(share, changed_share(initial, after) if found else share))
        before = after
    return tuple(found)


_FAULT = (
    r"(?:[\w-]+ ){0,3}(?:(?:problem|issue|concern|harm|fault|flaw|violation|error|mistake|weakness|objection)\w*"
    r"(?! (?:\w+ing|intended|meant|in that)\b)|wrong|unsafe|illegal|inappropriate|offensive)"
)
_ENGLISH = re.compile(
    r"\b(?:there (?:is|are|was|were)|there's|(?:I|we) (?:can |could )?(?:see|find|found|saw|identify|identified)"
    rf"|contains?|contained|has|had) (?:no|not any|nothing) {_FAULT}(?! (?:for|about))"
    rf"|^(?:no|none|nothing) {_FAULT}"
    r"|\bnothing (?:\w+ )?to (?:criticis|criticiz|fix|change|improve|correct|add|object)"
    rf"|\b(?:does not|doesn't|did not|didn't) (?:contain|include|have|show|break|violate) any(?:thing)? {_FAULT}"
    r"|\b(?:can't|can ?not|could not|couldn't|do not|don't|did not|didn't) (?:see|find|identify|spot) any(?:thing)? "
    rf"{_FAULT}"
    r"|\b(?:response|reply|answer|tone|it) (?:is|was|looks|seems) (?:(?!not|never|hardly|less|far)\w+ ){0,2}"
    r"(?:fine|acceptable|appropriate|harmless|unobjectionable|safe|fair|good as it is)\b"
    r"|\bno (?:changes?|revisions?|improvements?) (?:\w+ )?(?:needed|necessary|required)",
    re.IGNORECASE,
)
_CHINESE = re.compile(
    r"(?:没有|没|未|并无|并未|无|毫无|不存在)(?:发现|找到|看到|看出|存在|包含|涉及|出现|有|任何|什么|明显|可能|的|地方){0,4}"
    r"(?:问题|不当|不妥|有害|伤害|危害|错误|毛病|违规|违法|可以?指摘|可批评|值得批评)(?!提示|提醒|意识)"
    r"|(?:无需|不需要|不必|不用|没有?必要|没必要)(?:再|作|做|任何|进行|加以)*(?:修改|改动|改写|改正|调整)"
    r"|(?:回复|回答|语气|内容|措辞)(?:是|都|很|也|完全|基本|比较|已经|相当)*"
    r"(?:得体|合适|恰当|妥当|无害|安全|没问题)"
    r"(?!地)"
)
# What comes after one of these may well be a fault, or is what the criticised response said.
_TURN = re.compile(
    r"\b(?:but|however|although|though|yet|except|still|nevertheless|could be|should|said|says|told|tells|claim\w*"
    r"|which is|that is)\b"
    r"|但|不过|然而|可是|只是|尽管|除了|应该|应当|最好|(?:它|我|他|她|回复)说|声称|告诉",
    re.IGNORECASE,
)
# A stop between digits ends no sentence.
_SENTENCE = re.compile(r".+?(?:[.!?](?=\s|\Z)|[。！？\n]|\Z)", re.DOTALL)


def found_nothing(critique: str) -> bool:
    """Whether a critique says, in English or Chinese, that there is nothing to criticise. A heuristic.

    Each of its sentences must say so ("There is nothing harmful in my response.", "没有发现不当之处。"), and no word in
    it may announce a turn ("but", "however", "which is", "但", "不过"): critiques often begin with one thing that is
    well and go on with what is not. A bare "No." does not count, as it answers some questions well and some ill. So
    more are missed than are counted wrongly; neither is ruled out.
    """
    text = critique.strip().lstrip("*#>- ").replace("’", "'")
    sentences = [sentence for sentence in _SENTENCE.findall(text) if sentence.strip()]
    return (
        bool(sentences)
        and not _TURN.search(text)
        and all(_ENGLISH.search(sentence.strip()) or _CHINESE.search(sentence) for sentence in sentences)
    )
