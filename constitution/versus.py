"""Two constitutions on the same prompts, and a judge's word on whose revisions are better.

    OUT/ab.json         what is compared, and all that changes its figures
    OUT/judge.yaml      the principles that the judge is asked under
    OUT/a, OUT/b        a run each: same prompts, settings and seeds, only the principles differ
    OUT/pairs.jsonl     the last revision of each prompt that is finished in both
    OUT/judged          what the judge said of them, in both orders

Each stage is an ordinary run, so each is safe against crashes, and what was stopped goes on where it was. B's run takes
over the calls of A's that it would make itself: all initial responses, which are the same in both, and whatever follows
where both drew the same words.

Which of the two stands first in a pair is decided by a hash of its text: exchanging A and B asks the judge the very
same questions, and gives the mirrored figures.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import JsonValue, ValidationError

from constitution import __version__
from constitution.config import CompareSettings, Settings
from constitution.digests import digest
from constitution.durable import make_folder, write_whole
from constitution.engines import check_role
from constitution.engines.pool import Engines
from constitution.errors import PrinciplesError, RunError, SourceError, unwritable
from constitution.generation import generate
from constitution.joined_principles import joined
from constitution.labelling import label_pairs
from constitution.labelling_plan import judge_of, plan_labelling
from constitution.manifest import COMPARE, REVISE, differences, has_stage, load_manifest
from constitution.model_settings import Role
from constitution.pair_files import scan_pairs
from constitution.principle_files.writing import file_text
from constitution.principles import PrincipleSet, load_principles
from constitution.records import Record, Transcript
from constitution.run_folder import check_folder
from constitution.runner import Stop, Watch
from constitution.sources import read
from constitution.store import count, transcripts
from constitution.templating import load_templates
from constitution.yamlfile import nearest

Side = Literal["a", "b"]
SIDES: tuple[Side, Side] = ("a", "b")
SETUP, JUDGE, PAIRS, JUDGED = "ab.json", "judge.yaml", "pairs.jsonl", "judged"
OTHERWISE = "Give the old settings to go on, or choose another folder: --out DIR"
ELSEWHERE = "Choose another folder: --out DIR"

# A stage's progress, by what the stage is called.
Watching = Callable[[str], AbstractContextManager[Watch | None]]


class Setup(Record):
    """What a folder compares.

    Attributes:
        version: The program's version that began it.
        a: One principles file, as it was named.
        b: The other.
        affecting: What changes the figures, by name; a later start must match every value.
    """

    version: str
    a: str
    b: str
    affecting: dict[str, JsonValue]


@dataclass(frozen=True)
class Versus:
    """Two constitutions, ready to be compared.

    Attributes:
        folder: Where all of it is kept.
        runs: The settings of both runs.
        compare: How the pairs are judged.
        principles: What the judge is asked.
        setup: What the folder says of it.
    """

    folder: Path
    runs: dict[Side, Settings]
    compare: CompareSettings
    principles: PrincipleSet
    setup: Setup


def plan_versus(settings: Settings, compare: CompareSettings, b: str, by: str | None = None) -> Versus:
    """Load and check all that can be checked without a model.

    Args:
        settings: Of both runs; `principles` is A, and `out` the folder.
        compare: Who judges, and how; `principles` are those that the judge is asked, None for those of A and B. What is
            compared does not count. Where `principles_per_pair` is left open, it is at most as many as there are.
        b: B.
        by: A column of the prompts, for the report.

    Raises:
        ConstitutionError: A file is broken, A and B are the same, or nothing can be judged.
    """
    sets: dict[Side, PrincipleSet] = {"a": load_principles(settings.principles), "b": load_principles(b)}
    if sets["a"].digest == sets["b"].digest:
        raise PrinciplesError(
            f"{settings.principles} and {b} hold the same principles: there is nothing to compare",
            "Give two files that differ in an id, a weight or a text.",
        )
    asked = (
        load_principles(compare.principles)
        if compare.principles
        else joined(sets["a"], sets["b"], settings.principles, b)
    )
    folder, judge = Path(settings.out), judge_of(settings, compare)
    fits = (
        {}
        if "principles_per_pair" in compare.model_fields_set
        else {"principles_per_pair": min(compare.principles_per_pair, len(asked.principles))}
    )
    compare = compare.model_copy(
        update={
            "pairs": "file",
            "file": str(folder / PAIRS),
            "limit": None,
            "models": (),
            "judge": Role(**{name: value for name, value in judge if value is not None}),
            "engine": judge.engine,
            "dtype": judge.dtype,
            "base_url": None,
            "device": None,
            "slots": None,
            "principles": None,
            "templates": compare.templates or settings.templates,
            "concurrency": compare.concurrency or settings.concurrency,
            **fits,
        }
    )
    plan = plan_labelling(settings, compare, asked)
    _check_prompts(settings, by)
    runs: dict[Side, Settings] = {
        "a": settings.model_copy(update={"out": str(folder / "a"), "compare": None}),
        "b": settings.model_copy(update={"out": str(folder / "b"), "compare": None, "principles": b}),
    }
    templates = load_templates(settings.templates, settings.few_shots, settings.system_prompt)
    affecting = {
        **settings.affecting(),
        "templates (content)": templates.digest,
        "A (content)": sets["a"].digest,
        "B (content)": sets["b"].digest,
        **{f"judging: {name}": value for name, value in plan.affecting().items()},
    }
    setup = Setup(version=__version__, a=settings.principles, b=b, affecting=affecting)
    return Versus(folder, runs, compare, asked, setup)


def _check_prompts(settings: Settings, by: str | None) -> None:
    """Look whether there are prompts, and one with that column: before a folder is made for them."""
    known: set[str] = set()
    for prompt in read(settings):
        known |= prompt.metadata.keys()
        if by is None or by in known:
            return
    if by is not None and known:
        raise SourceError(
            f"--by {by}: no row of {settings.prompts} has such a column of plain values; {nearest(by, known)}",
            "Name a column that holds no prompt or answer, such as a topic.",
        )


async def run_versus(versus: Versus, watching: Watching, stop: Stop | None = None, retry_failed: bool = False) -> None:
    """Generate under both constitutions and have the pairs judged, or go on where that was stopped.

    Args:
        versus: What is compared.
        watching: For progress.
        stop: Ends it early, with what is under way finished and journalled.
        retry_failed: Run the rows that failed again, too, before all else that is pending.

    Raises:
        ConstitutionError: Any of the family but `CallError`, which is recorded on its row instead.
        Stopped: `stop` was asked for.
    """
    stop, folder = stop or Stop(), versus.folder
    _begin(versus)
    judge = judge_of(versus.runs["a"], versus.compare)
    if judge != versus.runs["a"].generator:
        await check_role(judge, "judge")
    async with Engines() as engines:
        try:
            for side in SIDES:
                settings, lender = versus.runs[side], folder / "a" if side == "b" else None
                with watching(f"{side.upper()}: {settings.principles}") as watch:
                    if retry_failed and has_stage(folder / side, REVISE):
                        await generate(settings, watch, lender, stop, True, engines)
                    await generate(settings, watch, lender, stop, engines=engines)
            _write_pairs(folder)
            judged, compare = folder / JUDGED, versus.compare
            with watching(f"judge: {judge.model}") as watch:
                # Rows that were finished by another try: what was said of the others is found in the journal.
                grown = has_stage(judged, COMPARE) and _content(judged) != scan_pairs(str(folder / PAIRS))[1]
                if retry_failed and has_stage(judged, COMPARE) and not grown:
                    await label_pairs(judged, compare, watch, False, None, True, versus.principles, stop, engines)
                await label_pairs(judged, compare, watch, grown, None, False, versus.principles, stop, engines)
        except RunError as bad:
            # Its own hint is for who runs one of the stages alone.
            if "old settings" in bad.hint:
                raise RunError(bad.message, OTHERWISE) from None
            if "--fork" in bad.hint:
                raise RunError(bad.message, ELSEWHERE) from None
            raise


def load_setup(folder: Path) -> Setup:
    """What a folder compares.

    Raises:
        RunError: It holds no comparison of two constitutions, or its file is damaged.
    """
    path = folder / SETUP
    try:
        return Setup.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise RunError(
            f"{folder}: compares no constitutions (no {SETUP})", "Choose another folder: --out DIR"
        ) from None
    except OSError as bad:
        raise RunError(f"{path}: cannot be read: {bad.strerror}") from None
    except ValidationError:
        raise RunError(f"{path}: damaged", "Bring the file back from a copy, or choose another folder.") from None


def _begin(versus: Versus) -> None:
    """Make the folder, or check that it compares the same.

    Raises:
        RunError: It does not, or it cannot be written.
    """
    folder = versus.folder
    check_folder(folder)
    try:
        aside = Path(SETUP).with_suffix(".tmp").name
        found = sorted(path.name for path in folder.iterdir() if path.name != aside) if folder.exists() else []
        if found and SETUP not in found:
            raise RunError(f"{folder}: not empty, and compares no constitutions (found {found[0]})", ELSEWHERE)
        if has_stage(folder / "a", REVISE):
            known = load_setup(folder).affecting
            if changes := list(differences(known, versus.setup.affecting)):
                raise RunError("\n".join([f"{folder} compares by other settings:", *changes]), OTHERWISE)
            return
        # No call was made yet: whatever was meant before, such as a model with a slip in its name, binds nobody.
        make_folder(folder)
        write_whole(folder / SETUP, versus.setup.model_dump_json(indent=2) + "\n")
        comment = "The principles that the judge of this comparison is asked under."
        write_whole(folder / JUDGE, file_text(versus.principles, comment))
    except OSError as bad:
        raise unwritable(folder, bad) from None


def _content(judged: Path) -> object:
    return load_manifest(judged, COMPARE).affecting.get("pairs (content)")


def _write_pairs(folder: Path) -> None:
    """Write the pairs file.

    Raises:
        RunError: No row is finished in both runs, or the disk fails.
    """
    lines = [json.dumps(_pair(a, b), ensure_ascii=False) + "\n" for a, b in finished_in_both(folder)]
    if not lines:
        told = "; ".join(f"{side.upper()}: {count(folder / side).equation}" for side in SIDES)
        raise RunError(
            f"{folder}: no row is finished under both constitutions, so there is nothing to judge ({told})",
            "Run the failed rows again: the same command with --retry-failed",
        )
    path = folder / PAIRS
    try:
        write_whole(path, "".join(lines))
    except OSError as bad:
        raise unwritable(path, bad) from None


def finished_in_both(folder: Path) -> Iterator[tuple[Transcript, Transcript]]:
    """The rows of both runs that both have finished, in the order of the input."""
    others = transcripts(folder / "b")
    b = next(others, None)
    for a in transcripts(folder / "a"):
        while b is not None and b.index < a.index:
            b = next(others, None)
        if b is not None and b.index == a.index:
            yield a, b


def _pair(a: Transcript, b: Transcript) -> dict[str, object]:
    """A row of the pairs file; `b` says which response is B's."""
    texts = {side: one.responses[-1].text for side, one in zip(SIDES, (a, b), strict=True)}
    first, second = sorted(SIDES, key=lambda side: digest([a.id, texts[side]]))
    # Responses as messages: a text may look like a transcript of its own.
    said = {side: [{"role": "assistant", "content": text}] for side, text in texts.items()}
    return {
        "prompt": [message.model_dump() for message in a.prompt],
        "response_a": said[first],
        "response_b": said[second],
        "row": a.id,
        "b": "first" if first == "b" else "second",
    }
