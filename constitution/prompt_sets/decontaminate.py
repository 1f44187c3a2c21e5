"""Leave out rows that hold what evaluations ask."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from constitution.errors import ConfigError, SourceError
from constitution.printable import on_one_line
from constitution.prompt_sets.clusters import Watch
from constitution.prompt_sets.grams import NGRAM, Grams
from constitution.prompt_sets.kept import check_output, write_kept, written
from constitution.prompt_sets.reading import Reading, items, text_of
from constitution.prompt_sets.same_ids import SameIds
from constitution.prompt_sets.spool import Spool
from constitution.readers import rows_of
from constitution.records import Record
from constitution.yamlfile import nearest


class Evaluation(Record):
    """What one evaluation has in common with a set.

    Attributes:
        file: Its file.
        prompts: Of it.
        found: Those of them that some row holds.
        rows: Rows that hold something of it; one that holds prompts of several counts for each.
    """

    file: str
    prompts: int
    found: int
    rows: int


class Decontaminated(Record):
    """What was found in a set.

    Attributes:
        rows: All of them.
        kept: Those that were written.
        ngram: The length of what may not be shared, in words.
        evaluations: In the order in which they were named.
        same_ids: Kept rows whose id an earlier kept row has.
        same_id: The first such id; None: there is none.
    """

    rows: int
    kept: int
    ngram: int
    evaluations: tuple[Evaluation, ...]
    same_ids: int = 0
    same_id: str | None = None


def decontaminate(
    files: Sequence[str],
    against: Sequence[str],
    to: Path,
    reading: Reading | None = None,
    columns: tuple[str, ...] = (),
    ngram: int = NGRAM,
    watch: Watch = lambda step, done, of: None,
    overwrite: bool = False,
) -> Decontaminated:
    """Write the rows of some files that hold nothing of these evaluations, and beside them which were left out.

    Memory grows with the evaluations' prompts, and not with the rows but for nine bytes each.

    Args:
        files: Read in this order.
        against: The evaluations: prompts, as `files` are.
        to: The file that is written, in the rows' own format or as JSONL; and `TO.dropped.jsonl`.
        reading: What of a row is looked at.
        columns: Of the evaluations' prompts: those of them that a row has, else as `generate` picks them.
        ngram: Words in a row that may not be shared.
        watch: For progress.
        overwrite: Whether files that are there may be replaced.

    Raises:
        ConstitutionError: A row or an evaluation cannot be read, there is none, or a file cannot be written.
    """
    if ngram < 2:
        raise ConfigError(f"--ngram {ngram}: fewer than 2 words", "8 is the default; 13 is what GPT-3 was checked by.")
    reading = reading or Reading()
    check_output(files, to, reading, overwrite, against)
    grams, prompts = _grams(against, columns, ngram)
    sources = [file for file, _, _ in prompts]
    left, same = bytearray(), SameIds()
    found, rows = set[int](), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="constitution-") as folder:
        places = Spool(Path(folder) / "places")
        try:
            with written(to) as (out, told):
                for item in items(files, reading):
                    places.add(item.where)
                    match = grams.match(item.text) if item.text else None
                    left.append(match is not None)
                    if not match:
                        same.see(item.id)
                    else:
                        shared = {match.evaluation, *match.others}
                        found |= shared
                        rows.update({sources[number] for number in shared})
                        file, where, id = prompts[match.evaluation]
                        line = {
                            "where": item.where,
                            "id": item.id,
                            "evaluation": file,
                            "evaluation_row": where,
                            "evaluation_id": id,
                            "shared": match.words,
                            "share": round(match.share, 4),
                        }
                        told.write(f"{on_one_line(line)}\n".encode())
                    if len(left) % 1024 == 0:
                        watch("rows read", len(left), 0)
                write_kept(files, to, out, reading, places.__getitem__, len(left), lambda row: not left[row])
        finally:
            places.close()
    return Decontaminated(
        rows=len(left),
        kept=len(left) - sum(left),
        ngram=ngram,
        evaluations=tuple(
            Evaluation(
                file=file,
                prompts=sources.count(file),
                found=sum(sources[number] == file for number in found),
                rows=rows[file],
            )
            for file in dict.fromkeys(against)
        ),
        same_ids=same.rows,
        same_id=same.first,
    )


def _grams(
    against: Sequence[str], columns: tuple[str, ...], ngram: int
) -> tuple[Grams, list[tuple[str, str, str | None]]]:
    """The n-grams of all evaluations, and of each prompt its file, place and id.

    Raises:
        SourceError: An evaluation is not there, cannot be read, or holds nothing; no evaluation has a column.
    """
    grams, prompts = Grams(ngram), list[tuple[str, str, str | None]]()
    columns_seen = set[str]()
    for file in dict.fromkeys(against):
        before, texts = len(prompts), 0
        for where, id, text in _evaluation(file, columns, columns_seen):
            grams.add(text)
            texts += bool(text.strip())
            prompts.append((file, where, id))
        if len(prompts) == before:
            raise SourceError(f"{file}: no rows to compare with", "Give an evaluation with at least one prompt.")
        if not texts:
            raise SourceError(
                f"{file}: all of its prompts are empty, so there is nothing to compare with",
                "Say which column holds the prompt: --against-column NAME",
            )
    for name in columns:
        # Unnoticed, a slip here would tell of rows that they are clean.
        if name not in columns_seen:
            known = sorted(columns_seen.difference(columns))
            raise SourceError(
                f"--against-column {name}: no evaluation has such a column; {nearest(name, known)}"
                if known
                else f"--against-column {name}: no evaluation has such a column"
            )
    return grams, prompts


def _evaluation(file: str, columns: tuple[str, ...], seen: set[str]) -> Iterator[tuple[str, str | None, str]]:
    """Place, id and text of an evaluation's prompts; the columns that rows have go to `seen`."""
    reading = Reading()
    for where, row in rows_of(reading.settings(file)):
        seen.update(row)
        own = replace(reading, columns=tuple(name for name in columns if name in row))
        given = row.get(reading.id_column)
        try:
            text = text_of(row, own, where)
        except SourceError as bad:
            raise SourceError(bad.message, "Say which column holds the prompt: --against-column NAME") from None
        yield where, None if given is None else str(given), text
