"""Template sets: the order of turns, few-shots, system prompts, text that stays text, and faults in a set."""

import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment

from constitution.conversations import parse_transcript
from constitution.errors import TemplateError
from constitution.principles import Principle
from constitution.records import Message, Prompt
from constitution.resources import shipped
from constitution.templating import TemplateSet, load_templates

PRINCIPLE = Principle(id="p", critique_request="Criticise it.", revision_request="Rewrite it.")
CRITIQUE = "[{{ prompt }}|{{ response }}|{{ principle.critique_request }}]"
REVISE = "[{{ prompt }}|{{ response }}|{{ principle.revision_request }}|{{ critique }}]"
SHOT = """\
- prompt: P
  response: R
  critique_request: CR
  critique: C
  revision_request: RR
  revision: V
"""


def prompt_of(*turns: tuple[str, str]) -> Prompt:
    messages = tuple(Message(role=role, content=content) for role, content in turns)
    return Prompt(id="row", index=0, messages=messages)


def pairs(messages: list[Message]) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in messages]


def folder_of(tmp_path: Path, files: dict[str, str] | None = None) -> Path:
    """A set with plain templates, and these files."""
    folder = tmp_path / "set"
    folder.mkdir()
    for name, text in ({"critique.jinja": CRITIQUE, "revise.jinja": REVISE} | (files or {})).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def the_error(folder: Path, few_shots: int | None = None) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        load_templates(str(folder), few_shots)
    return caught.value


ASK = prompt_of(("user", "Q?"))
TALK = prompt_of(("user", "One?"), ("assistant", "Yes."), ("user", "Q?"))


# --- the order of turns


def test_the_initial_response_is_asked_for_with_the_rows_own_turns_alone(tmp_path: Path) -> None:
    templates = load_templates(str(folder_of(tmp_path, {"few_shots.yaml": SHOT})), few_shots=1)
    assert templates.respond(TALK) == list(TALK.messages)


def test_a_critique_is_asked_for_after_the_response(tmp_path: Path) -> None:
    templates = load_templates(str(folder_of(tmp_path)))
    assert pairs(templates.critique(TALK, "A.", PRINCIPLE)) == [
        ("user", "One?"),
        ("assistant", "Yes."),
        ("user", "Q?"),
        ("assistant", "A."),
        ("user", "[Q?|A.|Criticise it.]"),
    ]


def test_a_revision_is_asked_for_after_the_critique(tmp_path: Path) -> None:
    templates = load_templates(str(folder_of(tmp_path)))
    assert pairs(templates.revise(ASK, "A.", PRINCIPLE, "Bad.")) == [
        ("user", "Q?"),
        ("assistant", "A."),
        ("user", "[Q?|A.|Criticise it.]"),
        ("assistant", "Bad."),
        ("user", "[Q?|A.|Rewrite it.|Bad.]"),
    ]


def test_a_direct_revision_is_asked_for_after_the_response(tmp_path: Path) -> None:
    templates = load_templates(str(folder_of(tmp_path)))
    assert pairs(templates.revise(ASK, "A.", PRINCIPLE, None)) == [
        ("user", "Q?"),
        ("assistant", "A."),
        ("user", "[Q?|A.|Rewrite it.|None]"),
    ]


@pytest.mark.parametrize("few_shots", [0, 1, 2])
@pytest.mark.parametrize("system_prompt", [None, "Be kind."])
@pytest.mark.parametrize("prompt", [ASK, TALK, prompt_of(("system", "Mine."), ("user", "Q?"))])
@pytest.mark.parametrize("name", ["chat", "chat.zh", "transcript"])
def test_a_revision_goes_on_exactly_where_the_critiques_conversation_ended(
    name: str, prompt: Prompt, system_prompt: str | None, few_shots: int
) -> None:
    templates = load_templates(name, few_shots, system_prompt)
    critique = templates.critique(prompt, "A.", PRINCIPLE)
    revise = templates.revise(prompt, "A.", PRINCIPLE, "Bad.")
    assert revise[:-1] == [*critique, Message(role="assistant", content="Bad.")]
    assert revise[-1].role == "user"
    talk = revise[1:] if revise[0].role == "system" else revise
    assert [message.role for message in talk] == (["user", "assistant"] * len(talk))[: len(talk)]


