"""`constitution principles new`, `add`, `edit`, `remove`, `rename`, `reorder`, `show`: what they do and refuse."""

import json
import os
import stat
from pathlib import Path

import pytest
from principle_cli import TEXT, Run, refused

from constitution.errors import PrinciplesError
from constitution.principle_files import saving, targets
from constitution.principle_files.saving import read_to_edit, save
from constitution.principles import load_file, load_principles

# What they do


def test_an_edit_shows_its_diff_and_touches_nothing_else(principles: Run, mine: Path) -> None:
    ran = principles(
        "edit", "mine.yaml", "one", "--weight", 3, "--tag", "b", "--tag", "c: d", "--revision-request", "It's so."
    )
    new = TEXT.replace("'Rewrite it.'", "'It''s so.'").replace('[a, "b"]', '["b", "c: d"]')
    new = new.replace("    tags", "    weight: 3\n    tags")
    assert mine.read_text() == new
    assert ran.code == 0
    assert '\n-    tags: [a, "b"]\n' in ran.out
    assert '\n+    weight: 3\n+    tags: ["b", "c: d"]\n' in ran.out
    assert ran.out.startswith("--- mine.yaml (as it is)\n+++ mine.yaml (edited)\n@@ ")
    assert ran.err == "mine.yaml: written\n"
    assert os.listdir(mine.parent / "kept") == []
    assert sorted(os.listdir(mine.parent)) == ["kept", "mine.yaml"]


def test_a_dry_run_shows_the_same_diff_and_writes_nothing(principles: Run, mine: Path) -> None:
    dry = principles("remove", "mine.yaml", "one", "--dry-run", "--format", "json")
    assert mine.read_text() == TEXT
    told = json.loads(dry.out)
    assert (told["file"], told["written"]) == ("mine.yaml", False)
    assert "dry run, nothing written" in dry.err
    assert principles("remove", "mine.yaml", "one").out == told["diff"] + "\n"
    assert mine.read_text() == TEXT.replace(TEXT[TEXT.index("  # Above") : TEXT.index("  # Nobody's")], "")


def test_fields_are_taken_out_renamed_and_entries_moved(principles: Run, mine: Path) -> None:
    principles("edit", "mine.yaml", "one", "--no-tags")
    principles("edit", "mine.yaml", "two", "--no-comparison", "--critique-request", "Say it.")
    principles("rename", "mine.yaml", "three", "third")
    principles("edit", "mine.yaml", "--version", "2.0", "--description", "For more: tests.")
    new = TEXT.replace('    tags: [a, "b"]\n', "").replace("    comparison: Which is better?\n", "")
    new = new.replace("Say what is\n      wrong here.", "Say it.").replace("id: three", "id: third")
    new = new.replace('"1.0"', '"2.0"').replace("For tests.", '"For more: tests."')
    assert mine.read_text() == new
    assert principles("reorder", "mine.yaml", "two", "--before", "one").code == 0
    one, two = (
        new[new.index("  # Above") : new.index("\n  # Nobody's")],
        new[new.index("  - id: two") : new.index("rules:")],
    )
    assert mine.read_text() == new.replace(two, "@").replace(one, two).replace("@", one)


def test_a_principle_and_a_rule_are_added_where_they_are_wanted(principles: Run, mine: Path) -> None:
    texts = ("--critique-request", "Look.", "--revision-request", "Do.")
    principles("add", "mine.yaml", "--id", "four", *texts, "--after", "one")
    principles("add", "mine.yaml", "--id", "five", *texts, "--first")
    principles(
        "add", "mine.yaml", "--id", "six", "--proposition", "It is short.", "--weight", "-1", "--before", "three"
    )
    entry = "  - id: {}\n    critique_request: Look.\n    revision_request: Do.\n"
    new = TEXT.replace("    # Below one.\n", "    # Below one.\n\n" + entry.format("four"))
    new = new.replace("principles:\n", "principles:\n" + entry.format("five") + "\n")
    new = new.replace("rules:\n", "rules:\n- id: six\n  proposition: It is short.\n  weight: -1\n\n")
    assert mine.read_text() == new


