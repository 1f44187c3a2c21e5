"""What differs between two principles files."""

import io
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import HEAD, SOUND, principle
from rich.console import Console

from constitution.principle_diff import EntryChange, PrincipleDiff, compare_sets
from constitution.principles import Principle, PrincipleSet, parse_principles
from constitution.report.differences import print_difference
from constitution.words import pieces, tokens, words

Cli = Callable[..., "subprocess.CompletedProcess[str]"]

SUBJECTS = {
    "doses": "doses of medicines for people who are ill",
    "locks": "opening the door of a stranger's house at night",
    "taxes": "hiding income from the revenue office",
    "bees": "disturbing wild bees in their nest",
    "votes": "keeping neighbours from the polling station",
}


def entry(name: str, about: str = "") -> Principle:
    about = about or SUBJECTS[name]
    return Principle(
        id=name,
        critique_request=f"Say whether your last response helps with {about}.",
        revision_request=f"Rewrite your last response so that it is of no use for {about}.",
        comparison=f"Which response is of less use for {about}?",
    )


def file_of(*entries: Principle) -> PrincipleSet:
    return PrincipleSet(name="n", version="1", description="d", principles=entries)


def between(before: Sequence[Principle], after: Sequence[Principle]) -> PrincipleDiff:
    return compare_sets(file_of(*before), file_of(*after), ("a", "b"))


ALL = [entry(name) for name in SUBJECTS]


def told(change: EntryChange) -> tuple[str | None, str | None, bool, list[str]]:
    return change.before, change.after, change.moved, [field.field for field in change.fields]


def test_equal_files_do_not_differ() -> None:
    found = between(ALL, ALL)
    assert found.empty
    assert found.same == 5


def test_added_and_removed_entries_are_told_where_they_are() -> None:
    found = between(ALL[:4], [ALL[0], ALL[4], *ALL[2:4]])
    texts = ["critique_request", "revision_request", "comparison"]
    assert [told(change) for change in found.entries] == [
        (None, "votes", False, texts),
        ("locks", None, False, texts),
    ]
    assert found.same == 3
    assert found.entries[0].fields[0].before is None


def test_a_change_is_told_word_by_word() -> None:
    changed = ALL[1].model_copy(update={"comparison": "Which response is of far less use for locks?", "weight": 2.0})
    found = between(ALL, [ALL[0], changed, *ALL[2:]])
    (change,) = found.entries
    assert told(change) == ("locks", "locks", False, ["comparison", "weight"])
    assert [(piece.kind, piece.text) for piece in change.fields[0].pieces] == [
        ("same", "Which response is of "),
        ("added", "far "),
        ("same", "less use for "),
        ("removed", "opening the door of a stranger's house at night"),
        ("added", "locks"),
        ("same", "?"),
    ]
    assert (change.fields[1].before, change.fields[1].after) == ("1", "2")


def test_a_renamed_entry_is_recognised_by_its_texts_with_the_score() -> None:
    other = entry("burglary", "opening a door of a stranger's house by night")
    found = between(ALL, [ALL[0], other, *ALL[2:]])
    (change,) = found.entries
    assert told(change)[:3] == ("locks", "burglary", False)
    assert change.renamed
    assert change.score
    assert 0.5 <= change.score < 1
    exact = between(ALL, [ALL[0], ALL[1].model_copy(update={"id": "doors"}), *ALL[2:]])
    assert (exact.entries[0].score, exact.entries[0].fields) == (1.0, ())


def test_an_entry_of_another_subject_is_no_rename() -> None:
    found = between(ALL[:4], [*ALL[:3], ALL[4]])
    assert {told(change)[:2] for change in found.entries} == {("bees", None), (None, "votes")}


def test_numbered_ids_that_moved_are_told_by_their_texts() -> None:
    first = [one.model_copy(update={"id": f"p{n}"}) for n, one in enumerate(ALL[:4], 1)]
    second = [one.model_copy(update={"id": f"p{n}"}) for n, one in enumerate([ALL[4], *ALL[:4]], 1)]
    found = between(first, second)
    assert [told(change) for change in found.entries if change.before] == [
        (f"p{n}", f"p{n + 1}", False, []) for n in range(1, 5)
    ]
    assert [change.after for change in found.entries if change.before is None] == ["p1"]
    assert {change.score for change in found.entries if change.before} == {1.0}


def test_what_differs_is_seen_to_differ() -> None:
    one = ALL[0].model_copy(update={"weight": 1.0000001, "tags": ("a, b",)})
    two = ALL[0].model_copy(update={"weight": 1.0000002, "tags": ("a", "b")})
    (change,) = between([one], [two]).entries
    shown = {field.field: (field.before, field.after) for field in change.fields}
    assert shown == {"weight": ("1.0000001", "1.0000002"), "tags": ('"a, b"', "a, b")}


def test_as_few_entries_as_possible_are_said_to_have_moved() -> None:
    found = between(ALL, [ALL[4], *ALL[:4]])
    assert [told(change) for change in found.entries] == [("votes", "votes", True, [])]
    assert found.same == 4