@pytest.mark.parametrize("name", ["chat", "chat.zh", "transcript"])
def test_the_shipped_sets_ask_with_the_principles_own_words(name: str) -> None:
    templates = load_templates(name, few_shots=0)
    assert templates.critique(ASK, "A.", PRINCIPLE)[-1].content.startswith("Criticise it.")
    assert templates.revise(ASK, "A.", PRINCIPLE, "Bad.")[-1].content.startswith("Rewrite it.")


# --- few-shots


def test_examples_come_first_with_their_critique_in_the_same_templates(tmp_path: Path) -> None:
    templates = load_templates(str(folder_of(tmp_path, {"few_shots.yaml": SHOT})), few_shots=1)
    example = [
        ("user", "P"),
        ("assistant", "R"),
        ("user", "[P|R|CR]"),
        ("assistant", "C"),
        ("user", "[P|R|RR|C]"),
        ("assistant", "V"),
    ]
    asked = [("user", "Q?"), ("assistant", "A."), ("user", "[Q?|A.|Criticise it.]")]
    assert pairs(templates.critique(ASK, "A.", PRINCIPLE)) == example + asked


def test_examples_of_direct_revision_show_no_critique(tmp_path: Path) -> None:
    templates = load_templates(str(folder_of(tmp_path, {"few_shots.yaml": SHOT})), few_shots=1)
    example = [("user", "P"), ("assistant", "R"), ("user", "[P|R|RR|None]"), ("assistant", "V")]
    asked = [("user", "Q?"), ("assistant", "A."), ("user", "[Q?|A.|Rewrite it.|None]")]
    assert pairs(templates.revise(ASK, "A.", PRINCIPLE, None)) == example + asked


@pytest.mark.parametrize(("asked_for", "used"), [(None, 2), (0, 0), (1, 1), (3, 3)])
def test_a_set_says_how_many_examples_are_used_unless_told_otherwise(
    tmp_path: Path, asked_for: int | None, used: int
) -> None:
    shots = "".join(SHOT.replace("prompt: P", f"prompt: P{n}") for n in range(3))
    folder = folder_of(tmp_path, {"few_shots.yaml": shots, "set.yaml": "few_shots: 2\n"})
    messages = load_templates(str(folder), asked_for).critique(ASK, "A.", PRINCIPLE)
    assert [m.content for m in messages[:-3:6]] == [f"P{n}" for n in range(used)]
    assert len(messages) == 6 * used + 3


@pytest.mark.parametrize(("files", "held"), [({"few_shots.yaml": SHOT}, 1), ({}, 0)])
def test_more_examples_than_there_are_is_refused(tmp_path: Path, files: dict[str, str], held: int) -> None:
    folder = folder_of(tmp_path, files)
    error = the_error(folder, few_shots=2)
    assert error.message == f"{folder / 'few_shots.yaml'}: 2 few-shot examples asked for, it holds {held}"
    assert f"--few-shots {held} or fewer" in error.hint


@pytest.mark.parametrize("file", ["few_shots.yaml", "set.yaml"])
def test_a_file_of_comments_alone_says_nothing(tmp_path: Path, file: str) -> None:
    templates = load_templates(str(folder_of(tmp_path, {file: "# none yet\n"})))
    assert len(templates.critique(ASK, "A.", PRINCIPLE)) == 3
    assert templates.stop == ()


# --- system prompts


