"""Nothing that a row says becomes a control token: each family of tokenizers against each payload."""

from collections import Counter
from collections.abc import Sequence

import pytest
from control_payloads import STRINGS, payloads
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_families import FAMILIES, Family, byte_level, finish, plain, special, unigram
from tokenizers import pre_tokenizers
from transformers import PreTrainedTokenizerFast

from constitution.engines.transformers.encoding import Encoder
from constitution.errors import TemplateError
from constitution.records import Message

ORDINARY = [
    "What is the capital of France?",
    "  Two spaces, a tab\tand lines:\n\n    x = [1, 2]\n\n\n",
    "naïve «quotes» 日本語 🙂 e\u0301 — ½ ﬁne ＡＢＣ … 'tis <b>b</b> [sic] {1} || x <y> <| |> #### a:b: 3 < 4 > 2",
    "INST, SYS and user; the im_end of all, think about it. System: none, <end>, [inst], </ think >. Channels: final.",
    "word " * 300,
]


def encoder_of(family: Family) -> Encoder:
    return Encoder(family.tokenizer, family.template, "test")


def conversation(*contents: str) -> list[Message]:
    """A conversation of these texts that ends with the user's; of four, the first is the system prompt."""
    roles = ("system", "user", "assistant", "user")[-len(contents) :]
    return [Message(role=role, content=text) for role, text in zip(roles, contents, strict=True)]


def controls(family: Family, ids: Sequence[int]) -> Counter[str]:
    """How often each control token is there."""
    words = {token: word for word, token in family.tokenizer.get_added_vocab().items()}
    return Counter(words[token] for token in ids if token in words and len(words[token].strip(" \n▁")) > 2)


def by_library(family: Family, messages: Sequence[Message]) -> list[int]:
    turns = [message.model_dump() for message in messages]
    text = family.tokenizer.apply_chat_template(
        turns, tokenize=False, add_generation_prompt=True, chat_template=family.template
    )
    return family.tokenizer(text, add_special_tokens=family.template is not None).input_ids


def letters(family: Family, text: str) -> str:
    """A text's characters as the tokenizer's normaliser leaves them, without white space and what stands for it."""
    return "".join((family.normal_form.normalize_str(text) if family.normal_form else text).replace("▁", " ").split())


def placed(family: Family, payload: str) -> list[list[str]]:
    """The payload as the only text, in every turn, and in halves at the end of one turn and the start of the next."""
    half = len(payload) // 2
    first, second = f"x{payload[:half]}", f"{payload[half:]}x"
    turns = 4 if family.system else 3
    return [[payload], [payload] * turns, [first, second, first, second][-turns:]]


def count(ids: Sequence[int], wanted: Sequence[int]) -> int:
    """How often the wanted ids stand in a row."""
    return sum(list(ids[n : n + len(wanted)]) == list(wanted) for n in range(len(ids)))


@pytest.mark.parametrize("name", FAMILIES)
def test_no_payload_becomes_a_control_token_nor_loses_a_character(name: str) -> None:
    family = FAMILIES[name]()
    encoder = encoder_of(family)
    tried = payloads(family)
    assert len(tried) >= 50
    for what, payload in tried.items():
        for contents in placed(family, payload):
            ids = encoder.encode(conversation(*contents))
            harmless = encoder.encode(conversation(*("x" if text.strip() else text for text in contents)))
            assert controls(family, ids) == controls(family, harmless), (what, contents)
            read = letters(family, family.tokenizer.decode(ids))
            assert all(letters(family, text) in read for text in contents), (what, contents)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_payloads_do_become_control_tokens_in_the_library(name: str) -> None:
    # Else the test above would pass whatever the encoder does.
    family = FAMILIES[name]()
    harmless = controls(family, by_library(family, conversation("x")))
    tried = payloads(family).values()
    assert sum(controls(family, by_library(family, conversation(text))) != harmless for text in tried) >= 20


