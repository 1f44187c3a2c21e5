"""`constitution principles import` and `export`: files in, files out, and nothing touched where something is wrong."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import foreign_files as files
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from principle_files import put, untouched
from scale import LONG

from constitution.errors import ConstitutionError, PrinciplesError, TemplateError
from constitution.judging import JudgeExample, load_judge_templates, load_judged
from constitution.principle_formats import READERS
from constitution.principle_formats.contents import MOST_ENTRIES
from constitution.principle_formats.exporting import export_principles
from constitution.principle_formats.few_shots import examples_text
from constitution.principle_formats.importing import import_principles
from constitution.principle_formats.source import parse
from constitution.principles import Principle, load_file
from constitution.records import Message, Prompt
from constitution.resources import shipped
from constitution.templating import FewShot, load_examples, load_templates
from constitution.yaml_limits import MOST_BYTES

Cli = Callable[..., subprocess.CompletedProcess[str]]


def template_set(folder: Path) -> Path:
    """A copy of a shipped set, without its examples."""
    path = folder / "mine"
    shutil.copytree(shipped("templates") / "chat", path)
    (path / "few_shots.yaml").unlink()
    (path / "compare_few_shots.yaml").unlink()
    return path


@pytest.mark.parametrize("name", files.FILES)
def test_every_file_is_imported_into_one_that_loads(name: str, tmp_path: Path) -> None:
    source, folder = put(tmp_path, "source", files.FILES[name]), template_set(tmp_path)
    contents = READERS[name.split()[0]].read(parse(files.FILES[name]))
    if contents.principles or contents.rules:
        import_principles(source, tmp_path / "made.yaml")
        made = load_file(str(tmp_path / "made.yaml"))
        assert (made.principles, made.rules) == (contents.principles, contents.rules)
    else:
        import_principles(source, folder)
        if contents.examples:
            assert load_examples(folder / "few_shots.yaml") == contents.examples
        else:
            assert load_judged(folder / "compare_few_shots.yaml") == contents.judged


def test_examples_of_critiques_are_shown_to_the_model(tmp_path: Path) -> None:
    folder = template_set(tmp_path)
    made = import_principles(put(tmp_path, "shots.json", files.IRREGULAR_SHOTS), folder)
    assert made.files[0].path == str(folder / "few_shots.yaml") and made.files[0].examples == 3
    templates = load_templates(str(folder), few_shots=3)
    prompt = Prompt(id="p", index=0, messages=(Message(role="user", content="And mine?"),))
    principle = Principle(id="p", critique_request="Criticise.", revision_request="Revise.")
    turns = [(turn.role, turn.content) for turn in templates.critique(prompt, "So.", principle)]
    assert turns[:4] == [
        ("user", "My question: how tall is the elm?"),
        ("assistant", "Human: a tree.\n\nIt is tall."),
        ("user", "How tall?"),
        ("assistant", "Very, you fool."),
    ]
    assert turns[4][1].startswith("Is it kind?") and turns[7] == ("assistant", "About twenty metres.")
    assert turns[-3] == ("user", "And mine?")


def test_plain_judge_examples_are_asked_the_question_of_the_real_pair(tmp_path: Path) -> None:
    folder = template_set(tmp_path)
    import_principles(put(tmp_path, "judged.json", files.JUDGE_SHOTS), folder / "compare_few_shots.yaml")
    templates = load_judge_templates(str(folder))
    principle = Principle(id="calm", comparison="Which one is calmer?")
    pair = ([Message(role="user", content="Hi")], "One.", "Two.", principle)
    turns = templates.compare(*pair, seed=0, row="r")
    assert [turn.role for turn in turns] == ["user", "assistant"] * 2 + ["user"]
    assert all("Which one is calmer?" in turn.content for turn in turns if turn.role == "user")
    asked = next(turn.content for turn in turns if "Sing." in turn.content)
    assert asked.index("Hello.") < asked.index("Hello!") < asked.index("Sing.")
    # They have no reasoning to show, so a judge that thinks first is shown none of them.
    assert len(load_judge_templates(str(folder), reason=True).compare(*pair, seed=0, row="r", reason=True)) == 1
    with pytest.raises(TemplateError, match="it holds 0 with a reasoning, which --cot needs, of 2"):
        load_judge_templates(str(folder), 1, reason=True)


def test_reasoned_judge_examples_are_shown_with_the_letter_of_their_side(tmp_path: Path) -> None:
    folder = template_set(tmp_path)
    import_principles(put(tmp_path, "thought.json", files.REASONED_SHOTS), folder)
    templates = load_judge_templates(str(folder), reason=True)
    principle, shown = Principle(id="calm", comparison="Which one is calmer?"), set()
    for row in "abcdefgh":
        turns = templates.compare(
            [Message(role="user", content="Hi")], "One.", "Two.", principle, seed=0, row=row, reason=True
        )
        at = next(n for n, turn in enumerate(turns) if "A red mushroom." in turn.content)
        answer = turns[at + 3].content
        right = turns[at].content.partition("[response (B)]")[2].partition("[question]")[0].strip()
        assert (answer == "B") == (right == "Ask someone who knows.")
        assert f"({answer}) is not" in turns[at + 1].content
        shown.add(answer)
    assert shown == {"A", "B"}


MESSAGES = st.lists(
    st.builds(Message, role=st.sampled_from(["user", "assistant"]), content=st.text("aB:#\n '{", min_size=1)),
    max_size=2,
)
LINES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60).filter(
    lambda text: bool(text.strip())
)


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MESSAGES, LINES, LINES, LINES, st.one_of(st.none(), LINES))
def test_examples_are_read_back_as_they_were(
    tmp_path: Path, before: list[Message], one: str, two: str, three: str, maybe: str | None
) -> None:
    shot = FewShot(
        before=tuple(before),
        prompt=one,
        response=two,
        critique_request=three,
        critique=one,
        revision_request=two,
        revision=three,
    )
    judged = JudgeExample(before=tuple(before), prompt=one, better=two, worse=three, comparison=maybe, reasoning=maybe)
    assert load_examples(put(tmp_path, "few_shots.yaml", examples_text([shot, shot], "Ours."))) == (shot, shot)
    assert load_judged(put(tmp_path, "compare_few_shots.yaml", examples_text([judged], "Ours."))) == (judged,)


def test_what_comes_beside_principles_is_written_where_asked_and_counted_else(tmp_path: Path) -> None:
    source = put(tmp_path, "hf.json", files.HUGGINGFACE)
    made = import_principles(source, tmp_path / "a.yaml")
    assert [(one.field, one.count) for one in made.dropped] == [("examples", 2)]
    assert "--few-shots FILE" in made.notes[0]
    shots = template_set(tmp_path) / "few_shots.yaml"
    made = import_principles(source, tmp_path / "b.yaml", few_shots=shots)
    assert made.dropped == () and len(load_examples(shots)) == 2
    export_principles(str(tmp_path / "b.yaml"), tmp_path / "again.json", "huggingface", few_shots=shots)
    assert (tmp_path / "again.json").read_text("utf-8") == files.HUGGINGFACE

    source = put(tmp_path, "traits.jsonl", files.TRAITS)
    made = import_principles(source, tmp_path / "c.yaml", prompts=tmp_path / "prompts.jsonl")
    assert made.files[1].prompts == 4 and made.dropped == ()
    rows = [json.loads(line) for line in (tmp_path / "prompts.jsonl").read_text("utf-8").splitlines()]
    assert rows[0] == {"prompt": "What is tax?", "principle": "speak-plainly"}
    made = import_principles(source, tmp_path / "d.yaml", name="Traits", description="Ours.")
    assert (load_file(str(tmp_path / "d.yaml")).name, load_file(str(tmp_path / "d.yaml")).description) == (
        "Traits",
        "Ours.",
    )
    assert made.dropped[0].count == 4


def test_a_file_of_no_known_format_is_told_what_was_tried(tmp_path: Path) -> None:
    source = put(tmp_path, "notes.txt", "Dear diary,\n\ntoday it rained.\n")
    with pytest.raises(PrinciplesError, match="of no known format; tried") as caught:
        import_principles(source, tmp_path / "a.yaml")
    lines = caught.value.message.splitlines()[1:]
    assert [line.split(":")[0].strip() for line in lines] == list(READERS)
    assert lines[0] == "  json: not JSON: line 1, column 1: Expecting value"
    assert "'Dear diary,'… has no label" in lines[-1]
    # Whoever says that it is text is believed.
    assert import_principles(source, tmp_path / "a.yaml", "text").files[0].principles == 2
    own = shipped("principles") / "harmlessness.yaml"
    untouched(tmp_path, "of no known format", lambda: import_principles(own, tmp_path / "b.yaml"), "principles lint")


def test_a_file_that_may_be_of_several_formats_is_not_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = put(tmp_path, "lines.txt", files.LINES)
    monkeypatch.setitem(READERS, "csv", READERS["text"])
    untouched(tmp_path, "several formats: csv, text", lambda: import_principles(source, tmp_path / "a.yaml"), "--from")


DEEP = 100_000


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff\xfeh\x00i\x00", "not UTF-8 (byte 0)"),
        (b"", "of no known format"),
        (b"[" * DEEP + b"]" * DEEP, "nested too deeply"),
        (b'{"a":' * DEEP + b"1" + b"}" * DEEP, "nested too deeply"),
        (b"a: " * DEEP, "of no known format"),
        (b"x" * (MOST_BYTES + 1), "more than"),
        (b'[{"dimension": "a", "definition": "b", "weight": ' + b"9" * 5000 + b"}]", "of no known format"),
        (b'[{"dimension": "a", "definition": "b", "weight": 1e999}]', "of no known format"),
        (
            b'["\\nWhich? Options:"' + b', "\\nWhich? Options:"' * MOST_ENTRIES + b"]",
            "5,001 entries, where a principles file has at most 5,000",
        ),
        (b"comparison,tags\nWhich?," + b"a;" * 101, "line 2: more than 100 tags"),
        (b"\x00" * 100, "of no known format"),
    ],
    ids=["utf-16", "empty", "lists", "objects", "keys", "long", "digits", "infinite", "many", "tags", "zeros"],
)
def test_hostile_files_are_refused_in_words(tmp_path: Path, content: bytes, told: str) -> None:
    source = put(tmp_path, "source.json", content)
    untouched(tmp_path, told, lambda: import_principles(source, tmp_path / "a.yaml"))


def test_a_source_that_is_no_file_is_told(tmp_path: Path) -> None:
    untouched(tmp_path, "no such file", lambda: import_principles(tmp_path / "none.json", tmp_path / "a.yaml"))
    untouched(tmp_path, "cannot be read", lambda: import_principles(tmp_path, tmp_path / "a.yaml"))
    source = put(tmp_path, "a.json", files.LANGCHAIN)
    untouched(tmp_path, "did you mean 'salmon'", lambda: import_principles(source, tmp_path / "a.yaml", "salmn"))
    untouched(
        tmp_path,
        "not of the format salmon: entry 1: no key",
        lambda: import_principles(source, tmp_path / "a.yaml", "salmon"),
    )


MUTATED = 5_000 if LONG else 150


@hypothesis_settings(max_examples=MUTATED, deadline=5000, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(files.FILES)), st.data())
def test_whatever_is_in_a_file_only_our_own_errors_come_out(tmp_path: Path, name: str, data: st.DataObject) -> None:
    content = bytearray(files.FILES[name].encode())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        length = data.draw(st.integers(0, 30))
        content[start : start + length] = data.draw(
            st.one_of(
                st.binary(max_size=12), st.sampled_from([b"null", b"[", b"{}", b'"', b"3", b"\n\n", b"id: ", b"&a *a"])
            )
        )
    source = put(tmp_path, "source", bytes(content))
    format = data.draw(st.sampled_from(["auto", name.split()[0]]))
    for old in ("a.yaml", "few.yaml"):
        (tmp_path / old).unlink(missing_ok=True)
    try:
        made = import_principles(source, tmp_path / "a.yaml", format)
    except ConstitutionError as bad:
        assert bad.message and not (tmp_path / "a.yaml").exists()
        return
    if made.files[0].examples:
        assert made.files[0].path.endswith("a.yaml")
    else:
        loaded = load_file(str(tmp_path / "a.yaml"))
        assert (len(loaded.principles), len(loaded.rules)) == (made.files[0].principles, made.files[0].rules)
