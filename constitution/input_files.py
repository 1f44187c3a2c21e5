"""The files that a name of prompts or pairs stands for: one, those of a folder, or those that fit a pattern."""

import glob
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from constitution.errors import SourceError
from constitution.remote.addresses import WEB, credentials_hint, filesystem, is_url, masked, protocol_of, reason
from constitution.remote.reading import Found, RemoteFile

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

File = Path | RemoteFile

# Endings that there are readers for (see `readers.READERS`).
ENDINGS = (".jsonl", ".ndjson", ".csv", ".tsv", ".txt", ".parquet")
ALIKE = {".ndjson": ".jsonl"}
# What `datasets` takes for the name of a split: such a folder is a dataset, of which one split is read.
_SPLIT = re.compile(
    r"(^|[-._ \d])(train(ing)?|test(ing)?|eval(uation)?|valid(ation)?|val|dev)([-._ \d]|$)", re.IGNORECASE
)
_PATTERN = re.compile(r"[*?\[]")


def ending(name: str) -> str:
    """A file's ending in small letters, before `.gz` if that is there: `.jsonl` of `a.jsonl.gz`."""
    return Path(name.lower().removesuffix(".gz")).suffix


def files_named(name: str) -> list[File]:
    """The files, in their natural order (2 before 10); none if the name is neither a URL, a pattern nor such a folder.

    Raises:
        SourceError: No file fits, their formats differ, or the URL cannot be reached.
    """
    if is_url(name):
        return _at_url(name)
    path = Path(name).expanduser()
    if path.is_dir():
        inside = [file for file in path.iterdir() if _counts(file.name)]
        return _checked(name, inside) if _is_shards(inside) else []
    if path.exists() or not _PATTERN.search(name):
        return []
    found = (Path(file) for file in glob.iglob(str(path), recursive=True))
    files = [file for file in found if file.is_file() and _counts(file.name)]
    return _checked(name, files)


def natural(name: str) -> list[str | int]:
    """A key that sorts names as people number them."""
    return [int(part) if place % 2 else part for place, part in enumerate(re.split(r"(\d+)", name))]


def _is_shards(inside: list[Path]) -> bool:
    """Whether a folder holds nothing but rows of its own, and is not laid out as a dataset."""
    return bool(inside) and all(
        file.is_file() and ending(file.name) in ENDINGS and not _SPLIT.search(file.name) for file in inside
    )


def _at_url(url: str) -> list[File]:
    protocol = protocol_of(url)
    pattern = bool(_PATTERN.search(url)) if protocol not in WEB else "*" in url
    if protocol in WEB:
        if pattern:
            raise SourceError(
                f"{masked(url)}: web servers list no files, so no pattern can be looked for", "Name one file."
            )
        return _checked(url, [RemoteFile(url)])
    files, path = filesystem(url, SourceError)
    try:
        if pattern:
            found = [name for name, told in files.glob(path, detail=True).items() if told["type"] == "file"]
        elif ending(url) in ENDINGS and not files.isdir(path):
            return [RemoteFile(url)]
        elif files.isdir(path):
            found = _plain(url, {told["name"]: told["type"] for told in files.ls(path, detail=True)})
        elif files.exists(path):
            return _checked(url, [RemoteFile(url)])
        else:
            raise SourceError(f"{masked(url)}: no such file or folder", "Check the URL.")
    except SourceError:
        raise
    except Exception as bad:
        # Each package has errors of its own.
        raise SourceError(f"{masked(url)}: cannot be listed: {reason(bad)}", credentials_hint(protocol)) from None
    remote = (RemoteFile(_url_of(url, files, name), Found(files, name)) for name in found)
    return _checked(url, [file for file in remote if _counts(file.name)])


def _plain(url: str, entries: Mapping[str, str]) -> list[str]:
    """The files in a folder at a URL.

    Raises:
        SourceError: It is laid out as a dataset, which on this machine gives other rows than its files one by one.
    """
    shown = {path: path.rstrip("/").rpartition("/")[2] for path in entries}
    counting = {path: name for path, name in sorted(shown.items()) if _counts(name)}
    for path, name in counting.items():
        why = "a folder in it" if entries[path] == "directory" else "named as a split" if _SPLIT.search(name) else ""
        if why:
            raise SourceError(
                f"{masked(url)}: laid out as a dataset ({name!r}: {why}); at a URL, only plain files are read",
                f"Name the files by a pattern, for example '{masked(url).rstrip('/')}/train*.jsonl' or "
                f"'{masked(url).rstrip('/')}/**/*.jsonl'; or download the folder, and give its path.",
            )
    return [path for path, kind in entries.items() if kind == "file"]


def _url_of(above: str, files: "AbstractFileSystem", path: str) -> str:
    """The URL of a file that was found by another; the file system's own drops host and user where paths have none."""
    scheme, _, rest = above.partition("://")
    whole = f"{scheme}://{rest.partition('/')[0]}{path}"
    # In other protocols the first part is a folder or a bucket, and belongs to the path.
    return whole if path.startswith("/") and files._strip_protocol(whole) == path else files.unstrip_protocol(path)


def _counts(name: str) -> bool:
    """Whether a file holds rows: programs leave hidden files, and markers such as _SUCCESS."""
    return not name.startswith(".") and not (name.startswith("_") and not Path(name).suffix)


def _checked(name: str, files: Iterable[File]) -> list[File]:
    """The files in order.

    Raises:
        SourceError: There is none, or not all are of one format that is known.
    """
    ordered = sorted(files, key=lambda file: (natural(str(file)), str(file)))
    where = masked(name)
    if not ordered:
        what = "no file fits" if _PATTERN.search(name) else "no file in it"
        raise SourceError(f"{where}: {what}", "Check the folder; in a shell, put a pattern in quotes.")
    kinds: dict[str, File] = {}
    for file in ordered:
        kind = ending(file.name)
        if kind not in ENDINGS:
            raise SourceError(
                f"{file}: no reader for {kind or 'a file with no ending'}; known: {', '.join(ENDINGS)}, each also .gz",
                f"Name the files: {where.rstrip('/')}/*.jsonl" if len(ordered) > 1 else "",
            )
        kinds.setdefault(ALIKE.get(kind, kind), file)
    if len(kinds) > 1:
        first, second, *_ = kinds.values()
        raise SourceError(
            f"{where}: files of several formats: {first} and {second}",
            "Name those of one format by a pattern, for example: --prompts 'FOLDER/*.jsonl'",
        )
    return ordered