@pytest.mark.parametrize("name", ["chat", "chat.zh", "transcript"])
def test_the_system_prompt_opens_every_conversation(name: str) -> None:
    templates = load_templates(name, few_shots=1, system_prompt="Be kind.")
    for messages in (
        templates.respond(ASK),
        templates.critique(ASK, "A.", PRINCIPLE),
        templates.revise(ASK, "A.", PRINCIPLE, "Bad."),
        templates.revise(ASK, "A.", PRINCIPLE, None),
    ):
        assert messages[0] == Message(role="system", content="Be kind.")
        assert [message.role for message in messages].count("system") == 1


@pytest.mark.parametrize("system_prompt", [None, "", "  "])
def test_without_a_system_prompt_there_is_no_system_turn(system_prompt: str | None) -> None:
    templates = load_templates("chat", system_prompt=system_prompt)
    assert pairs(templates.respond(ASK)) == [("user", "Q?")]


def test_a_rows_own_system_message_wins_and_stays_before_the_examples() -> None:
    templates = load_templates("chat", few_shots=1, system_prompt="Be kind.")
    messages = templates.critique(prompt_of(("system", "Mine."), ("user", "Q?")), "A.", PRINCIPLE)
    assert messages[0] == Message(role="system", content="Mine.")
    assert "Be kind." not in [message.content for message in messages]
    assert [message.content for message in messages[-3:-1]] == ["Q?", "A."]


def test_a_system_template_knows_the_step(tmp_path: Path) -> None:
    templates = load_templates(
        str(folder_of(tmp_path, {"system.jinja": "{{ step }}: {{ system_prompt }}"})), None, "Be."
    )
    assert templates.respond(ASK)[0].content == "respond: Be."
    assert templates.critique(ASK, "A.", PRINCIPLE)[0].content == "critique: Be."
    assert templates.revise(ASK, "A.", PRINCIPLE, "Bad.")[0].content == "revise: Be."


# --- text is never compiled


@pytest.mark.parametrize("text", ["{{ 7*7 }}", "{% raise %}", "{# gone? #}", "{{ undefined }}", "{%- if", "# line"])
def test_jinja_in_a_row_an_answer_or_a_critique_stays_as_it_is(tmp_path: Path, text: str) -> None:
    templates = load_templates(str(folder_of(tmp_path)), system_prompt=text)
    revise = templates.revise(prompt_of(("user", text)), text, PRINCIPLE, text)
    assert [message.content for message in revise] == [
        text,
        text,
        f"[{text}|{text}|Criticise it.]",
        text,
        f"[{text}|{text}|Rewrite it.|{text}]",
    ]
    assert load_templates("chat", system_prompt=text).respond(ASK)[0].content == text


def test_jinja_in_a_principle_or_an_example_stays_as_it_is(tmp_path: Path) -> None:
    shot = "".join(f"{line} {{{{ 7*7 }}}}\n" for line in SHOT.splitlines())
    templates = load_templates(str(folder_of(tmp_path, {"few_shots.yaml": shot})), few_shots=1)
    principle = Principle(id="p", critique_request="{{ 7*7 }}", revision_request="{{ 7*7 }}")
    for message in templates.revise(ASK, "A.", principle, "Bad.")[:6]:
        assert "{{ 7*7 }}" in message.content
    assert templates.critique(ASK, "A.", principle)[-1].content == "[Q?|A.|{{ 7*7 }}]"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> TemplateSet:
    return load_templates(str(folder_of(tmp_path_factory.mktemp("plain"))))


@given(st.text(min_size=1), st.text(), st.text())
@hypothesis_settings(deadline=None)
def test_any_text_reaches_the_model_whole(plain: TemplateSet, question: str, answer: str, critique: str) -> None:
    revise = plain.revise(prompt_of(("user", question)), answer, PRINCIPLE, critique)
    assert [message.content for message in revise] == [
        question,
        answer,
        f"[{question}|{answer}|Criticise it.]",
        critique,
        f"[{question}|{answer}|Rewrite it.|{critique}]",
    ]


