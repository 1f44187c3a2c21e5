"""`constitution principles new`, `add`, `edit`, `remove`, `rename`, `reorder`, `show`: what they do and refuse."""

import io
import json
import os
import pty
import shlex
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import PROGRAM

from constitution.cli import main
from constitution.errors import PrinciplesError
from constitution.principle_files import saving
from constitution.principle_files.saving import read_to_edit, save
from constitution.principles import load_file, load_principles

TEXT = """\
# Head.
name: mine   # short
version: "1.0"
description: For tests.
principles:
  # Above one.
  - id: one # why
    critique_request: "Say what is wrong."
    revision_request: 'Rewrite it.'   # behind
    tags: [a, "b"]
    # Below one.

  # Nobody's.

  - id: two
    critique_request: >-
      Say what is
      wrong here.
    revision_request: Rewrite this.
    comparison: Which is better?
    weight: 2
rules:
- id: three
  proposition: It is kind.
"""


class Ran:
    """How the program ended, and what it said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """The program in this process, in `tmp_path`; `EDITOR` is unset, and what editors leave is under `kept`."""
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "kept").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "kept"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def run(*args: object) -> Ran:
        monkeypatch.setattr("sys.argv", ["constitution", "principles", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capfd.readouterr()
        return Ran(int(ended.value.code or 0), told.out, told.err)

    return run


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_bytes(TEXT.encode())
    return path


def refused(ran: Ran, mine: Path, *words: str, text: str = TEXT) -> None:
    """Refused with these words, and nothing is written or left about."""
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("error: ")
    for word in words:
        assert word in ran.err
    assert mine.read_bytes() == text.encode()
    assert not [path for path in mine.parent.iterdir() if path.name.startswith(".")]


def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """An editor that runs this code on `path`, the file it is given."""
    script = tmp_path / "editor.py"
    script.write_text(f"import sys\nfrom pathlib import Path\npath = Path(sys.argv[-1])\n{code}\n")
    monkeypatch.setenv("EDITOR", f"{shlex.quote(sys.executable)} {shlex.quote(str(script))}")


# What they do


def test_an_edit_shows_its_diff_and_touches_nothing_else(run: Run, mine: Path) -> None:
    ran = run(
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


def test_a_dry_run_shows_the_same_diff_and_writes_nothing(run: Run, mine: Path) -> None:
    dry = run("remove", "mine.yaml", "one", "--dry-run", "--format", "json")
    assert mine.read_text() == TEXT
    told = json.loads(dry.out)
    assert (told["file"], told["written"]) == ("mine.yaml", False)
    assert "dry run, nothing written" in dry.err
    assert run("remove", "mine.yaml", "one").out == told["diff"] + "\n"
    assert mine.read_text() == TEXT.replace(TEXT[TEXT.index("  # Above") : TEXT.index("  # Nobody's")], "")


def test_fields_are_taken_out_renamed_and_entries_moved(run: Run, mine: Path) -> None:
    run("edit", "mine.yaml", "one", "--no-tags")
    run("edit", "mine.yaml", "two", "--no-comparison", "--critique-request", "Say it.")
    run("rename", "mine.yaml", "three", "third")
    run("edit", "mine.yaml", "--version", "2.0", "--description", "For more: tests.")
    new = TEXT.replace('    tags: [a, "b"]\n', "").replace("    comparison: Which is better?\n", "")
    new = new.replace("Say what is\n      wrong here.", "Say it.").replace("id: three", "id: third")
    new = new.replace('"1.0"', '"2.0"').replace("For tests.", '"For more: tests."')
    assert mine.read_text() == new
    assert run("reorder", "mine.yaml", "two", "--before", "one").code == 0
    one, two = (
        new[new.index("  # Above") : new.index("\n  # Nobody's")],
        new[new.index("  - id: two") : new.index("rules:")],
    )
    assert mine.read_text() == new.replace(two, "@").replace(one, two).replace("@", one)


def test_a_principle_and_a_rule_are_added_where_they_are_wanted(run: Run, mine: Path) -> None:
    texts = ("--critique-request", "Look.", "--revision-request", "Do.")
    run("add", "mine.yaml", "--id", "four", *texts, "--after", "one")
    run("add", "mine.yaml", "--id", "five", *texts, "--first")
    run("add", "mine.yaml", "--id", "six", "--proposition", "It is short.", "--weight", "-1", "--before", "three")
    entry = "  - id: {}\n    critique_request: Look.\n    revision_request: Do.\n"
    new = TEXT.replace("    # Below one.\n", "    # Below one.\n\n" + entry.format("four"))
    new = new.replace("principles:\n", "principles:\n" + entry.format("five") + "\n")
    new = new.replace("rules:\n", "rules:\n- id: six\n  proposition: It is short.\n  weight: -1\n\n")
    assert mine.read_text() == new


def test_a_file_begins_with_an_example_or_a_copy_and_overwrites_nothing(run: Run, tmp_path: Path) -> None:
    assert run("new", "fresh.yaml").out == "fresh.yaml\n"
    loaded = load_principles(str(tmp_path / "fresh.yaml"))
    assert (loaded.name, len(loaded.principles)) == ("fresh", 1)
    text = (tmp_path / "fresh.yaml").read_text()
    uncommented = text.replace("# rules:", "rules:").replace("#   ", "  ")
    (tmp_path / "both.yaml").write_text(
        uncommented[: uncommented.index("name:")].replace("  ", "# ") + uncommented[uncommented.index("name:") :]
    )
    assert len(load_file(str(tmp_path / "both.yaml")).rules) == 1
    run("new", "copy.yaml", "--from", "harmlessness")
    shipped = Path(__file__).parent.parent / "principles" / "harmlessness.yaml"
    assert (tmp_path / "copy.yaml").read_bytes() == shipped.read_bytes()
    refused(run("new", "fresh.yaml"), tmp_path / "fresh.yaml", "already there", text=text)
    assert "ends in .yaml" in run("new", "fresh").err
    assert "mkdir -p away" in run("new", "away/fresh.yaml").err
    assert "did you mean 'harmlessness'?" in run("new", "x.yaml", "--from", "harmlesness").err
    assert not (tmp_path / "x.yaml").exists()


def test_show_prints_the_text_itself_and_json_what_it_says(run: Run, mine: Path) -> None:
    assert run("show", "mine.yaml").out == TEXT
    assert run("show", "mine.yaml", "one").out == TEXT[TEXT.index("  # Above") : TEXT.index("\n  # Nobody's")]
    assert json.loads(run("show", "mine.yaml", "three", "--format", "json").out)["proposition"] == "It is kind."
    assert json.loads(run("show", "mine.yaml", "--format", "json").out)["rules"][0]["id"] == "three"
    assert "did you mean 'three'?" in run("show", "mine.yaml", "thre").err


def test_permissions_and_links_stay(run: Run, mine: Path, tmp_path: Path) -> None:
    mine.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to("mine.yaml")
    assert run("rename", "link.yaml", "two", "deux").code == 0
    assert link.is_symlink()
    assert "id: deux" in mine.read_text()
    assert stat.S_IMODE(mine.stat().st_mode) == 0o640


# By an editor


def test_an_entry_is_edited_as_text(run: Run, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor(
        tmp_path,
        monkeypatch,
        "t = path.read_text()\npath.write_text(t.replace('why', 'because').replace('one', 'uno'))",
    )
    ran = run("edit", "mine.yaml", "one")
    assert ran.code == 0, ran.err
    assert mine.read_text() == TEXT.replace("- id: one # why", "- id: uno # because").replace(" one.", " uno.")
    assert os.listdir(tmp_path / "kept") == []
    editor(tmp_path, monkeypatch, "path.write_text(path.read_text() + '# End.')")
    assert run("edit", "mine.yaml").code == 0
    assert mine.read_text().endswith("It is kind.\n# End.")


def test_line_ends_of_what_is_typed_are_the_files(
    run: Run, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crlf = TEXT.replace("\n", "\r\n")
    mine.write_bytes(crlf.encode())
    editor(tmp_path, monkeypatch, "path.write_text(path.read_text().replace('Which', 'Say which'))")
    assert run("edit", "mine.yaml", "two").code == 0
    assert mine.read_bytes().decode() == crlf.replace("Which", "Say which")
    ran = run("edit", "mine.yaml", "two", "--comparison", "Which?", "--dry-run")
    assert "\r" not in ran.out


def test_a_template_is_filled_in(run: Run, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill = """
text = path.read_text()
assert "\\n  - id: four\\n" in text
text = text.replace("critique_request: >-\\n", "critique_request: >-\\n      Look # here.\\n")
text = text.replace("revision_request: >-\\n", "# Mine.\\n    revision_request: >-\\n      Do.\\n")
path.write_text(text.replace("#|    weight", "    weight"))
"""
    editor(tmp_path, monkeypatch, fill)
    ran = run("add", "mine.yaml", "--id", "four", "--before", "two")
    assert ran.code == 0, ran.err
    added = "  - id: four\n    critique_request: >-\n      Look # here.\n      \n    # Mine.\n"
    added += "    revision_request: >-\n      Do.\n      \n    weight: 2\n\n"
    assert mine.read_text() == TEXT.replace("  - id: two", added + "  - id: two")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (
            "path.write_text(path.read_text().replace('id: one', 'id: two'))",
            "as line 15 of mine.yaml: the id 'two' is already used on line 7",
        ),
        ("path.write_text(path.read_text().replace('revision', 'revison'))", ":4: unknown key 'revison_request'"),
        ("path.write_text(path.read_text().replace('Rewrite it.', ''))", ":4: principles.0.revision_request: empty"),
        ("path.write_text(path.read_text().replace('wrong.\"', 'wrong.'))", ""),
        ("path.write_text('')", "empty"),
        ("path.write_text('name: x')", ""),
        ("t = path.read_text(); path.write_text(t + t.replace('one', 'uno'))", "expected one entry, found 2"),
        ("path.write_bytes(b'\\xff')", "not UTF-8"),
        ("path.write_text('typed'); sys.exit(3)", "ended with exit code 3"),
    ],
)
def test_what_is_typed_wrong_is_refused_and_kept(
    run: Run, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, told: str
) -> None:
    editor(tmp_path, monkeypatch, code)
    ran = run("edit", "mine.yaml", "one")
    (kept,) = (tmp_path / "kept").glob("*/mine.yaml")
    refused(ran, mine, told, f"--from-text {kept}")
    assert kept.read_bytes() != TEXT[TEXT.index("  # Above") : TEXT.index("\n  # Nobody's")].encode()


def test_what_was_kept_is_taken_when_it_is_mended(
    run: Run, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(tmp_path, monkeypatch, "path.write_text(path.read_text().replace('one', 'two'))")
    run("edit", "mine.yaml", "one")
    (kept,) = (tmp_path / "kept").glob("*/mine.yaml")
    kept.write_text(kept.read_text().replace("two", "uno"))
    assert run("edit", "mine.yaml", "one", "--from-text", kept).code == 0
    assert mine.read_text() == TEXT.replace("id: one", "id: uno").replace(" one.", " uno.")
    whole = tmp_path / "whole.yaml"
    whole.write_text("name: x")
    refused(run("edit", "mine.yaml", "--from-text", whole), mine, "whole.yaml:1:", text=mine.read_text())
    whole.write_text("- id: r\n  proposition: It is so.\n")
    assert run("add", "mine.yaml", "--from-text", whole).code == 0
    assert mine.read_text().endswith("\n- id: r\n  proposition: It is so.\n")


def test_editors_that_are_not_there_or_change_nothing(
    run: Run, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(run("edit", "mine.yaml", "one"), mine, "neither VISUAL nor EDITOR is set", "export EDITOR=nano")
    refused(run("add", "mine.yaml", "--id", "x"), mine, "neither VISUAL nor EDITOR is set")
    monkeypatch.setenv("EDITOR", "no-such-editor -w")
    refused(run("edit", "mine.yaml", "one"), mine, "'no-such-editor -w' cannot be started: No such file")
    monkeypatch.setenv("EDITOR", "'")
    refused(run("edit", "mine.yaml", "one"), mine, "No closing quotation")
    monkeypatch.setenv("EDITOR", "false")
    refused(run("edit", "mine.yaml", "one"), mine, "ended with exit code 1; nothing was written\n")
    monkeypatch.setenv("VISUAL", "true")
    ran = run("edit", "mine.yaml", "one")
    assert (ran.code, ran.out, mine.read_text()) == (0, "", TEXT)
    assert "left as it was" in ran.err and "code --wait" in ran.err
    ran = run("add", "mine.yaml")
    assert (ran.code, mine.read_text()) == (2, TEXT)
    assert "nothing was added" in ran.err
    assert os.listdir(tmp_path / "kept") == []


def test_at_a_terminal_the_editor_is_opened_again_and_the_diff_is_coloured(mine: Path, tmp_path: Path) -> None:
    code = "t = path.read_text()\nu = t.replace('id: one', 'id: -dash')\n"
    code += "path.write_text(u if t != u else t.replace('-dash', 'uno'))"
    with pytest.MonkeyPatch.context() as patch:
        editor(tmp_path, patch, code)
        environment = os.environ | {"TERM": "xterm-256color", "TMPDIR": str(tmp_path)}
        environment.pop("NO_COLOR", None)
        environment.pop("VISUAL", None)
        leader, follower = pty.openpty()
        command = [PROGRAM, "principles", "edit", "mine.yaml", "one"]
        with subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdin=follower, stdout=follower, stderr=follower, close_fds=True
        ) as process:
            os.close(follower)
            os.write(leader, b"y\n")
            shown = b""
            while True:
                try:
                    shown += os.read(leader, 4096)
                except OSError:
                    break
        os.close(leader)
    assert b"Open the editor again? [Y/n]" in shown
    assert process.returncode == 0
    assert b"does not fit the pattern" in shown
    assert b"\x1b[32m+  - id: uno # why\x1b[0m" in shown
    assert mine.read_text() == TEXT.replace("id: one", "id: uno")


# What is refused


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("remove", "on"), "no principle or rule 'on'; did you mean 'one'?"),
        (("remove", "one", "two", "three"), "nothing would be left"),
        (("rename", "one", "three"), "mine.yaml:23: the id 'three' is already used"),
        (("rename", "one", "x y"), "does not fit the pattern"),
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
def test_an_edit_that_would_break_the_file_is_refused(run: Run, mine: Path, args: tuple[str, ...], told: str) -> None:
    refused(run(args[0], "mine.yaml", *args[1:]), mine, told)


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
def test_flags_that_do_not_go_together(run: Run, mine: Path, args: tuple[str, ...]) -> None:
    ran = run(args[0], "mine.yaml", *args[1:])
    assert (ran.code, ran.out, mine.read_text()) == (2, "", TEXT)
    assert "Error: " in ran.err


def test_shipped_files_are_not_edited(run: Run, mine: Path) -> None:
    shipped = Path(__file__).parent.parent / "principles" / "harmlessness.yaml"
    for name in ("harmlessness", shipped):
        ran = run("edit", name, "violence", "--weight", 2, "--dry-run")
        refused(ran, mine, "ships with the program", "principles new my-harmlessness.yaml --from harmlessness")


def test_files_that_cannot_be_edited(run: Run, mine: Path, tmp_path: Path) -> None:
    refused(run("rename", "none.yaml", "a", "b"), mine, "none.yaml: no such file")
    (tmp_path / "folder.yaml").mkdir()
    refused(run("rename", "folder.yaml", "a", "b"), mine, "folder.yaml: a folder")
    os.mkfifo(tmp_path / "pipe.yaml")
    refused(run("rename", "pipe.yaml", "a", "b"), mine, "pipe.yaml: no plain file")
    mine.chmod(0o444)
    refused(run("rename", "mine.yaml", "one", "uno"), mine, "mine.yaml: read-only", "chmod u+w")
    mine.chmod(0o644)
    tmp_path.chmod(0o555)
    refused(run("rename", "mine.yaml", "one", "uno"), mine, "is read-only, so the file cannot be replaced")
    tmp_path.chmod(0o755)
    broken = TEXT.replace("revision", "revison")
    mine.write_text(broken)
    ran = run("rename", "mine.yaml", "one", "uno")
    refused(
        ran, mine, "unknown key 'revison_request'", "Mend it first: constitution principles edit mine.yaml", text=broken
    )


def test_a_broken_file_is_mended_in_the_editor(
    run: Run, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine.write_text(TEXT.replace("revision", "revison"))
    editor(tmp_path, monkeypatch, "path.write_text(path.read_text().replace('revison', 'revision'))")
    assert run("edit", "mine.yaml").code == 0
    assert mine.read_text() == TEXT


def test_a_file_that_someone_else_changes_is_not_overwritten(
    run: Run, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = TEXT + "# Theirs.\n"
    change = f"Path({str(mine)!r}).write_text({theirs!r})\npath.write_text(path.read_text().replace('why', 'because'))"
    editor(tmp_path, monkeypatch, change)
    ran = run("edit", "mine.yaml", "one")
    (kept,) = (tmp_path / "kept").glob("*/mine.yaml")
    refused(ran, mine, "changed by someone else since it was read", f"--from-text {kept}", text=theirs)
    assert run("edit", "mine.yaml", "one", "--from-text", kept).code == 0
    assert mine.read_text() == theirs.replace("why", "because")


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
    monkeypatch.setattr(saving, "LOCK_SECONDS", 0.1)
    with FileLock(tmp_path / ".mine.yaml.lock"), pytest.raises(PrinciplesError, match="another constitution command"):
        save(disk, "mine")
    assert mine.read_text() == TEXT


def test_a_full_disk_leaves_the_file(run: Run, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    refused(run("rename", "mine.yaml", "one", "uno"), mine, "cannot be written: No space left on device")
