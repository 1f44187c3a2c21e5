"""Bring a working copy up to date with its URL; where both went on by themselves, refuse."""

import os
import shlex
from pathlib import Path

from constitution.durable import make_folder, sync, write_whole
from constitution.errors import RunError, unwritable
from constitution.remote.copies import Copy
from constitution.remote.folder import Listing, Piece, RemoteFolder, content_digest
from constitution.remote.holder import read_holder
from constitution.remote.pieces import fetch


def restore(copy: Copy, folder: RemoteFolder | None = None, writer: str | None = None) -> None:
    """Add to a copy what its URL has more.

    Journals only grow, so of two states of one journal the shorter is the beginning of the longer, and the rest of the
    longer is fetched. But a stage that is begun anew moves its journals aside: that counts if it was this copy that
    wrote last, or if nothing was written to this copy since.

    Args:
        copy: The working copy.
        folder: At its URL, if it is open.
        writer: Who wrote last there, if that is known; else it is looked up.

    Raises:
        Unreachable: The URL cannot be read.
        RunError: The copy and the URL each have what the other lacks, or what lies there is no run; nothing is changed.
    """
    folder = folder or RemoteFolder(copy.url)
    listing = folder.listing()
    states = copy.states()
    if listing.digest == copy.link.listing and states == copy.link.files and copy.link.listing:
        return
    if listing.empty:
        return
    if not listing.is_run:
        raise RunError(
            f"{folder}: no run there, but other files: {min([*listing.files, *listing.journals])}",
            "Give a URL that constitution generate --out wrote to, or for a new run one with nothing there.",
        )
    if writer is None:
        holder = read_holder(folder)
        writer = holder.writer if holder else ""
    ours = writer == copy.link.writer and bool(states)
    untouched = not states or (states == copy.link.files and not ours)
    try:
        same = _take_all(copy, folder, listing) if untouched else _take_more(copy, folder, listing, ours)
    except OSError as bad:
        raise unwritable(copy.folder, bad) from None
    if same:
        copy.save(files=copy.states(), listing=listing.digest)


def _take_all(copy: Copy, folder: RemoteFolder, listing: Listing) -> bool:
    """Make the copy what the URL is; true, as it then is. What the URL lacks is kept beside the copy."""
    for name, pieces in listing.journals.items():
        path = copy.folder / name
        if (matched := matching(path, pieces)) is None or matched < _size(path):
            _put_beside(copy.folder, name)
            matched = 0
        _append(path, folder, name, pieces, matched)
    for name in copy.names():
        # An empty journal is not uploaded.
        if name not in listing.journals and name not in listing.files and (copy.folder / name).stat().st_size:
            _put_beside(copy.folder, name)
    _take_files(copy, folder, listing, replace=True)
    return True


def _take_more(copy: Copy, folder: RemoteFolder, listing: Listing, ours: bool) -> bool:
    """Add what the URL has more, if that is all that differs; whether the copy is then what the URL is.

    Raises:
        RunError: Each has what the other lacks.
    """
    ahead, behind = [], []
    matched: dict[str, int] = {}
    for name, pieces in listing.journals.items():
        path = copy.folder / name
        found = matching(path, pieces)
        if ours and (found is None or not path.exists()) and was_moved(copy.folder, name, pieces):
            # The mirror takes it away there, too.
            continue
        if found is None:
            found = _within(path, folder, name, pieces)
            if found is None:
                raise _went_different_ways(copy, folder, [name], [name])
        matched[name] = found
        if found < pieces[-1].end:
            behind.append(name)
        if found < _size(path):
            ahead.append(name)
    for name in copy.names():
        # An empty journal is always there, and is not uploaded.
        if name.endswith(".jsonl") and name not in listing.journals and _size(copy.folder / name):
            ahead.append(name)
    if ahead and behind and not ours:
        raise _went_different_ways(copy, folder, ahead, behind)
    for name in behind:
        _append(copy.folder / name, folder, name, listing.journals[name], matched[name])
    _take_files(copy, folder, listing, replace=not ours and not ahead)
    return not ours and not ahead


