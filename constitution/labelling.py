"""The RL stage: sample responses, or take those that are there, and have a judge label them in pairs."""

import json
import math
from collections.abc import Sequence
from itertools import islice
from math import comb
from pathlib import Path

from constitution import __version__
from constitution.calls import Caller
from constitution.candidates import rows_to_compare, scan_rows, span
from constitution.compare import ChainOfThought, Judge, Sampler, compare, sample
from constitution.config import CompareSettings, Settings
from constitution.engines import open_engine
from constitution.errors import ConfigError, ModelError, PrinciplesError, RunError, command
from constitution.judging import JudgeTemplates, load_judge_templates
from constitution.manifest import COMPARE, REVISE, has_stage, load_manifest, new_manifest
from constitution.pair_files import PairRow
from constitution.principles import PrincipleSet, find_principles, load_principles
from constitution.records import (
    Comparison,
    Counts,
    Filtered,
    Reasoning,
    Sampling,
)
from constitution.runner import Chain, Outcome, Tally, Watch, run_rows
from constitution.settings_help import COMPARE_HELP
from constitution.store import Run, comparisons, count
from constitution.templating import TemplateSet, load_templates
from constitution.votes import OPEN, Range, Thresholds

# After this many rows without one readable verdict, more of them would be a waste.
ROWS_BEFORE_GIVING_UP = 20


