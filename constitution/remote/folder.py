"""A run's folder at a URL: what lies there, and how it is read and written.

    URL/manifest.json, summary.json, …             small files, as they are
    URL/calls.jsonl.d/START-END-DIGEST.jsonl       a piece of a journal: its bytes from START to END
    URL/replaced/…, URL/gold/…                     the same of the run's own folders
    URL/holder.json                                who writes (see `holder.py`)

A piece is written once and never changed. Its name says which bytes it holds and what their hash is, so a listing tells
all that a copy elsewhere must be compared with: nothing need be fetched for that, and there is no index to go stale.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

from constitution.digests import digest
from constitution.errors import RunError, Unreachable
from constitution.manifest import COMPARE, REVISE, SCORE
from constitution.remote.addresses import credentials_hint, filesystem, masked, protocol_of, reason
from constitution.run_folder import NAME, OWN_FOLDERS

HOLDER = "holder.json"
MANIFESTS = (REVISE.manifest, COMPARE.manifest, SCORE.manifest)
_PIECE = re.compile(r"(\d{12})-(\d{12})-([0-9a-f]{24})\.(jsonl|parquet)")
# File systems that show an object whole or not at all; elsewhere a file is written aside, and renamed.
OBJECT_STORES = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci", "memory")
# What tells in a listing that a file is another one than before.
_SIGNS = ("size", "ETag", "etag", "md5Hash", "LastModified", "last_modified", "mtime", "updated")


def content_digest(content: bytes) -> str:
    """A hash of bytes, in 24 hex digits."""
    return blake2b(content, digest_size=12).hexdigest()


@dataclass(frozen=True, order=True)
class Piece:
    """Some whole lines of a journal.

    Attributes:
        start: The first byte that it holds, of the journal.
        end: The byte after the last one.
        digest: Of these bytes.
        form: How they are stored: `jsonl`, or `parquet`.
    """

    start: int
    end: int
    digest: str
    form: str

    @property
    def name(self) -> str:
        """Its file's name."""
        return f"{self.start:012}-{self.end:012}-{self.digest}.{self.form}"


@dataclass(frozen=True)
class Listing:
    """What lies at a URL.

    Attributes:
        journals: The pieces of each journal, in order, by its path in the run's folder.
        files: The small files' paths in the run's folder.
        digest: Changes with whatever changes there, but for the holder.
        covered: Pieces of each journal that longer ones cover, as a writer leaves them that was cut off.
    """

    journals: Mapping[str, list[Piece]] = field(default_factory=dict)
    files: frozenset[str] = frozenset()
    digest: str = ""
    covered: Mapping[str, list[Piece]] = field(default_factory=dict)

    @property
    def is_run(self) -> bool:
        """Whether a stage's manifest is there: the first of a run that is uploaded."""
        return any(PurePosixPath(name).name in MANIFESTS for name in self.files)

    @property
    def empty(self) -> bool:
        """Whether there is no run."""
        return not self.journals and not self.files


