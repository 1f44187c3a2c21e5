"""The SL stage: run the chain of critiques and revisions over all prompts (Bai et al. 2022, section 3)."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from constitution import __version__
from constitution.best_of import Picking, patience_with, plan_picking, see
from constitution.calls import Caller
from constitution.caps import Spending, begin_spending
from constitution.config import Settings
from constitution.counts import Counts
from constitution.crew import Crew, Job, Model
from constitution.crews import open_crew
from constitution.engines import check_role, check_writes
from constitution.engines.base import weakest
from constitution.errors import ConfigError, PrinciplesError
from constitution.labelling import label_pairs
from constitution.labelling_plan import Plan, plan_labelling
from constitution.manifest import COMPARE, PRINCIPLES, REVISE, has_stage, load_manifest, new_manifest
from constitution.model_settings import ModelSettings, models_of, resolve
from constitution.pair_files import scan_pairs
from constitution.prices import load_prices
from constitution.principles import PrincipleSet, load_principles
from constitution.records import Filtered, Prompt, Sampling, Transcript
from constitution.remote.addresses import is_url, masked
from constitution.report.summary import write_summary
from constitution.revise import revise
from constitution.row_states import State, read_states
from constitution.run import Run
from constitution.runner import Chain, Stop, Tally, Watch
from constitution.shards import Shard
from constitution.sources import Scan, read, scan, source_digest
from constitution.store import count
from constitution.templating import TemplateSet, load_templates


async def generate(
    settings: Settings,
    watch: Watch | None = None,
    reuse: Path | None = None,
    stop: Stop | None = None,
    retry_failed: bool = False,
    crew: Crew | None = None,
) -> Counts:
    """Run the SL stage, or go on with a run that was stopped; then the RL stage, if `settings.compare` asks for it.

    Everything a person can have got wrong is checked before the model is loaded, and everything before the first
    model call.

    Args:
        settings: The run.
        watch: For progress of the SL stage, and of the RL stage after it.
        reuse: Another run's folder whose finished calls may be reused.
        stop: Ends the run early, with what is under way finished and journalled.
        retry_failed: Run the rows that failed, and no others.
        crew: Who runs the rows; closed by whoever opened it. None: as the settings say.

    Raises:
        ConstitutionError: Any of the family but `CallError`, which is recorded on its row instead.
        CapReached: What the run may spend is spent.
        Stopped: `stop` was asked for.
    """
    if crew is None:
        async with open_crew(settings.cluster) as own:
            return await generate(settings, watch, reuse, stop, retry_failed, own)
    if is_url(settings.out):
        raise ConfigError(
            f"{masked(settings.out)}: generate() writes folders",
            "Give local_folder(URL, new=True) as `out`, within mirrored(…): see constitution.remote.keeping.",
        )
    _check_caps(settings)
    check_writes(settings.generator, "--model")
    if settings.critic:
        check_writes(resolve(settings.generator, settings.critic), "--critic")
    principles = load_principles(settings.principles)
    if not settings.replacement and settings.rounds > len(principles.principles):
        raise PrinciplesError(
            f"{settings.rounds} rounds without replacement need as many principles; "
            f"{principles.name} has {len(principles.principles)}",
            "Lower --rounds, or draw with --replacement.",
        )
    if reuse:
        load_manifest(reuse)
    if retry_failed:
        load_manifest(Path(settings.out))
    templates = load_templates(settings.templates, settings.few_shots, settings.system_prompt)
    picking = plan_picking(settings, principles)
    # What the second stage lacks is told before the first one takes a night.
    plan = plan_labelling(settings, settings.compare) if settings.compare else None
    spending = begin_spending(Path(settings.out), settings, _models(settings, plan))
    if settings.compare and plan:
        if settings.shard and settings.compare.pairs == "file":
            raise ConfigError(
                f"--shard {settings.shard} with --compare of pairs from a file: each shard would judge all of them",
                "Leave out --compare, and compare the pairs once: constitution compare RUN --pairs file --file PAIRS",
            )
        if settings.compare.file is not None:
            scan_pairs(settings.compare.file, settings.compare.limit)
        if (judge := plan.model(plan.judge)) != settings.generator:
            await check_role(judge, "judge")
    stop, folder = stop or Stop(), Path(settings.out)
    failed = set(read_states(folder, REVISE).of(State.FAILED)) if retry_failed else None
    await _revise_rows(settings, principles, templates, picking, crew, watch, reuse, stop, retry_failed, spending)
    counts = count(folder)
    if settings.compare and counts.done:
        if retry_failed and has_stage(folder, COMPARE):
            await label_pairs(
                folder, settings.compare, watch, retry_failed=True, stop=stop, crew=crew, spending=spending
            )
        # After a retry: what it has finished, and nothing else that is pending.
        await label_pairs(
            folder, settings.compare, watch, reuse=reuse, stop=stop, crew=crew, only=failed, spending=spending
        )
    return counts


async def _revise_rows(
    settings: Settings,
    principles: PrincipleSet,
    templates: TemplateSet,
    picking: Picking | None,
    crew: Crew,
    watch: Watch | None,
    reuse: Path | None,
    stop: Stop,
    retry_failed: bool,
    spending: Spending | None,
) -> None:
    """Run the chain over all rows that this start owes, and write the summary."""
    # The lock first of all: nobody should wait for a large input to be read to hear that another process writes.
    with Run(Path(settings.out)) as run:
        affecting = _affecting(settings, principles, templates, picking)
        run.check(affecting, principles)
        source = source_digest(settings)
        scanned = _scanned_before(run.folder, source) or scan(settings)
        rows = rows_of_shard(settings, scanned.rows)
        affecting |= {"prompts (content)": scanned.digest}
        run.check(affecting, principles)
        if retry_failed and not count(run.folder).failed:
            return
        critic = resolve(settings.generator, settings.critic) if settings.critic else settings.generator
        if critic != settings.generator:
            # A slip in its name is told before the generator is loaded.
            await check_role(critic, "critic")
        if picking and picking.judge not in (settings.generator, critic):
            await check_role(picking.judge, "judge")
        models = [Model(one, templates.chat_template) for one in (settings.generator, critic)]
        if picking:
            asked_by = picking.templates
            models.append(Model(picking.judge, asked_by.chat_template if asked_by else None))
        generator_known, critic_known, *judges_known = await crew.open(models)
        judge_known = judges_known[0] if judges_known else generator_known
        affecting |= {
            "model (identity)": generator_known.identity.model_dump(),
            # None is told too: with nothing to differ from, a run would go on without its critic.
            "critic (identity)": critic_known.identity.model_dump()
            if critic_known.identity != generator_known.identity
            else None,
            "judge (identity)": judge_known.identity.model_dump()
            if judge_known.identity != generator_known.identity
            else None,
        }
        all_settings = settings.model_dump(mode="json")
        determinism = weakest(*(one.determinism for one in (generator_known, critic_known, judge_known)))
        whole = scanned.rows if settings.shard else None
        manifest = new_manifest(__version__, determinism, rows, all_settings, affecting, principles, source, whole)
        run.begin(manifest, retry_failed)
        if reuse:
            run.reuse(reuse)
        calls_per_row = 1 + settings.rounds * ((2 if settings.critique else 1) + (picking.calls if picking else 0))
        tally = Tally(rows, calls_per_row, settings.rounds, retry_failed)
        build = partial(_chain, settings, principles, templates, picking)
        holds = Shard.parse(settings.shard).holds
        pulled = read(settings, scanned.rows, lambda index: holds(index) and run.owes(index))
        job = Job(build, settings.seed, settings.attempts, settings.concurrency)
        patience = patience_with(picking, run.folder, rows) if picking else None
        seen = partial(see, patience) if patience else None
        await crew.work(pulled, job, run, tally, watch, stop, seen, spending)
        if patience:
            patience.end()
        write_summary(run.folder, load_prices(settings.prices) if settings.prices else None)


def _check_caps(settings: Settings) -> None:
    """Caps hold for all stages together: those of the second one alone would be looked at when the first has spent."""
    for name in ("max_tokens_total", "max_cost"):
        value = getattr(settings.compare, name, None)
        if value is not None:
            raise ConfigError(
                f"compare: {name}: {value}: a run's caps hold for all its stages, so they stand beside `compare`",
                f"Move it out of that section, or type it: --{name.replace('_', '-')} {value}",
            )


def _models(settings: Settings, plan: Plan | None) -> list[ModelSettings]:
    """All that a run asks."""
    own = models_of(settings.generator, settings.critic if settings.critique else None, settings.judge)
    return [*own, *(turn.settings for turn in (plan.turns if plan else ()))]


def _scanned_before(folder: Path, source: str) -> Scan | None:
    """What an earlier start found in this very file, its settings being those of this one."""
    if not source or not has_stage(folder, REVISE):
        return None
    manifest = load_manifest(folder)
    content = manifest.affecting.get("prompts (content)")
    rows = manifest.input if manifest.whole is None else manifest.whole
    return Scan(rows, content) if manifest.source == source and isinstance(content, str) else None


def rows_of_shard(settings: Settings, rows: int) -> int:
    """How many of the input's rows this run has: all, unless it is a shard.

    Raises:
        ConfigError: There are fewer rows than shards.
    """
    shard = Shard.parse(settings.shard)
    if rows < shard.of:
        raise ConfigError(
            f"--shard {shard}: the input has {rows} rows, too few for {shard.of} shards", f"Make {rows} shards at most."
        )
    return shard.rows(settings.skip, rows)


def _affecting(
    settings: Settings, principles: PrincipleSet, templates: TemplateSet, picking: Picking | None
) -> dict[str, object]:
    """Everything but prompts and models that changes rows, by name: settings, and digests of what they point to."""
    return settings.affecting() | {
        PRINCIPLES: principles.digest,
        "templates (content)": templates.digest,
        "judging templates (content)": picking.templates.digest if picking and picking.templates else None,
        "picking": picking.affecting if picking else None,
    }


def _chain(
    settings: Settings,
    principles: PrincipleSet,
    templates: TemplateSet,
    picking: Picking | None,
    callers: Sequence[Caller],
) -> Chain[Prompt]:
    """One row's way to its transcript; the callers are the generator, the critic and, if any, the judge that picks."""
    generator, critic, *judges = callers
    sampling = Sampling(
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
        top_p=settings.top_p,
        top_k=settings.top_k,
        min_p=settings.min_p,
        stop=templates.stop,
    )

    async def chain(prompt: Prompt) -> Sequence[Transcript | Filtered]:
        if not prompt.messages:
            message = "no user turn with text"
            return [Filtered(id=prompt.id, index=prompt.index, reason="empty prompt", message=message)]
        transcript = await revise(
            prompt,
            generator.ask(prompt, sampling),
            principles,
            templates,
            rounds=settings.rounds,
            seed=settings.seed,
            critique=settings.critique,
            replacement=settings.replacement,
            ask_critic=critic.ask(prompt, sampling),
            best_of=settings.best_of or 1,
            pick=picking.pick(prompt, principles, judges[0]) if picking else None,
        )
        return [transcript]

    return chain