def test_a_file_begins_with_an_example_or_a_copy_and_overwrites_nothing(principles: Run, tmp_path: Path) -> None:
    assert principles("new", "fresh.yaml").out == "fresh.yaml\n"
    loaded = load_principles(str(tmp_path / "fresh.yaml"))
    assert (loaded.name, len(loaded.principles)) == ("fresh", 1)
    text = (tmp_path / "fresh.yaml").read_text()
    uncommented = text.replace("# rules:", "rules:").replace("#   ", "  ")
    (tmp_path / "both.yaml").write_text(
        uncommented[: uncommented.index("name:")].replace("  ", "# ") + uncommented[uncommented.index("name:") :]
    )
    assert len(load_file(str(tmp_path / "both.yaml")).rules) == 1
    principles("new", "copy.yaml", "--from", "harmlessness")
    shipped = Path(__file__).parent.parent / "principles" / "harmlessness.yaml"
    assert (tmp_path / "copy.yaml").read_bytes() == shipped.read_bytes()
    refused(principles("new", "fresh.yaml"), tmp_path / "fresh.yaml", "already there", text=text)
    assert "ends in .yaml" in principles("new", "fresh").err
    assert "mkdir -p away" in principles("new", "away/fresh.yaml").err
    assert "did you mean 'harmlessness'?" in principles("new", "x.yaml", "--from", "harmlesness").err
    assert not (tmp_path / "x.yaml").exists()


def test_show_prints_the_text_itself_and_json_what_it_says(principles: Run, mine: Path) -> None:
    assert principles("show", "mine.yaml").out == TEXT
    assert principles("show", "mine.yaml", "one").out == TEXT[TEXT.index("  # Above") : TEXT.index("\n  # Nobody's")]
    assert json.loads(principles("show", "mine.yaml", "three", "--format", "json").out)["proposition"] == "It is kind."
    assert json.loads(principles("show", "mine.yaml", "--format", "json").out)["rules"][0]["id"] == "three"
    assert "did you mean 'three'?" in principles("show", "mine.yaml", "thre").err


def test_permissions_and_links_stay(principles: Run, mine: Path, tmp_path: Path) -> None:
    mine.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to("mine.yaml")
    assert principles("rename", "link.yaml", "two", "deux").code == 0
    assert link.is_symlink()
    assert "id: deux" in mine.read_text()
    assert stat.S_IMODE(mine.stat().st_mode) == 0o640


# What is refused


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("remove", "on"), "no principle or rule 'on'; did you mean 'one'?"),
        (("remove", "one", "two", "three"), "nothing would be left"),
        (("rename", "one", "three"), "mine.yaml:23: the id 'three' is already used"),
        (("rename", "one", "x y"), "is no id"),
        (("reorder", "one", "--before", "three"), "one is a principle, the other a rule"),
        (("reorder", "one", "two", "--before", "one"), "beside itself"),
        (("edit", "one", "--critique-request", " "), "one: critique_request: empty"),
        (("edit", "one", "--weight", "0"), "greater than 0"),
        (("edit", "three", "--weight", "0"), "weight 0 counts for nothing"),
        (("edit", "three", "--weight", "inf"), "finite number"),
        (("edit", "three", "--comparison", "x"), "a rule has no 'comparison'"),
        (("edit", "three", "--no-comparison"), "a rule has no 'comparison'"),
        (("edit", "--description", ""), "description: empty"),
        (("add", "--id", "two", "--proposition", "x"), "mine.yaml:15: the id 'two' is already used"),
        (("add", "--id", "x", "--proposition", "x", "--after", "two"), "one is a principle, the other a rule"),
        (("add", "--id", "x", "--proposition", ""), "x: proposition: empty"),
    ],
)
def test_an_edit_that_would_break_the_file_is_refused(
    principles: Run, mine: Path, args: tuple[str, ...], told: str
) -> None:
    refused(principles(args[0], "mine.yaml", *args[1:]), mine, told)


