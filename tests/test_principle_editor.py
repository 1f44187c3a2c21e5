"""Principles edited in the user's own editor: what is typed is spliced in, or kept."""

import os
import pty
import subprocess
from pathlib import Path

import pytest
from conftest import PROGRAM
from principle_cli import TEXT, Run, editor, refused


def test_an_entry_is_edited_as_text(
    principles: Run, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(
        tmp_path,
        monkeypatch,
        "t = path.read_text()\npath.write_text(t.replace('why', 'because').replace('one', 'uno'))",
    )
    ran = principles("edit", "mine.yaml", "one")
    assert ran.code == 0, ran.err
    assert mine.read_text() == TEXT.replace("- id: one # why", "- id: uno # because").replace(" one.", " uno.")
    assert os.listdir(tmp_path / "kept") == []
    editor(tmp_path, monkeypatch, "path.write_text(path.read_text() + '# End.')")
    assert principles("edit", "mine.yaml").code == 0
    assert mine.read_text().endswith("It is kind.\n# End.")


def test_line_ends_of_what_is_typed_are_the_files(
    principles: Run, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crlf = TEXT.replace("\n", "\r\n")
    mine.write_bytes(crlf.encode())
    editor(tmp_path, monkeypatch, "path.write_text(path.read_text().replace('Which', 'Say which'))")
    assert principles("edit", "mine.yaml", "two").code == 0
    assert mine.read_bytes().decode() == crlf.replace("Which", "Say which")
    ran = principles("edit", "mine.yaml", "two", "--comparison", "Which?", "--dry-run")
    assert "\r" not in ran.out


def test_a_template_is_filled_in(principles: Run, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill = """
text = path.read_text()
assert "\\n  - id: four\\n" in text
text = text.replace("critique_request: >-\\n", "critique_request: >-\\n      Look # here.\\n")
text = text.replace("revision_request: >-\\n", "# Mine.\\n    revision_request: >-\\n      Do.\\n")
path.write_text(text.replace("#|    weight", "    weight"))
"""
    editor(tmp_path, monkeypatch, fill)
    ran = principles("add", "mine.yaml", "--id", "four", "--before", "two")
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
    principles: Run, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, told: str
) -> None:
    editor(tmp_path, monkeypatch, code)
    ran = principles("edit", "mine.yaml", "one")
    (kept,) = (tmp_path / "kept").glob("*/mine.yaml")
    refused(ran, mine, told, f"--from-text {kept}")
    assert kept.read_bytes() != TEXT[TEXT.index("  # Above") : TEXT.index("\n  # Nobody's")].encode()


def test_what_was_kept_is_taken_when_it_is_mended(
    principles: Run, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(tmp_path, monkeypatch, "path.write_text(path.read_text().replace('one', 'two'))")
    principles("edit", "mine.yaml", "one")
    (kept,) = (tmp_path / "kept").glob("*/mine.yaml")
    kept.write_text(kept.read_text().replace("two", "uno"))
    assert principles("edit", "mine.yaml", "one", "--from-text", kept).code == 0
    assert mine.read_text() == TEXT.replace("id: one", "id: uno").replace(" one.", " uno.")
    whole = tmp_path / "whole.yaml"
    whole.write_text("name: x")
    refused(principles("edit", "mine.yaml", "--from-text", whole), mine, "whole.yaml:1:", text=mine.read_text())
    whole.write_text("- id: r\n  proposition: It is so.\n")
    assert principles("add", "mine.yaml", "--from-text", whole).code == 0
    assert mine.read_text().endswith("\n- id: r\n  proposition: It is so.\n")


def test_editors_that_are_not_there_or_change_nothing(
    principles: Run, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(principles("edit", "mine.yaml", "one"), mine, "neither VISUAL nor EDITOR is set", "export EDITOR=nano")
    refused(principles("add", "mine.yaml", "--id", "x"), mine, "neither VISUAL nor EDITOR is set")
    monkeypatch.setenv("EDITOR", "no-such-editor -w")
    refused(principles("edit", "mine.yaml", "one"), mine, "'no-such-editor -w' cannot be started: No such file")
    monkeypatch.setenv("EDITOR", "'")
    refused(principles("edit", "mine.yaml", "one"), mine, "No closing quotation")
    monkeypatch.setenv("EDITOR", "false")
    refused(principles("edit", "mine.yaml", "one"), mine, "ended with exit code 1; nothing was written\n")
    monkeypatch.setenv("VISUAL", "true")
    ran = principles("edit", "mine.yaml", "one")
    assert (ran.code, ran.out, mine.read_text()) == (0, "", TEXT)
    assert "left as it was" in ran.err and "code --wait" in ran.err
    ran = principles("add", "mine.yaml")
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
    assert b"is no id" in shown
    assert b"\x1b[32m+  - id: uno # why\x1b[0m" in shown
    assert mine.read_text() == TEXT.replace("id: one", "id: uno")


def test_a_broken_file_is_mended_in_the_editor(
    principles: Run, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine.write_text(TEXT.replace("revision", "revison"))
    editor(tmp_path, monkeypatch, "path.write_text(path.read_text().replace('revison', 'revision'))")
    assert principles("edit", "mine.yaml").code == 0
    assert mine.read_text() == TEXT


def test_a_file_that_someone_else_changes_is_not_overwritten(
    principles: Run, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = TEXT + "# Theirs.\n"
    change = f"Path({str(mine)!r}).write_text({theirs!r})\npath.write_text(path.read_text().replace('why', 'because'))"
    editor(tmp_path, monkeypatch, change)
    ran = principles("edit", "mine.yaml", "one")
    (kept,) = (tmp_path / "kept").glob("*/mine.yaml")
    refused(ran, mine, "changed by someone else since it was read", f"--from-text {kept}", text=theirs)
    assert principles("edit", "mine.yaml", "one", "--from-text", kept).code == 0
    assert mine.read_text() == theirs.replace("why", "because")


def test_an_editor_that_leaves_no_file_kept_nothing(
    principles: Run, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", "rm")
    ran = principles("edit", "mine.yaml", "one")
    refused(ran, mine, "no such file; nothing was written\n")
    assert "kept" not in ran.err.replace(str(tmp_path / "kept"), "") and os.listdir(tmp_path / "kept") == []
    editor(tmp_path, monkeypatch, "path.unlink(); path.mkdir()")
    ran = principles("edit", "mine.yaml", "one")
    refused(ran, mine, "cannot be read: Is a directory; nothing was written\n")
    assert "kept" not in ran.err.replace(str(tmp_path / "kept"), "")


@pytest.mark.parametrize("margin", [0, 1, 2, 5])
def test_an_entry_is_put_into_the_column_of_its_list(principles: Run, mine: Path, tmp_path: Path, margin: int) -> None:
    lines = ["# Mine.", "- id: f", "  comparison: |-", "    Which?", "", "      Really?", "  tags: [a]"]
    typed = tmp_path / "typed.txt"
    typed.write_text("".join(" " * margin * (line != "") + line + "\n" for line in lines))
    assert principles("add", "mine.yaml", "--from-text", typed).code == 0
    added = "".join("  " * (line != "") + line + "\n" for line in lines)
    assert mine.read_text() == TEXT.replace("rules:\n", f"\n{added}rules:\n")
    # A comment may stand at the margin all the same; rules here have no indent.
    typed.write_text("# Theirs.\n" + " " * margin + "- id: g\n" + " " * margin + "  proposition: So.\n")
    assert principles("add", "mine.yaml", "--from-text", typed).code == 0
    assert mine.read_text().endswith("It is kind.\n\n# Theirs.\n- id: g\n  proposition: So.\n")