# --- the transcript set


def test_the_transcript_sets_own_chat_template_writes_turns_that_its_stop_strings_end() -> None:
    templates = load_templates("transcript", few_shots=0)
    assert templates.stop == ("\n\nHuman:", "\n\nAssistant:")
    # As transformers compiles chat templates.
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    messages = templates.revise(TALK, "A.", PRINCIPLE, "Bad.")
    values = [message.model_dump() for message in messages]
    text = environment.from_string(templates.chat_template or "").render(messages=values, add_generation_prompt=True)
    assert text.startswith("\n\nHuman: One?\n\nAssistant: Yes.\n\nHuman: Q?")
    assert text.endswith("\n\nAssistant:")
    assert parse_transcript(text) == [*messages, Message(role="assistant", content="")]


def test_the_chat_set_leaves_turns_and_their_ends_to_the_model() -> None:
    templates = load_templates("chat")
    assert (templates.chat_template, templates.stop) == (None, ())


# --- faults in a set


@pytest.mark.parametrize("missing", ["critique.jinja", "revise.jinja"])
def test_a_missing_file_is_named_with_a_set_to_copy(tmp_path: Path, missing: str) -> None:
    folder = folder_of(tmp_path)
    (folder / missing).unlink()
    error = the_error(folder)
    assert error.message == f"{folder}: the file {missing} is missing"
    assert str(shipped("templates") / "chat") in error.hint


@pytest.mark.parametrize(
    ("name", "advice"),
    [("chta", "did you mean 'chat'?"), ("zzz", "known: chat, chat.zh, transcript"), ("a/b", "known: chat")],
)
def test_an_unknown_set_is_answered_with_the_nearest(name: str, advice: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(f"no template set called {name!r}; {advice}")):
        load_templates(name)


@pytest.mark.parametrize(
    ("file", "text", "undefined", "known"),
    [
        ("critique.jinja", "{{ principel.critique_request }}", "'principel'", "principle, prompt, response"),
        ("critique.jinja", "{{ principle.critque_request }}", "'critque_request'", "principle, prompt, response"),
        ("critique.jinja", "{{ critique }}", "'critique'", "principle, prompt, response"),
        ("revise.jinja", "{{ answer }}", "'answer'", "critique, principle, prompt, response"),
        ("system.jinja", "{{ prompt }}", "'prompt'", "step, system_prompt"),
        # Only direct revision takes this path.
        ("revise.jinja", "{% if not critique %}{{ answer }}{% endif %}", "'answer'", "critique, principle, prompt"),
    ],
)
def test_an_undefined_name_is_found_at_once_with_the_values_there_are(
    tmp_path: Path, file: str, text: str, undefined: str, known: str
) -> None:
    folder = folder_of(tmp_path, {file: text})
    error = the_error(folder)
    assert error.message.startswith(f"{folder / file.replace('__', '.')}:1: ")
    assert undefined in error.message
    assert known in error.hint


@pytest.mark.parametrize("text", ["one\n{% if %}\n", "one\n{{ prompt|nosuch }}\n", "one\n{% raise %}\n", "\n{{ 'a }}"])
def test_broken_jinja_is_named_by_file_and_line(tmp_path: Path, text: str) -> None:
    folder = folder_of(tmp_path, {"revise.jinja": text})
    assert the_error(folder).message.startswith(f"{folder / 'revise.jinja'}:2: ")


@pytest.mark.parametrize(
    "text",
    [
        "{{ principle.__class__ }}",
        "{{ principle.__init__.__globals__ }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ '{0.__class__}'.format(prompt) }}",
        "{{ (prompt|attr('__class__')).__mro__ }}",
        "{{ prompt['__class__'].__mro__ }}",
        "{{ [].append(1) }}",
    ],
)
def test_the_sandbox_lets_no_template_out(tmp_path: Path, text: str) -> None:
    folder = folder_of(tmp_path, {"revise.jinja": text})
    assert the_error(folder).message.startswith(f"{folder / 'revise.jinja'}:1: ")