def test_rules_and_the_head_differ_too() -> None:
    rule = "rules:\n  - {id: polite, proposition: The response greets the user.}\n"
    before = parse_principles(HEAD + SOUND + rule, Path("a"))
    after = parse_principles(
        HEAD.replace('"1.0"', "2.0").replace("fault", "flaw") + SOUND + rule.replace("}", ", weight: -1}"), Path("b")
    )
    found = compare_sets(before, after, ("a", "b"))
    assert (found.head[0].field, found.head[0].before, found.head[0].after) == ("version", "1.0", "2.0")
    assert [change.field for change in found.head] == ["version", "description"]
    (change,) = found.entries
    assert (change.noun, *told(change)) == ("rule", "polite", "polite", False, ["weight"])


def test_words_of_chinese_are_its_characters() -> None:
    assert words("重写AI回复。") == ["重", "写", "AI", "回", "复", "。"]
    changed = pieces("请重写你上一条回复，不再嘲笑他人。", "请重写你的上一条回复，不再贬低他人。")
    assert [(piece.kind, piece.text) for piece in changed] == [
        ("same", "请重写你"),
        ("added", "的"),
        ("same", "上一条回复，不再"),
        ("removed", "嘲笑"),
        ("added", "贬低"),
        ("same", "他人。"),
    ]


text = st.lists(st.sampled_from(["a ", "b", " ", "c-d ", "更", "，", ".", "\n", "e's "]), max_size=30).map("".join)


@settings(deadline=None)
@given(text, text)
def test_the_pieces_are_both_texts(before: str, after: str) -> None:
    made = pieces(before, after)
    assert "".join(piece.text for piece in made if piece.kind != "added") == before
    assert "".join(piece.text for piece in made if piece.kind != "removed") == after
    assert "".join(tokens(before)) == before


@settings(deadline=None)
@given(st.permutations(range(5)), st.sets(st.integers(0, 4)), st.sets(st.integers(0, 4)))
def test_every_entry_is_told_or_the_same(order: list[int], gone: set[int], changed: set[int]) -> None:
    after = [ALL[n].model_copy(update={"weight": 3.0}) if n in changed else ALL[n] for n in order if n not in gone]
    found = between(ALL, after)
    assert {change.before for change in found.entries if change.after is None} == {ALL[n].id for n in gone}
    both = [change for change in found.entries if change.after is not None]
    assert {change.after for change in both if change.fields} == {ALL[n].id for n in changed - gone}
    assert len(both) + found.same == len(after)
    # Those that did not move kept their order.
    moved = {change.after for change in both if change.moved}
    kept = [one.id for one in after if one.id not in moved]
    assert kept == [one.id for one in ALL if one.id in kept]


# On the terminal


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    before, after = tmp_path / "a.yaml", tmp_path / "b.yaml"
    before.write_text(HEAD + SOUND, encoding="utf-8")
    text = SOUND.replace("id: insults", "id: respect").replace("to a burglar", "to any burglar") + principle()
    after.write_text(HEAD + "# A comment.\n" + text, encoding="utf-8")
    return before, after


def test_diff_prints_words_with_marks_and_exits_with_0_unless_asked(files: tuple[Path, Path], cli: Cli) -> None:
    shown = cli("principles", "diff", *files)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "~ principle insults → respect (renamed, similarity 1.00)" in shown.stdout
    assert "  comparison: Which response is of less use to [-a-]{+any+} burglar?\n" in shown.stdout
    assert "+ principle fires" in shown.stdout
    assert shown.stdout.endswith("1 added, 1 renamed, 1 changed, 1 the same\n")
    assert cli("principles", "diff", *files, "--exit-code").returncode == 6
    same = cli("principles", "diff", files[0], files[0], "--exit-code")
    assert same.returncode == 0
    assert "both say the same" in same.stdout


def test_diff_takes_shipped_names_and_tells_json(cli: Cli) -> None:
    printed = cli("principles", "diff", "harmlessness", "helpfulness", "--format", "json").stdout
    found = PrincipleDiff.model_validate_json(printed)
    assert sum(change.before is None for change in found.entries) == 8
    assert sum(change.after is None for change in found.entries) == 20 + 8
    assert found.same == 0


def test_in_colour_removed_words_are_red_and_struck_and_added_ones_green(files: tuple[Path, Path]) -> None:
    loaded = [parse_principles(path.read_text(encoding="utf-8"), path) for path in files]
    console = Console(force_terminal=True, color_system="standard", width=200, file=io.StringIO())
    print_difference(console, compare_sets(loaded[0], loaded[1], ("a", "b")))
    shown = console.file.getvalue()
    assert "\x1b[9;31ma\x1b[0m" in shown
    assert "\x1b[32many\x1b[0m" in shown
    assert "[-" not in shown.replace("\x1b[", "")


def test_a_file_that_breaks_the_format_is_told(tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(HEAD + SOUND + principle(weight="x"), encoding="utf-8")
    refused = cli("principles", "diff", "harmlessness", path)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"error: {path}:")
