"""Templates in the sandbox: no way out, an end to everything, and all else as Jinja and transformers render it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chat_templates
import pytest
from chats import PRINCIPLE
from hostile_templates import BOMBS, ESCAPES, TAGS, VALUES
from jinja2 import Environment, TemplateSyntaxError
from jinja2.exceptions import SecurityError
from tokenizer_families import FAMILIES

from constitution.engines.chat_text import write_chat
from constitution.engines.openai.chat_template import ChatTemplate
from constitution.engines.transformers.encoding import Encoder
from constitution.errors import CallError, ModelError, TemplateError, TemplateLimit
from constitution.judging import load_judge_templates
from constitution.records import Message
from constitution.sandbox import LimitExceeded, budget, compile_template, line_of, render
from constitution.templating import load_templates


def rendered(source: str, chat: bool = True, **values: Any) -> str:
    return render(compile_template(source, chat), {**VALUES, **values})


# --- no way out

# What a template prints that got nothing: of what is undefined, or of nothing that has the attribute.
NOTHING = ("", "[]", "[Undefined]")


@pytest.mark.parametrize("chat", [False, True], ids=["a set", "chat"])
@pytest.mark.parametrize("source", ESCAPES)
def test_what_gets_out_of_plain_jinja_does_not_get_out_of_here(source: str, chat: bool) -> None:
    assert Environment().from_string(source).render(json.loads(json.dumps(VALUES))) not in NOTHING
    values = json.loads(json.dumps(VALUES))
    try:
        text = render(compile_template(source, chat), values)
    except Exception:
        text = ""
    assert text in NOTHING
    assert values == VALUES


@pytest.mark.parametrize("source", TAGS)
def test_tags_that_read_other_templates_are_refused_with_their_line(source: str) -> None:
    with pytest.raises(TemplateSyntaxError, match="is not for templates here") as bad:
        compile_template(f"one\n{source}")
    assert bad.value.lineno == 2


@pytest.mark.parametrize("value", [object(), PRINCIPLE, {"a": [PRINCIPLE]}, print, b"bytes", {1, 2}, Path("x")])
def test_a_template_is_given_data_only(value: Any) -> None:
    with pytest.raises(SecurityError, match="are data"):
        rendered("x", value=value)


def test_a_sets_templates_see_dicts_and_lists() -> None:
    seen = "{{ principle is mapping }}{{ principle.critique_request }}{{ conversation is defined }}"
    source = "{{ conversation[0] is mapping }}{{ conversation[0].role }}{{ principle is mapping }}"
    assert rendered(source, False, conversation=[{"role": "user"}], principle=PRINCIPLE.model_dump()) == "TrueuserTrue"
    assert rendered(seen, False, principle=PRINCIPLE.model_dump()) == "True-False"


def test_what_a_row_says_is_no_template_in_a_chat_template() -> None:
    text = write_chat(compile_template(chat_templates.CHATML, True), [{"role": "user", "content": "{{ 7*7 }}"}], {})
    assert "{{ 7*7 }}" in text
    assert "49" not in text


# --- an end to everything


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, Any]]:
    """What became of each bomb, all in one process."""
    program = [sys.executable, str(Path(__file__).with_name("hostile_templates.py"))]
    done = subprocess.run(program, capture_output=True, encoding="utf-8", timeout=120, check=True)
    return {row["name"]: row for row in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", BOMBS)
def test_a_template_that_would_not_end_is_refused_within_seconds(
    name: str, measured: dict[str, dict[str, Any]]
) -> None:
    assert measured[name]["told"]
    assert measured[name]["seconds"] < 4


def test_all_that_would_take_gigabytes_takes_less_than_four_hundred_megabytes(
    measured: dict[str, dict[str, Any]],
) -> None:
    assert len(measured) == len(BOMBS)
    assert max(row["megabytes"] for row in measured.values()) < 400


def test_the_clock_ends_what_is_within_the_other_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    source = "{% for n in range(99) %}{% set x = 'a' * 99999 %}{% endfor %}end"
    assert rendered(source) == "end"
    monkeypatch.setattr(budget, "SECONDS", -1.0)
    with pytest.raises(LimitExceeded, match="seconds"):
        rendered(source)


def test_a_limit_is_told_with_its_line() -> None:
    template = compile_template("one\n{% for a in range(99999) %}\n{{ 'a' * 10**9 }}{% endfor %}")
    with pytest.raises(LimitExceeded, match="1,000,000,000 characters, at most 16,000,") as bad:
        render(template, VALUES)
    assert line_of(bad.value, template) == 3


# --- what is told


def set_of(folder: Path, **files: str) -> str:
    folder.mkdir()
    texts = {"critique": "c", "revise": "r", "compare": "q", "verdict": "v"} | files
    for name, text in texts.items():
        (folder / f"{name}.jinja").write_text(text, encoding="utf-8")
    return str(folder)


@pytest.mark.parametrize(
    ("file", "load"),
    [
        ("critique", load_templates),
        ("revise", load_templates),
        ("system", load_templates),
        ("compare", load_judge_templates),
        ("verdict", load_judge_templates),
    ],
)
def test_a_set_that_breaks_a_limit_is_refused_before_any_row(
    tmp_path: Path, file: str, load: Callable[[str], object]
) -> None:
    folder = set_of(tmp_path / "set", **{file: "one\n{{ 'a' * 200000000 }}"})
    with pytest.raises(
        TemplateError, match=rf"{file}\.jinja:2: makes a value of 200,000,000 characters, at most"
    ) as bad:
        load(folder)
    assert bad.value.hint


def test_a_limit_that_one_rows_data_breaks_fails_the_row_and_not_the_run(
    generated: Callable[..., Path], lines: Callable[[Path], list[Any]], tmp_path: Path
) -> None:
    folder = set_of(tmp_path / "set", revise="Again.\n{% if 'number 4' in prompt %}{{ 'a' * 10**9 }}{% endif %}")
    run = generated(templates=folder)
    (failure,) = lines(run / "failures.jsonl")
    assert (failure["id"], failure["kind"], failure["step"]) == ("row-04", "TemplateLimit", "revise")
    assert "revise.jinja:2: makes a value of 1,000,000,000 characters" in failure["message"]
    assert len(lines(run / "transcripts.jsonl")) == 11


LONG = "{% for m in messages %}{{ m.content }}{% endfor %}{% if messages|length > 4 %}{{ 'a' * 10**9 }}{% endif %}"


@pytest.mark.parametrize("source", [BOMBS["loops"], BOMBS["doubling lists"], BOMBS["fors"], "{{ messages|nosuch }}"])
def test_a_models_chat_template_that_does_not_end_is_told_when_the_model_is_opened(source: str) -> None:
    tokenizer = FAMILIES["zephyr"]().tokenizer
    own, tokenizer.chat_template = tokenizer.chat_template, source
    try:
        with pytest.raises(ModelError, match="the chat template of the model 'hostile' cannot be used: ") as bad:
            Encoder(tokenizer, None, "hostile")
    finally:
        tokenizer.chat_template = own
    assert "chat_template.jinja" in bad.value.hint
    with pytest.raises(TemplateError, match=r"the template set's chat_template\.jinja"):
        Encoder(tokenizer, source, "hostile")
    with pytest.raises(TemplateError, match=r"the template set's chat_template\.jinja"):
        ChatTemplate(source)


def test_a_conversation_that_breaks_a_limit_of_a_chat_template_fails_its_call() -> None:
    words = [Message(role="user" if n % 2 == 0 else "assistant", content=f"{n}") for n in range(5)]
    encoder = Encoder(FAMILIES["zephyr"]().tokenizer, LONG, "test")
    assert encoder.encode(words[:3])
    with pytest.raises(TemplateLimit, match="the chat template, line 1, makes a value of 1,000,000,000 characters"):
        encoder.encode(words)
    template = ChatTemplate(LONG)
    with pytest.raises(TemplateLimit, match="the chat template, line 1, makes"):
        template.render([message.model_dump() for message in words])
    assert issubclass(TemplateLimit, CallError)


def test_a_broken_chat_template_of_a_set_is_named_with_file_and_line(tmp_path: Path) -> None:
    folder = set_of(tmp_path / "set", chat_template="one\n{% for %}")
    with pytest.raises(TemplateError, match=r"set/chat_template\.jinja:2: "):
        load_templates(folder)