@pytest.mark.parametrize(
    "text",
    [
        "{{ 1 + prompt }}",
        "{{ 1 // 0 }}",
        "{{ prompt() }}",
        "{{ '%d' % prompt }}",
        "{{ range(10000000)|list }}",
        "{% include 'critique.jinja' %}",
    ],
)
def test_a_template_that_fails_when_it_runs_is_named(tmp_path: Path, text: str) -> None:
    folder = folder_of(tmp_path, {"revise.jinja": text})
    assert the_error(folder).message.startswith(f"{folder / 'revise.jinja'}:1: ")


TWO_SHOTS = SHOT + SHOT  # the second begins on line 7


@pytest.mark.parametrize(
    ("file", "text", "line", "words"),
    [
        ("set.yaml", "description: x\nstp: []\n", 2, ["unknown key 'stp'", "did you mean 'stop'?"]),
        ("set.yaml", "description: x\nfew_shots: -1\n", 2, ["few_shots", "greater than or equal to 0"]),
        ("set.yaml", "description: x\nstop: ['END', '']\n", 2, ["stop"]),
        ("few_shots.yaml", SHOT + "  revison: x\n", 7, ["unknown key 'revison'", "did you mean 'revision'?"]),
        ("few_shots.yaml", SHOT + SHOT.replace("  critique: C\n", ""), 7, ["'critique' is missing"]),
        ("few_shots.yaml", TWO_SHOTS.replace("  revision: V", "  revision: ''"), 6, ["revision"]),
        ("few_shots.yaml", SHOT + "  revision: x\n", 7, ['duplicate key "revision"']),
        ("few_shots.yaml", "examples: []\n", 1, ["list"]),
    ],
)
def test_a_fault_in_a_sets_yaml_is_named_by_file_line_and_rule(
    tmp_path: Path, file: str, text: str, line: int, words: list[str]
) -> None:
    folder = folder_of(tmp_path, {file: text})
    error = the_error(folder)
    assert error.message.startswith(f"{folder / file.replace('__', '.')}:{line}: ")
    assert [word for word in words if word not in error.message] == []


# --- the digest


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("critique.jinja", CRITIQUE + "."),
        ("revise.jinja", REVISE + "."),
        ("system.jinja", "{{ system_prompt or '' }}."),
        ("chat_template.jinja", "."),
        ("few_shots.yaml", SHOT.replace("revision: V", "revision: W")),
        ("set.yaml", "few_shots: 1\nstop: [OTHER]\n"),
        ("set.yaml", "few_shots: 0\nstop: [END]\n"),
    ],
)
def test_the_digest_follows_every_file(tmp_path: Path, file: str, text: str) -> None:
    files = {
        "system.jinja": "{{ system_prompt or '' }}",
        "chat_template.jinja": "",
        "few_shots.yaml": SHOT,
        "set.yaml": "few_shots: 1\nstop: [END]\n",
    }
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
    before = load_templates(str(folder_of(tmp_path / "before", files)))
    after = load_templates(str(folder_of(tmp_path / "after", files | {file: text})))
    assert after.digest != before.digest


def test_the_digest_follows_the_system_prompt_and_the_number_of_examples() -> None:
    digests = {
        load_templates("chat", few_shots, system_prompt).digest
        for few_shots in (0, 1, 2)
        for system_prompt in (None, "Be kind.", "Be kind!")
    }
    assert len(digests) == 9


def test_the_digest_does_not_follow_the_folder_its_description_or_unused_examples(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(shipped("templates") / "chat", folder)
    (folder / "set.yaml").write_text("description: Mine.\n")
    (folder / "few_shots.yaml").write_text(SHOT)
    assert load_templates(str(folder)).digest == load_templates("chat").digest