class RemoteFolder:
    """A folder at a URL.

    Args:
        url: Of the folder.

    Raises:
        Unreachable: Its protocol is unknown, or a package for it is missing.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._files, path = filesystem(self.url, Unreachable)
        self._root = path.rstrip("/")
        self._protocol = protocol_of(url)

    def __str__(self) -> str:
        return masked(self.url)

    def listing(self) -> Listing:
        """What lies there; what no run has is passed over.

        Raises:
            Unreachable: It cannot be listed.
            RunError: Pieces are missing, or there is something else among them.
        """
        journals: dict[str, list[Piece]] = {}
        files, signs = set(), []
        for path, told in sorted(self._found().items()):
            name = path.removeprefix(self._root).lstrip("/")
            parts = name.split("/")
            # Names come from elsewhere, and become paths on this machine.
            if not all(NAME.fullmatch(part) and part not in (".", "..") for part in parts) or parts[-1].startswith("."):
                continue
            if len(parts) > 1 and parts[-2].endswith(".jsonl.d") and _is_ours(parts[:-2]):
                journal = "/".join(parts[:-1]).removesuffix(".d")
                if not (piece := _PIECE.fullmatch(parts[-1])):
                    # To pass it over could be to miss lines.
                    raise RunError(
                        f"{self}/{name}: not a piece of a journal", "Remove the file, if it is not the run's."
                    )
                start, end, told_digest, form = piece.groups()
                journals.setdefault(journal, []).append(Piece(int(start), int(end), told_digest, form))
            elif name.endswith(".json") and name != HOLDER and _is_ours(parts[:-1]):
                files.add(name)
            else:
                continue
            signs.append([name, *(str(told.get(sign)) for sign in _SIGNS)])
        ordered = {name: self._in_a_row(name, pieces) for name, pieces in journals.items()}
        covered = {name: sorted({*pieces} - {*ordered[name]}) for name, pieces in journals.items()}
        return Listing(ordered, frozenset(files), digest(signs), covered)

    def read(self, name: str) -> bytes | None:
        """A file's content; None if there is none.

        Raises:
            Unreachable: It cannot be read.
        """
        try:
            return bytes(self._files.cat_file(f"{self._root}/{name}"))
        except FileNotFoundError:
            return None
        except Exception as bad:
            raise self._unreachable("read", bad) from None

    def write(self, name: str, content: bytes) -> None:
        """Write a file: there whole or not at all.

        Raises:
            Unreachable: It cannot be written.
        """
        path = f"{self._root}/{name}"
        above, _, last = path.rpartition("/")
        try:
            if self._protocol in OBJECT_STORES:
                self._files.pipe_file(path, content)
                return
            self._files.makedirs(above, exist_ok=True)
            aside = f"{above}/.{last}.tmp"
            self._files.pipe_file(aside, content)
            self._files.mv(aside, path)
        except Exception as bad:
            raise self._unreachable("written", bad) from None

    def upload(self, name: str, path: Path) -> None:
        """Write a file as a local one is, without holding it.

        Raises:
            Unreachable: It cannot be written.
        """
        there = f"{self._root}/{name}"
        try:
            if self._protocol not in OBJECT_STORES:
                self._files.makedirs(there.rpartition("/")[0], exist_ok=True)
            self._files.put_file(str(path), there)
        except Exception as bad:
            raise self._unreachable("written", bad) from None

    def holds_anything(self) -> bool:
        """Whether there is any file.

        Raises:
            Unreachable: It cannot be listed.
        """
        return bool(self._found())

    def probe(self) -> None:
        """Write a file and remove it again, before anything takes its time.

        Raises:
            Unreachable: One of the two cannot be done.
        """
        name = f"probe-{uuid4().hex}.tmp"
        self.write(name, b"may this be written?\n")
        self.remove(name)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there.

        Raises:
            Unreachable: It cannot be removed.
        """
        try:
            self._files.rm_file(f"{self._root}/{name}")
        except FileNotFoundError:
            pass
        except Exception as bad:
            raise self._unreachable("written (files cannot be removed)", bad) from None

    def _found(self) -> dict[str, dict[str, Any]]:
        self._files.invalidate_cache()
        try:
            return dict(self._files.find(self._root, detail=True))
        except FileNotFoundError:
            return {}
        except Exception as bad:
            # Each package has errors of its own, here and below.
            raise self._unreachable("listed", bad) from None

    def _in_a_row(self, name: str, pieces: list[Piece]) -> list[Piece]:
        """The pieces without those that longer ones cover."""
        ordered: list[Piece] = []
        end = 0
        for piece in sorted(pieces, key=lambda one: (one.start, -one.end)):
            if piece.end <= end:
                continue
            if piece.start != end:
                raise RunError(
                    f"{self}: {name}: the piece from byte {end:,} on is missing",
                    f"Bring {name}.d back from a copy, or choose another URL.",
                )
            ordered.append(piece)
            end = piece.end
        return ordered

    def _unreachable(self, what: str, bad: Exception) -> Unreachable:
        return Unreachable(f"{self}: cannot be {what}: {reason(bad)}", credentials_hint(self._protocol))


def _is_ours(folders: list[str]) -> bool:
    """Whether a run has files in such a folder: people keep other things beside them (see `run_folder`)."""
    return not folders or folders[0] in OWN_FOLDERS