def matching(path: Path, pieces: list[Piece]) -> int | None:
    """How many bytes of a journal are, piece by piece, what lies at the URL; None if one differs.

    A piece that the journal holds the beginning of counts as one that differs: see `_within`.
    """
    size, end = _size(path), 0
    if not size:
        return 0
    with path.open("rb") as file:
        for piece in pieces:
            if piece.end > size:
                return end if piece.start == size else None
            if content_digest(file.read(piece.end - piece.start)) != piece.digest:
                return None
            end = piece.end
    return end


def _within(path: Path, folder: RemoteFolder, name: str, pieces: list[Piece]) -> int | None:
    """How many bytes of a journal lie at the URL, where it ends in the middle of a piece; None if one differs."""
    size = _size(path)
    whole = [piece for piece in pieces if piece.end <= size]
    cut = next((piece for piece in pieces if piece.start < size < piece.end), None)
    if cut is None or (whole and matching(path, whole) is None):
        return None
    with path.open("rb") as file:
        file.seek(cut.start)
        rest = file.read(size - cut.start)
    return size if fetch(folder, name, cut).startswith(rest) else None


def _append(path: Path, folder: RemoteFolder, name: str, pieces: list[Piece], start: int) -> None:
    """Fetch the rest of a journal, from a byte on that is known to be the same at the URL."""
    make_folder(path.parent)
    with path.open("ab") as file:
        # What a killed process left of a line.
        file.truncate(start)
        for piece in pieces:
            if piece.end > start:
                content = fetch(folder, name, piece)
                file.write(content[max(0, start - piece.start) :])
        file.flush()
        os.fsync(file.fileno())
    sync(path.parent)


def _take_files(copy: Copy, folder: RemoteFolder, listing: Listing, replace: bool) -> None:
    for name in sorted(listing.files):
        path = copy.folder / name
        if (path.exists() and not replace) or (content := folder.read(name)) is None:
            continue
        if not replace and any(other.read_bytes() == content for other in moved_to(copy.folder, name)):
            continue
        make_folder(path.parent)
        write_whole(path, content)


def _put_beside(folder: Path, name: str) -> None:
    """Move a file out of the copy: another machine began its stage anew, and what it holds is in `replaced` as well."""
    number = 1
    while (beside := folder.with_name(f"{folder.name}.before-{number}") / name).exists():
        number += 1
    make_folder(beside.parent)
    (folder / name).rename(beside)


def was_moved(folder: Path, name: str, pieces: list[Piece]) -> bool:
    """Whether a journal as it lies at the URL is in the copy where what is begun anew is moved to, or back from."""
    return any(matching(path, pieces) == pieces[-1].end for path in moved_to(folder, name))


def moved_to(folder: Path, name: str) -> list[Path]:
    """Where a file of a stage that was begun anew, or put back, is now."""
    path = folder / name
    if path.parent.parent.name == "replaced":
        back = path.parent.parent.parent / path.name
        return [back] if back.exists() else []
    return sorted((path.parent / "replaced").glob(f"*/{path.name}"))


def _size(path: Path) -> int:
    """Bytes of a journal's whole lines."""
    if not path.exists():
        return 0
    size = path.stat().st_size
    with path.open("rb") as file:
        while size:
            start = max(0, size - 65536)
            file.seek(start)
            if (newline := file.read(size - start).rfind(b"\n")) >= 0:
                return start + newline + 1
            size = start
    return 0


def _went_different_ways(copy: Copy, folder: RemoteFolder, ahead: list[str], behind: list[str]) -> RunError:
    aside = shlex.quote(f"{copy.folder}.aside")
    move = f"mv {shlex.quote(str(copy.folder))} {aside}"
    return RunError(
        f"{folder}: this machine's copy and the URL went different ways: {copy.folder} has lines of {ahead[0]} that "
        f"the URL lacks, and the URL has lines of {behind[0]} that the copy lacks",
        f"Go on with what is at the URL, the copy kept aside, by: {move} (then the same command again); or go on with "
        "the copy by giving its folder a place of its own, and another --out.",
    )