async def label_pairs(
    folder: Path, settings: CompareSettings, watch: Watch | None = None, replace: bool = False
) -> Counts:
    """Compare the responses of a run, or the pairs of a file, and add the comparisons to the run's folder.

    Stopped in any way, it goes on where it was. Everything a person can have got wrong is checked before a model is
    loaded.

    Args:
        folder: A run's folder; with pairs from a file it may be a new one.
        settings: What is compared, and who judges.
        watch: For progress.
        replace: Set comparisons that were made by other settings aside; their calls are reused where they still match.

    Raises:
        ConstitutionError: Any of the family but `CallError`, which is recorded on its row instead.
    """
    base = _base_settings(folder, settings)
    principles = _judging_principles(settings.principles or base.principles, settings.principles_per_pair)
    judge_templates = load_judge_templates(settings.templates or base.templates, settings.few_shots)
    templates = load_templates(base.templates, base.few_shots, base.system_prompt)
    rows, content = scan_rows(folder, settings)
    models = (settings.models or (base.model,)) if settings.pairs == "samples" else ()
    affecting = settings.affecting() | {
        "principles (content)": principles.digest,
        "templates (content)": judge_templates.digest,
        "sampling models": list(models),
        "sampling templates (content)": templates.digest if models else None,
        "pairs (content)": content,
    }
    with Run(folder, COMPARE) as run:
        if replace:
            run.discard()
        run.check(affecting)
        tally = Tally(rows, _calls_per_row(settings, base.rounds))
        callers: dict[str, Caller] = {}
        judge_name = settings.judge or base.model
        # Models take turns in memory: each one samples for all rows, the judge comes last. If the judge samples too, it
        # does both in one go.
        for name in [*(model for model in dict.fromkeys(models) if model != judge_name), judge_name]:
            judging = name == judge_name
            chat_template = judge_templates.chat_template if judging else templates.chat_template
            engine = open_engine(_engine_settings(base, settings, name), chat_template)
            try:
                if not callers:
                    stored = settings.model_dump(mode="json")
                    run.begin(new_manifest(__version__, engine.determinism, rows, stored, affecting, principles))
                    run.grow(rows)
                    # Rows that failed in an earlier start are pending again, until this start has an outcome for them.
                    run.failed.clear()
                run.settle(
                    "model (identity)" if judging else f"sampling model {name} (identity)",
                    engine.identity.model_dump(),
                )
                callers[name] = Caller(engine, run, settings.seed, settings.attempts, tally)
                chain = _chain(settings, templates, judge_templates, principles, models, callers, name, judging)
                if judging:
                    chain = _giving_up(chain, judge_name, run, rows)
                # A row has two questions in flight, one in each order: as many rows as keep the whole batch busy.
                in_flight = max(1, (settings.concurrency or base.concurrency) // 2)
                await run_rows(rows_to_compare(folder, settings, base), chain, run, tally, engine, in_flight, watch)
            finally:
                await engine.aclose()
        return run.counts(rows)


def _chain(
    settings: CompareSettings,
    templates: TemplateSet,
    judge_templates: JudgeTemplates,
    principles: PrincipleSet,
    models: Sequence[str],
    callers: dict[str, Caller],
    name: str,
    judging: bool,
) -> Chain[PairRow]:
    """One row's chain while the model `name` is in memory: sample, and, if it is the judge's turn, compare."""
    sampling = Sampling(
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
        top_p=settings.top_p,
        stop=templates.stop,
    )
    thinking = Sampling(max_tokens=settings.cot_tokens, temperature=settings.cot_temperature, stop=judge_templates.stop)
    clamp = OPEN if settings.clamp == "none" else Range(*map(float, settings.clamp.split(":")))
    cot = ChainOfThought(settings.cot_samples, settings.cot_verdict, clamp) if settings.cot else None
    thresholds = Thresholds(settings.tie, settings.order_gap, settings.min_mass)
    # Who writes which sample; what other models wrote is in the journal when the judge's turn comes.
    turns = [(number, models[number % len(models)]) for number in range(settings.samples)] if models else []

    async def chain(row: PairRow) -> Sequence[Comparison | Filtered]:
        if row.problem:
            return [Filtered(id=row.id, index=row.index, reason="no pair", message=row.problem)]
        candidates = row.candidates
        if models:
            samplers = [
                Sampler(number + 1, model, callers[model].ask(row.id, sampling))
                for number, model in turns
                if judging or model == name
            ]
            candidates = await sample(templates.respond(row.prompt), samplers)
        if not judging:
            return []
        judge = Judge(
            ask=callers[name].ask(row.id, thinking),
            weigh=callers[name].weigh(row.id),
            principles=principles,
            templates=judge_templates,
            per_pair=settings.principles_per_pair,
            seed=settings.seed,
            thresholds=thresholds,
            cot=cot,
        )
        return await compare(row.prompt, candidates, judge, match=settings.match, gold=row.gold)

    return chain


def _giving_up(chain: Chain[PairRow], judge: str, run: Run, rows: int) -> Chain[PairRow]:
    """The chain, with an end to it if the first rows bring not one verdict that can be read."""
    before = list(islice((one for one in comparisons(run.folder) if one.votes), ROWS_BEFORE_GIVING_UP))
    readable = any(one.p is not None for one in before)
    unreadable = len({one.row for one in before})

    async def watched(row: PairRow) -> Sequence[Outcome]:
        nonlocal readable, unreadable
        outcome = await chain(row)
        judged = [one for one in outcome if isinstance(one, Comparison) and one.votes]
        readable = readable or any(one.p is not None for one in judged)
        if judged and not readable:
            unreadable += 1
            if unreadable >= min(ROWS_BEFORE_GIVING_UP, rows):
                raise ModelError(
                    f"the judge {judge!r} gave no verdict that can be read on {unreadable} rows: "
                    f"{_unreadable(judged[-1])}",
                    "Try --few-shots 2, another --judge, or --templates transcript for a base model; nothing is lost.",
                )
        return outcome

    return watched


def _unreadable(comparison: Comparison) -> str:
    """What is wrong with a comparison's last vote."""
    vote = comparison.votes[-1]
    last = vote.reasonings[-1] if vote.reasonings else vote
    if isinstance(last, Reasoning) and last.logprob_a is None and last.logprob_b is None:
        said = " ".join(last.completion.text.split())[-80:]
        cut = " (cut: raise --cot-tokens)" if last.completion.finish_reason == "length" else ""
        return f"its last reasoning ends without an answer{cut}: …{said}"
    if last.logprob_a is None or last.logprob_b is None:
        return "it told no log-probabilities of its answers"
    mass = math.exp(last.logprob_a) + math.exp(last.logprob_b)
    return f"A and B together have probability {mass:.2g}, below --min-mass"


def _base_settings(folder: Path, settings: CompareSettings) -> Settings:
    """What the run was made with; for a file of pairs in a new folder, the defaults."""
    if settings.pairs == "file" and settings.file is None:
        raise ConfigError("--pairs file: which one?", f"Name it with --file. {COMPARE_HELP['file']}")
    if settings.pairs != "file" and settings.file is not None:
        raise ConfigError(f"--file is read by --pairs file, not by --pairs {settings.pairs}", "Add --pairs file.")
    if settings.file is not None and not has_stage(folder, REVISE):
        return Settings(prompts=settings.file, out=str(folder))
    manifest = load_manifest(folder, REVISE)
    if settings.pairs != "file" and not count(folder).done:
        raise RunError(
            f"{folder}: holds no transcript yet, so there is nothing to compare",
            f"See where the run is with: {command('status', folder)}",
        )
    base = Settings.model_validate_json(json.dumps(manifest.settings))
    if settings.pairs == "revisions":
        span(settings.between, base.rounds)
    return base


def _judging_principles(name: str, per_pair: int) -> PrincipleSet:
    principles = load_principles(name)
    without = [principle.id for principle in principles.principles if principle.comparison is None]
    if without:
        raise PrinciplesError(
            f"{find_principles(name)}: a judge is asked each principle's `comparison`, and these have none: "
            f"{', '.join(without)}",
            "Add a `comparison` to each, or name another file with --principles.",
        )
    if per_pair > len(principles.principles):
        raise PrinciplesError(
            f"{per_pair} principles a pair, but {principles.name} has {len(principles.principles)}",
            "Lower --principles-per-pair.",
        )
    return principles


def _engine_settings(base: Settings, settings: CompareSettings, name: str) -> Settings:
    """What opens a model: the run's settings where the comparison has none of its own."""
    given = {key: getattr(settings, key) for key in ("engine", "dtype", "device", "concurrency")}
    update = {key: value for key, value in given.items() if value is not None}
    if name != base.model:
        model, _, revision = (name, "", "") if Path(name).exists() else name.partition("@")
        update |= {"model": model, "revision": revision or None}
    return base.model_copy(update=update)


def _calls_per_row(settings: CompareSettings, rounds: int) -> int:
    """Model calls of a row; an estimate if only the best and the worst are wanted."""
    responses = {"samples": settings.samples, "revisions": len(span(settings.between, rounds)), "file": 2}
    number = responses[settings.pairs]
    pairs = comb(number, 2) if settings.match == "all" else min(comb(number, 2), 3 * number // 2)
    calls_per_vote = settings.cot_samples * (2 if settings.cot_verdict == "choose" else 1) if settings.cot else 1
    sampled = settings.samples if settings.pairs == "samples" else 0
    return sampled + pairs * settings.principles_per_pair * 2 * calls_per_vote