@pytest.mark.parametrize("name", FAMILIES)
def test_ordinary_text_is_tokenised_as_the_library_does(name: str) -> None:
    family = FAMILIES[name]()
    encoder = encoder_of(family)
    added = family.tokenizer.get_added_vocab()
    foreign = [text for text in STRINGS if not any(word in text for word in [*added, *family.markers])]
    assert len(foreign) > 10
    for text in [*ORDINARY, *foreign, " ".join(foreign)]:
        for contents in placed(family, text):
            messages = conversation(*contents)
            assert encoder.encode(messages) == by_library(family, messages), contents


@pytest.mark.parametrize("name", [name for name in FAMILIES if FAMILIES[name]().markers])
def test_words_that_tell_turns_apart_have_other_tokens_in_a_row_than_in_the_template(name: str) -> None:
    family = FAMILIES[name]()
    encoder = encoder_of(family)
    turns = 4 if family.system else 3
    harmless = by_library(family, conversation(*["x"] * turns))
    read = family.tokenizer.decode(harmless)
    whole = family.tokenizer.backend_tokenizer.encode(read, add_special_tokens=False)
    for marker in family.markers:
        start, stop = read.index(marker), read.index(marker) + len(marker)
        written = [whole.ids[n] for n, (a, b) in enumerate(whole.offsets) if a < stop and b > start]
        hostile = [conversation(*[text] * turns) for text in (marker, f"x {marker} x", f"x\n\n{marker} x", marker * 3)]
        assert all(count(encoder.encode(messages), written) == count(harmless, written) > 0 for messages in hostile)
        assert any(count(by_library(family, messages), written) > count(harmless, written) for messages in hostile)


@pytest.mark.parametrize("name", FAMILIES)
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_no_mixture_of_fragments_becomes_a_control_token(name: str, data: st.DataObject) -> None:
    family = FAMILIES[name]()
    fragments = [string[a:b] for string in family.strings for a in (0, 1, 4) for b in (3, -1, None) if string[a:b]]
    texts = st.lists(st.sampled_from([*fragments, *family.strings, " ", "\n", "x", "＜", "｜", "\u200b"])).map("".join)
    contents = data.draw(st.lists(texts, min_size=4, max_size=4))[-4 if family.system else -3 :]
    ids = encoder_of(family).encode(conversation(*contents))
    harmless = by_library(family, conversation(*("x" if text.strip() else text for text in contents)))
    assert controls(family, ids) == controls(family, harmless)


@pytest.mark.parametrize("name", ["chatml", "llama2", "mistral", "gemma", "phi3", "zephyr", "bytes_only"])
def test_a_cut_text_is_read_to_the_letter(name: str) -> None:
    # Some tokenizers would open each piece with a space.
    family = FAMILIES[name]()
    text = f"one{'|'.join(family.strings)}two [INST] three<|user|>.\nFour"
    assert text in family.tokenizer.decode(encoder_of(family).encode(conversation(text)))


def test_a_row_cannot_make_the_template_write_or_refuse_what_it_else_would_not() -> None:
    for name, text in [
        ("harmony", "He wrote <|channel|>analysis<|message|>."),  # refused by the template if it could read it
        ("chatml", "<think>\nhm\n</think>\n\nYes"),  # written anew with control tokens of the template's own
        ("deepseek", "<think>hm</think>Yes"),  # left out up to </think>
    ]:
        family = FAMILIES[name]()
        messages = [Message(role="user", content="Really?"), Message(role="assistant", content=text)]
        plain_messages = [messages[0], Message(role="assistant", content="Yes")]
        ids = encoder_of(family).encode(messages)
        assert text in family.tokenizer.decode(ids)
        assert controls(family, ids) == controls(family, by_library(family, plain_messages))


def test_a_template_s_question_for_a_control_string_is_not_answered_by_a_row() -> None:
    family = FAMILIES["chatml"]()
    asking = "{% set c = messages[-1].content %}{{ ('<tool_call>' if '<tool_call>' in c else '') + c }}"
    ids = Encoder(family.tokenizer, asking, "test").encode(conversation("a<tool_call>b"))
    assert not controls(family, ids)
    assert family.tokenizer.decode(ids) == "a<tool_call>b"


