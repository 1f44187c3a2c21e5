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

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from constitution import __version__
from constitution.config import CompareSettings, Settings
from constitution.crew import LocalCrew
from constitution.engines import check_role
from constitution.errors import ConfigError, FolderTaken, PrinciplesError, SettingsDiffer, SourceError
from constitution.generation import generate
from constitution.joined_principles import joined
from constitution.labelling import label_pairs
from constitution.labelling_plan import judge_of, plan_labelling, rewarding
from constitution.manifest import REVISE, has_stage
from constitution.model_settings import Role, label_of
from constitution.pair_files import scan_pairs
from constitution.principles import PrincipleSet, load_principles
from constitution.remote.addresses import masked
from constitution.runner import Stop, Watch
from constitution.sources import no_rows, read
from constitution.templating import load_templates
from constitution.versus_folder import (
    ELSEWHERE,
    JUDGED,
    OTHERWISE,
    PAIRS,
    SIDES,
    Setup,
    Side,
    begin,
    judged_content,
    write_pairs,
)
from constitution.yamlfile import nearest

# A stage's progress, by what the stage is called.
Watching = Callable[[str], AbstractContextManager[Watch | None]]


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
    if rewarding(compare):
        raise ConfigError(
            f"--judge {label_of(compare.judge) if compare.judge else compare.engine}: it gives rewards and is asked "
            "under no principle, so it cannot tell what principles do",
            "Name a model that is asked: --judge MODEL. To compare two runs by rewards: constitution score RUN.",
        )
    sets: dict[Side, PrincipleSet] = {"a": load_principles(settings.principles), "b": load_principles(b)}
    if sets["a"].digest == sets["b"].digest:
        raise PrinciplesError(
            f"{settings.principles} and {b} hold the same principles: there is nothing to compare",
            "Give two files whose principles differ in an id, a weight or a text; rules and tags do not count.",
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
    named = compare.principles
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
    try:
        plan = plan_labelling(
            settings, compare.model_copy(update={"principles": named}), asked, f"{settings.principles} and {b}"
        )
    except PrinciplesError as bad:
        raise PrinciplesError(bad.message, bad.hint.replace("--principles FILE", "--judge-principles FILE")) from None
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
    empty = True
    for prompt in read(settings):
        empty = False
        known |= prompt.metadata.keys()
        if by is None or by in known:
            return
    if empty:
        raise no_rows(settings)
    if by is not None and known:
        raise SourceError(
            f"--by {by}: no row of {masked(settings.prompts)} has such a column of plain values; {nearest(by, known)}",
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
    begin(folder, versus.setup, versus.principles)
    judge = judge_of(versus.runs["a"], versus.compare)
    if judge != versus.runs["a"].generator:
        await check_role(judge, "judge")
    async with LocalCrew() as crew:
        try:
            for side in SIDES:
                settings, lender = versus.runs[side], folder / "a" if side == "b" else None
                with watching(f"{side.upper()}: {settings.principles}") as watch:
                    if retry_failed and has_stage(folder / side, REVISE):
                        await generate(settings, watch, lender, stop, True, crew)
                    await generate(settings, watch, lender, stop, crew=crew)
            write_pairs(folder)
            judged, compare = folder / JUDGED, versus.compare
            with watching(f"judge: {judge.model}") as watch:
                # Rows that were finished by another try: what was said of the others is found in the journal.
                known = judged_content(folder)
                grown = known is not None and known != scan_pairs(str(folder / PAIRS))[1]
                if retry_failed and known is not None and not grown:
                    await label_pairs(judged, compare, watch, False, None, True, versus.principles, stop, crew)
                await label_pairs(judged, compare, watch, grown, None, False, versus.principles, stop, crew)
        # Their own hints are for who runs one of the stages alone.
        except SettingsDiffer as bad:
            raise SettingsDiffer(bad.message, OTHERWISE) from None
        except FolderTaken as bad:
            raise FolderTaken(bad.message, ELSEWHERE) from None
