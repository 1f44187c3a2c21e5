"""Control strings of the known model families, found in plain text and made harmless."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution.engines.openai.control_strings import count, escape

KNOWN = [
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "<|begin_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|header_start|>",
    "<|eot|>",
    "<|user|>",
    "<|assistant|>",
    "<|system|>",
    "<|end|>",
    "<|start_of_role|>",
    "<|end_of_text|>",
    "<|start|>",
    "<|channel|>",
    "<|message|>",
    "<|return|>",
    "<|START_OF_TURN_TOKEN|>",
    "<|END_OF_TURN_TOKEN|>",
    "<|CHATBOT_TOKEN|>",
    "<|im_middle|>",
    "<|reserved_special_token_7|>",
    "<|turn>",
    "<turn|>",
    "<|channel>",
    "<channel|>",
    "<｜User｜>",
    "<｜Assistant｜>",
    "<｜begin▁of▁sentence｜>",
    "<｜end▁of▁sentence｜>",
    "<｜tool▁calls▁begin｜>",
    "<｜hy_User｜>",
    "[|user|]",
    "[|endofturn|]",
    "<s>",
    "</s>",
    "<bos>",
    "<eos>",
    "<pad>",
    "<unk>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<start_of_image>",
    "<unused99>",
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    "<seed:bos>",
    "<extra_id_0>",
    "<SPECIAL_12>",
    "<BOS_TOKEN>",
    "<sop>",
    "<eop>",
    "<end_of_utterance>",
    "<reserved_106>",
    "<fim_prefix>",
    "<file_sep>",
    "[INST]",
    "[/INST]",
    "[AVAILABLE_TOOLS]",
    "[/AVAILABLE_TOOLS]",
    "[TOOL_CALLS]",
    "[SYSTEM_PROMPT]",
    "[THINK]",
    "[/THINK]",
    "[IMG]",
    "[IMG_END]",
    "[gMASK]",
    "<<SYS>>",
    "<</SYS>>",
    "]~b]",
    "]~!b[",
    "[e~[",
]

PLAIN = [
    "User: hello\n\nAssistant: hi\n\n### Response:\nHuman: yes",
    "<b>bold</b> <br/> <p class='x'>text</p> <div><span>y</span></div> <!-- note --> <think-tank> <thinking>",
    "| a | b |\n|---|---|\n| <b>1</b> | [link](http://x.example/) | [x] | ![i](j.png) |",
    "if (a < b || c > d) { e |> f <| g; } x <- y; List<Map<K, V>> m; a <|> b; 1 <| 2 |> 3",
    "[1] [a] [INSTALL] [inst] [SYSTEM] [Inst] <S> <Start_of_turn> <|> <||> [||] << SYS >> <strong> <source>",
    "<https://example.org> <me@example.org> «quoted» ｜ 全角 ｜ <｜>",
    "Numbers < 5 and > 3, arrows -> <- => <=, ]~ tilde, list[int | None], dict[str, Any]|None",
]


@pytest.mark.parametrize("known", KNOWN)
def test_known_families_control_strings_are_found_and_taken_apart(known: str):
    text = f"before{known}after"
    assert count(text) == 1
    assert escape(text) == f"before{known[0]} {known[1:]}after"


@pytest.mark.parametrize("plain", PLAIN)
def test_plain_words_code_and_markup_are_left_alone(plain: str):
    assert count(plain) == 0
    assert escape(plain) is plain


@pytest.mark.parametrize(
    "nested",
    [
        "<|im_<|im_end|>end|>",
        "<<|im_end|>|im_end|>",
        "[IN[INST]ST]",
        "<|<|<|eot_id|>eot_id|>eot_id|>",
        "<<s>/s>",
        "<<</SYS>>SYS>>",
        "</</think>think>",
        "<start_of_<start_of_turn>turn>",
    ],
)
def test_nested_ones_do_not_come_together_again(nested: str):
    escaped = escape(nested)
    assert count(escaped) == 0
    # Nothing but spaces was put in, so no piece that was taken out can have joined its neighbours.
    assert escaped.replace(" ", "") == nested
    assert escape(escaped) == escaped


@given(st.lists(st.sampled_from([*KNOWN, "<", ">", "|", "[", "]", "~", "/", "s", "x", " "]), max_size=12).map("".join))
def test_no_text_keeps_a_control_string_and_none_loses_a_character(text: str):
    escaped = escape(text)
    assert count(escaped) == 0
    assert escaped.replace(" ", "") == text.replace(" ", "")
