"""What to do about a damaged line of `reviews.jsonl`: the advice is typed, and takes that one line out."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from exporting import compared
from given_reviews import on_comparison

from constitution.errors import RunError
from constitution.journal import seal
from constitution.reviews import FILE, reviews


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Five reviews, in a folder whose name a shell would take apart."""
    folder = tmp_path / "ada's $run; x"
    folder.mkdir()
    for one, verdict in zip(compared(5), ("first", "second", "tie", "both bad", "skip"), strict=True):
        on_comparison(folder, one, "ada", verdict, note="Grüße 🌍")
    return folder


def flipped(line: bytes) -> bytes:
    return line.replace(b"row-", b"r\xffw-", 1)


def no_review(line: bytes) -> bytes:
    return seal(line[: -len(b',"crc":"00000000"}\n')].replace(b'"tie"', b'"tis"') + b"}")


def no_row(line: bytes) -> bytes:
    return seal(b'{"note":"mine"}')


def torn_in_two(line: bytes) -> bytes:
    return line[:30] + b"\n" + line[31:]


def follow(run: Path) -> str:
    """Type what the error says; what it said."""
    with pytest.raises(RunError) as bad:
        list(reviews(run))
    assert "truncate" not in bad.value.hint and "every other review is kept" in bad.value.hint
    _, _, typed = bad.value.hint.partition("): ")
    subprocess.run(["sh", "-c", typed], check=True, timeout=10)
    return bad.value.message


@pytest.mark.parametrize(
    ("damage", "told", "times"),
    [
        (flipped, f"{FILE}:3: damaged", 1),
        (no_review, "not a review record", 1),
        (no_row, f"{FILE}:3: not a record of a row", 1),
        (torn_in_two, f"{FILE}:3: damaged", 2),
    ],
)
def test_the_advice_takes_out_the_damaged_line_and_nothing_else(
    run: Path, damage: Callable[[bytes], bytes], told: str, times: int
) -> None:
    lines = (run / FILE).read_bytes().splitlines(keepends=True)
    damaged = damage(lines[2])
    (run / FILE).write_bytes(b"".join([*lines[:2], damaged, *lines[3:]]))
    for _ in range(times):
        assert told in follow(run)
    assert (run / FILE).read_bytes() == b"".join([*lines[:2], *lines[3:]])
    assert [one.verdict for one in reviews(run)] == ["first", "second", "both bad", "skip"]
    # Nothing is lost, however often it is typed.
    assert (run / f"{FILE}.damaged").read_bytes() == damaged
    on_comparison(run, compared(3)[2], "ada", "tie")
    assert len(list(reviews(run))) == 5