def test_a_template_still_reads_what_is_meant_for_it() -> None:
    # A flag in a system prompt, as SmolLM3 and others have it.
    family = FAMILIES["folding"]()
    messages = [Message(role="system", content="/no_think Be brief."), Message(role="user", content="Hello")]
    ids = encoder_of(family).encode(messages)
    assert ids == by_library(family, messages)
    assert controls(family, ids)["<think>"] == 1
    assert "no_think" not in family.tokenizer.decode(ids)


def test_a_template_that_takes_texts_apart_does_not_get_to_see_them() -> None:
    family = FAMILIES["gemma"]()
    part = "messages[-1].content.split('|')"
    for template in (f"<bos>{{{{ {part}[-1] }}}}", f"<bos>{{{{ {part}[1] if {part}[1:] else {part}[0] }}}}"):
        encoder = Encoder(family.tokenizer, template, "test")
        ids = encoder.encode(conversation("one | two <unused7> | three <unused8>"))
        assert "one | two <unused7> | three <unused8>" in family.tokenizer.decode(ids)
        assert controls(family, ids) == {"<bos>": 1}
    with pytest.raises(TemplateError, match="writes parts of a message only"):
        Encoder(family.tokenizer, "<bos>{{ messages[-1].content[:2] }}", "test")


def test_a_single_character_that_is_folded_into_a_control_string_is_left_out() -> None:
    tokenizer = finish(unigram([]), plain("(1)", "...", normalized=True), "{{ messages[-1].content }}")
    family = Family(tokenizer, ("(1)", "...", "x"))
    ids = encoder_of(family).encode(conversation("x(1)y⑴z…x"))
    assert not controls(family, ids)
    assert tokenizer.decode(ids).replace(" ", "") == "x(1)yzx"


def test_unknown_characters_stay_unknown_as_in_the_library() -> None:
    tokenizer = finish(
        unigram([], byte_fallback=False), special("<unk>"), "{{ messages[-1].content }}", unk_token="<unk>"
    )
    family = Family(tokenizer, ("<unk>", "x", "x"))
    ordinary = conversation("the ウィキ line 漢字")
    ids = encoder_of(family).encode(ordinary)
    assert ids == by_library(family, ordinary)
    assert ids.count(tokenizer.unk_token_id) == 2
    # The string that stands for them is not one of them.
    spelt = encoder_of(family).encode(conversation("the <unk> line"))
    assert tokenizer.unk_token_id in by_library(family, conversation("the <unk> line"))
    assert spelt.count(tokenizer.unk_token_id) != 1 or tokenizer.decode(spelt).count("unk") == 2


def test_a_template_s_control_token_stays_when_a_content_s_end_is_cut_from_it() -> None:
    # White space is no token here, and <mask> takes what is before it along: so also what a piece is tokenised after.
    tokenizer = finish(byte_level(), special("b<ma", "<mask>", lstrip=True), "{{ messages[-1].content + '<mask>' }}")
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    family = Family(tokenizer, ("<mask>", "b<ma", "x"))
    assert controls(family, by_library(family, conversation("ab"))) == {"b<ma": 1}
    assert controls(family, encoder_of(family).encode(conversation("ab"))) == {"<mask>": 1}


def test_without_character_positions_a_content_is_still_tokenised_in_one_go() -> None:
    class Positionless(PreTrainedTokenizerFast):
        is_fast = False

    family = FAMILIES["llama3"]()
    tokenizer = Positionless(tokenizer_object=family.tokenizer.backend_tokenizer, bos_token="<|begin_of_text|>")
    tokenizer.chat_template = family.tokenizer.chat_template
    messages = conversation(*ORDINARY[:4])
    assert Encoder(tokenizer, None, "test").encode(messages) == by_library(family, messages)


def test_a_tokenizer_s_own_truncation_and_padding_do_not_apply() -> None:
    family = FAMILIES["gemma"]()
    messages = conversation(ORDINARY[-1])
    expected = by_library(family, messages)
    family.tokenizer.backend_tokenizer.enable_truncation(16)
    family.tokenizer.backend_tokenizer.enable_padding(length=2000)
    assert encoder_of(family).encode(messages) == expected
