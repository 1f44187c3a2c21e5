"""Where `import` and `export` write, and what they leave alone there."""

import json
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import foreign_files as files
import pytest
from principle_files import put, untouched

from constitution.errors import PrinciplesError
from constitution.principle_files import saving, targets
from constitution.principle_formats import outputs
from constitution.principle_formats.exporting import export_principles
from constitution.principle_formats.importing import import_principles
from constitution.principles import load_file, load_principles

Cli = Callable[..., subprocess.CompletedProcess[str]]


def modes(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_no_neighbour_of_an_output_is_touched(tmp_path: Path) -> None:
    source, beside = put(tmp_path, "mine.tmp", files.SALMON), put(tmp_path, "judge.tmp", "theirs")
    import_principles(source, tmp_path / "mine.yaml")
    export_principles(str(tmp_path / "mine.yaml"), tmp_path / "judge.json", "salmon")
    assert source.read_text("utf-8") == files.SALMON and beside.read_text() == "theirs"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["judge.json", "judge.tmp", "mine.tmp", "mine.yaml"]


@pytest.mark.parametrize("name", [".a.yaml.tmp", ".a.yaml.lock"])
def test_what_is_written_on_the_way_is_not_what_is_read(tmp_path: Path, name: str) -> None:
    source = put(tmp_path, name, files.SALMON)
    untouched(tmp_path, "is what is read", lambda: import_principles(source, tmp_path / "a.yaml"))


def test_one_file_named_in_two_ways_is_one(tmp_path: Path) -> None:
    source, new = put(tmp_path, "hf.json", files.HUGGINGFACE), tmp_path / "a.yaml"
    (tmp_path / "d").mkdir()
    again = tmp_path / "d" / ".." / "a.yaml"
    untouched(tmp_path, "named twice", lambda: import_principles(source, new, few_shots=again))
    (tmp_path / "link.yaml").symlink_to("a.yaml")
    link = tmp_path / "link.yaml"
    untouched(tmp_path, "named twice", lambda: import_principles(source, new, few_shots=link, overwrite=True))
    (tmp_path / "same.yaml").hardlink_to(source)
    untouched(tmp_path, "is what is read", lambda: import_principles(source, tmp_path / "same.yaml", overwrite=True))


def test_an_export_does_not_write_over_the_examples_it_reads(tmp_path: Path) -> None:
    shots = tmp_path / "few_shots.yaml"
    import_principles(put(tmp_path, "hf.json", files.HUGGINGFACE), tmp_path / "a.yaml", few_shots=shots)
    untouched(
        tmp_path,
        "is what is read",
        lambda: export_principles(str(tmp_path / "a.yaml"), shots, "huggingface", few_shots=shots, overwrite=True),
    )


def test_all_outputs_are_written_or_none_is(tmp_path: Path) -> None:
    source, first = put(tmp_path, "hf.json", files.HUGGINGFACE), put(tmp_path, "first.yaml", "mine")
    shots = tmp_path / "d" / "fs.yaml"
    (tmp_path / "d" / ".fs.yaml.tmp" / "x").mkdir(parents=True)
    told = f"{shots}: cannot be written: Is a directory; nothing was written"
    untouched(tmp_path, told, lambda: import_principles(source, first, few_shots=shots, overwrite=True))


def test_a_disk_that_fails_between_two_outputs_is_told_with_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, first, shots = put(tmp_path, "hf.json", files.HUGGINGFACE), tmp_path / "a.yaml", tmp_path / "fs.yaml"
    replace = Path.replace

    def failing(path: Path, to: Path) -> Path:
        if to == first:
            raise OSError(5, "Input/output error")
        return replace(path, to)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(PrinciplesError) as caught:
        import_principles(source, first, few_shots=shots)
    assert caught.value.message.endswith(f"a.yaml: cannot be written: Input/output error; written before that: {shots}")
    assert shots.exists() and not first.exists()


def test_overwriting_keeps_permissions_and_links_and_respects_them(tmp_path: Path) -> None:
    source, there = put(tmp_path, "lc.json", files.LANGCHAIN), put(tmp_path, "there.yaml", "mine")

    def over(to: Path = there) -> object:
        return import_principles(source, to, overwrite=True)

    there.chmod(0o400)
    untouched(tmp_path, "there.yaml: read-only", over, "chmod u+w")
    there.chmod(0o600)
    (tmp_path / "d").mkdir()
    link = tmp_path / "d" / "link.yaml"
    link.symlink_to(there)
    over(link)
    assert link.is_symlink() and modes(there) == 0o600 and load_file(str(there)).principles
    there.write_text("mine")
    tmp_path.chmod(0o555)
    untouched(tmp_path, "is read-only, so the file cannot be replaced", over)
    tmp_path.chmod(0o755)
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(PrinciplesError, match="no plain file"):
        over(tmp_path / "pipe.yaml")
    assert (tmp_path / "pipe.yaml").is_fifo()
    with pytest.raises(PrinciplesError, match="ships with the program"):
        over(targets.shipped("principles") / "harmlessness.yaml")
    assert load_principles("harmlessness").rules


def test_a_link_to_nothing_is_there_and_is_followed(tmp_path: Path) -> None:
    source, link = put(tmp_path, "lc.json", files.LANGCHAIN), tmp_path / "link.yaml"
    link.symlink_to("none.yaml")
    untouched(tmp_path, "already there", lambda: import_principles(source, link))
    import_principles(source, link, overwrite=True)
    assert link.is_symlink() and (tmp_path / "none.yaml").is_file()
    link.unlink()
    link.symlink_to("no/none.yaml")
    untouched(tmp_path, f"no folder {tmp_path / 'no'}", lambda: import_principles(source, link, overwrite=True))


def test_commands_that_write_one_file_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, there = put(tmp_path, "lc.json", files.LANGCHAIN), put(tmp_path, "there.yaml", "mine")
    monkeypatch.setattr(targets, "LOCK_SECONDS", 0.05)
    with targets.locked(there, there):
        untouched(tmp_path, "another constitution command", lambda: import_principles(source, there, overwrite=True))
    # What has been made there while this one was at work is not written over either.
    write = outputs.write_whole

    def late(path: Path, text: str, **named: object) -> None:
        (tmp_path / "new.yaml").write_text("theirs")
        write(path, text, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(outputs, "write_whole", late)
    with pytest.raises(PrinciplesError, match="already there"):
        import_principles(source, tmp_path / "new.yaml")
    assert (tmp_path / "new.yaml").read_text() == "theirs"


def own_groups() -> list[int]:
    """Groups that a file of this user can be given to, other than its usual one."""
    return [2000] if os.geteuid() == 0 else [group for group in os.getgroups() if group != os.getegid()]


@pytest.mark.skipif(not own_groups(), reason="this user is in one group only")
def test_a_file_keeps_its_group_and_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there, (group, *_) = put(tmp_path, "there.yaml", files.OWN), own_groups()
    owner = 2000 if os.geteuid() == 0 else os.geteuid()
    os.chown(there, owner, group)
    there.chmod(0o660)
    disk = saving.read_to_edit(str(there))
    saving.save(disk, "mine")
    assert (there.stat().st_uid, there.stat().st_gid, modes(there)) == (owner, group, 0o660)
    # Whoever may not give files away still keeps the group.
    chown = os.chown

    def mine_only(path: Path, uid: int, gid: int) -> None:
        if uid != -1:
            raise PermissionError(1, "Operation not permitted")
        chown(path, uid, gid)

    monkeypatch.setattr(os, "chown", mine_only)
    saving.save(saving.read_to_edit(str(there)), "again")
    assert (there.read_text(), there.stat().st_gid, modes(there)) == ("again", group, 0o660)


def test_names_that_are_no_text_are_told_and_not_written(tmp_path: Path, cli: Cli) -> None:
    odd = tmp_path / os.fsdecode(b"od\xffd\x1b.json")
    odd.write_text(files.LANGCHAIN, encoding="utf-8")
    untouched(
        tmp_path, "name: ", lambda: import_principles(odd, tmp_path / "a.yaml", name="\udcff"), "Give another one."
    )
    made = import_principles(odd, tmp_path / "a.yaml")
    assert load_file(str(tmp_path / "a.yaml")).description == "Imported from od\ufffdd\ufffd.json (langchain)."
    assert made.source.endswith("od\ufffdd\ufffd.json")
    told = cli("principles", "import", odd, "--to", os.fsdecode(b"to\xff.yaml"), "--format", "json")
    assert told.returncode == 0 and json.loads(told.stdout)["files"][0]["path"] == "to\ufffd.yaml"
    lines = tmp_path / "two\nlines.json"
    lines.write_text(files.NEMO_SHOTS, encoding="utf-8")
    import_principles(lines, tmp_path / "few_shots.yaml")
    assert (tmp_path / "few_shots.yaml").read_text("utf-8").startswith("# Imported from two lines.json: ")
    told = cli("principles", "export", "a.yaml", "--for", "csv", "--to", os.fsdecode(b"x\xff.csv"))
    assert (told.returncode, told.stdout) == (0, "x\ufffd.csv: 2 of a.yaml, as csv\n")


def test_no_file_is_written_over_by_accident_nor_half_of_what_was_asked(tmp_path: Path) -> None:
    source, there = put(tmp_path, "hf.json", files.HUGGINGFACE), put(tmp_path, "there.yaml", "mine")
    new, source_yaml = tmp_path / "new.yaml", put(tmp_path, "lc.yaml", files.LANGCHAIN_YAML)
    untouched(tmp_path, "already there", lambda: import_principles(source, there), "--overwrite")
    untouched(tmp_path, "already there", lambda: import_principles(source, new, few_shots=there))
    untouched(tmp_path, "named twice", lambda: import_principles(source, new, few_shots=new))
    untouched(tmp_path, "is what is read", lambda: import_principles(source_yaml, source_yaml, overwrite=True))
    untouched(tmp_path, "is a folder", lambda: import_principles(source, tmp_path), "--to")
    untouched(tmp_path, "ends in .yaml", lambda: import_principles(source, tmp_path / "new"), "new.yaml")
    untouched(tmp_path, "there is no folder", lambda: import_principles(source, tmp_path / "no" / "n.yaml"), "mkdir -p")
    untouched(tmp_path, "holds nothing for it", lambda: import_principles(source, new, prompts=tmp_path / "p.jsonl"))
    judged = put(tmp_path, "judged.json", files.JUDGE_SHOTS)
    untouched(tmp_path, "from compare_few_shots.yaml", lambda: import_principles(judged, tmp_path / "few_shots.yaml"))
    untouched(tmp_path, "no folder of that name", lambda: import_principles(judged, tmp_path / "set"), "cp -r")
    import_principles(source, there, overwrite=True)
    assert len(load_principles(str(there)).principles) == 2


def test_a_disk_that_is_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("constitution.principle_formats.outputs.write_whole", full)
    source = put(tmp_path, "hf.json", files.HUGGINGFACE)
    untouched(tmp_path, "cannot be written: No space left", lambda: import_principles(source, tmp_path / "a.yaml"))


def test_what_would_be_too_long_to_be_read_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As YAML a file may be longer than its source.
    monkeypatch.setattr("constitution.principle_formats.outputs.MOST_BYTES", 100)
    source = put(tmp_path, "shots.json", files.NEMO_SHOTS)
    untouched(
        tmp_path, "would have more than 100 bytes", lambda: import_principles(source, tmp_path / "few_shots.yaml")
    )