@pytest.mark.parametrize(
    "args",
    [
        ("edit", "--weight", "2"),
        ("edit", "one", "--name", "x"),
        ("edit", "one", "--tag", "x", "--no-tags"),
        ("edit", "one", "--comparison", "x", "--no-comparison"),
        ("edit", "one", "--weight", "2", "--from-text", "x"),
        ("add", "--proposition", "x", "--comparison", "x"),
        ("add", "--first", "--after", "one"),
        ("add", "--id", "x", "--from-text", "x"),
    ],
)
def test_flags_that_do_not_go_together(principles: Run, mine: Path, args: tuple[str, ...]) -> None:
    ran = principles(args[0], "mine.yaml", *args[1:])
    assert (ran.code, ran.out, mine.read_text()) == (2, "", TEXT)
    assert "Error: " in ran.err


def test_shipped_files_are_not_edited(principles: Run, mine: Path) -> None:
    shipped = Path(__file__).parent.parent / "principles" / "harmlessness.yaml"
    for name in ("harmlessness", shipped):
        ran = principles("edit", name, "violence", "--weight", 2, "--dry-run")
        refused(ran, mine, "ships with the program", "principles new my-harmlessness.yaml --from harmlessness")


def test_files_that_cannot_be_edited(principles: Run, mine: Path, tmp_path: Path) -> None:
    refused(principles("rename", "none.yaml", "a", "b"), mine, "none.yaml: no such file")
    (tmp_path / "folder.yaml").mkdir()
    refused(principles("rename", "folder.yaml", "a", "b"), mine, "folder.yaml: a folder")
    os.mkfifo(tmp_path / "pipe.yaml")
    refused(principles("rename", "pipe.yaml", "a", "b"), mine, "pipe.yaml: no plain file")
    mine.chmod(0o444)
    refused(principles("rename", "mine.yaml", "one", "uno"), mine, "mine.yaml: read-only", "chmod u+w")
    mine.chmod(0o644)
    tmp_path.chmod(0o555)
    refused(principles("rename", "mine.yaml", "one", "uno"), mine, "is read-only, so the file cannot be replaced")
    tmp_path.chmod(0o755)
    broken = TEXT.replace("revision", "revison")
    mine.write_text(broken)
    ran = principles("rename", "mine.yaml", "one", "uno")
    refused(
        ran, mine, "unknown key 'revison_request'", "Mend it first: constitution principles edit mine.yaml", text=broken
    )


def test_a_change_is_seen_up_to_the_renaming(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, whole = read_to_edit(str(mine)), saving.write_whole

    def late(*args: object, **options: object) -> None:
        mine.write_text("theirs")
        whole(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(saving, "write_whole", late)
    with pytest.raises(PrinciplesError, match="changed by someone else"):
        save(disk, "mine")
    assert mine.read_text() == "theirs"
    mine.unlink()
    with pytest.raises(PrinciplesError, match="gone since it was read"):
        save(disk, "mine")
    assert list(mine.parent.iterdir()) == []


def test_edits_of_two_processes_wait_for_each_other(
    mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filelock import FileLock

    disk = read_to_edit(str(mine))
    monkeypatch.setattr(targets, "LOCK_SECONDS", 0.1)
    with FileLock(tmp_path / ".mine.yaml.lock"), pytest.raises(PrinciplesError, match="another constitution command"):
        save(disk, "mine")
    assert mine.read_text() == TEXT


def test_a_full_disk_leaves_the_file(principles: Run, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    refused(principles("rename", "mine.yaml", "one", "uno"), mine, "cannot be written: No space left on device")
