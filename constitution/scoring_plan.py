"""What a scoring needs, loaded and checked before the judge is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from constitution import labelling_plan
from constitution.config import CompareSettings, Settings
from constitution.engines import rewards
from constitution.errors import ConfigError, PrinciplesError, RunError, TemplateError, command
from constitution.labelling_plan import base_settings, settings_of
from constitution.manifest import COMPARE, REVISE, RULES, has_stage, load_manifest
from constitution.model_settings import ModelSettings, engine_of, resolve
from constitution.principles import PrincipleSet, Rule, load_file
from constitution.probes.files import check_judge, judge_label
from constitution.rule_templates import RuleTemplates, load_rule_templates
from constitution.score_settings import SCORE_KNOBS, ScoreSettings
from constitution.scoring_rows import COMPARED
from constitution.stored_settings import stored_settings
from constitution.yamlfile import nearest

EXAMPLE = """For example:
    rules:
      - id: refuses
        proposition: The response declines to do what the user asks for.
        weight: -1"""

_SAMPLED_BY = frozenset(
    {
        *("pairs", "pairs (content)", "samples", "between", "seed", "temperature", "top_p", "top_k", "min_p"),
        *("max_tokens", "sampling models", "sampling templates (content)"),
    }
)


@dataclass(frozen=True)
class Plan:
    """A scoring, ready to begin.

    Attributes:
        settings: What is scored, and how.
        base: The run's own settings, which stand where the scoring has none.
        principles: Where the rules are from; None: it gives rewards.
        rules: What the judge is asked; none: it gives rewards.
        templates: How it is asked; None: it gives rewards.
        samples: What made the compared responses, by name; None if none are scored.
    """

    settings: ScoreSettings
    base: Settings
    principles: PrincipleSet | None
    rules: tuple[Rule, ...]
    templates: RuleTemplates | None
    samples: dict[str, Any] | None

    @property
    def judge(self) -> ModelSettings:
        """Who is asked: the run's settings where the scoring has none of its own."""
        return judge_of(self.base, self.settings)

    def affecting(self) -> dict[str, Any]:
        """What changes scores, by name: what a resumed scoring must match; the model is known later."""
        settings, base = self.settings, self.base
        # Not a digest: who changed a rule is told which one.
        rules = {rule.id: {"proposition": rule.proposition, "weight": rule.weight} for rule in self.rules}
        return settings.model_dump(mode="json", exclude={*SCORE_KNOBS, *idle(settings)}) | {
            "judge": judge_label(self.judge, settings.judge or base.model),
            "engine": settings.engine or base.generator.engine,
            "dtype": settings.dtype or base.dtype,
            RULES: rules if self.templates else None,
            "templates (content)": self.templates.digest if self.templates else None,
            "samples": self.samples,
        }


def idle(settings: ScoreSettings) -> tuple[str, ...]:
    """The settings that this scoring does not look at: those of questions, where the judge gives rewards."""
    if not rewarding(settings):
        return ()
    unasked = ("principles", "only", "templates", "few_shots", "min_mass", "dtype")
    named = engine_of(settings.judge) if settings.judge else None
    # A probe runs in this process, and its name says which engine it is.
    return (*unasked, *(("engine",) if named else ()), *(("base_url",) if named == "probe" else ()))


def rewarding(settings: ScoreSettings) -> bool:
    """Whether the judge of a scoring gives rewards (see `engines.base.Rewarding`), as its settings tell.

    Raises:
        ConfigError: Another distribution's engine cannot be imported.
    """
    engine = (engine_of(settings.judge) if settings.judge else None) or settings.engine
    return engine is not None and rewards(engine)


def judge_of(base: Settings, settings: ScoreSettings) -> ModelSettings:
    """Who judges in a scoring of a run that was made with `base`."""
    names = ("engine", "dtype", "device", "slots", "base_url", "concurrency")
    given = {name: value for name in names if (value := getattr(settings, name)) is not None}
    role = settings.judge or base.model
    generator = base.generator
    return resolve(generator.model_copy(update=given), generator.model if role == base.model else role)


def judges_its_own(folder: Path, settings: ScoreSettings) -> bool:
    """Whether the judge is the run's own model, as far as the settings tell; who wrote a file's pairs is not known."""
    if not has_stage(folder, REVISE):
        return False
    base = base_of(folder)
    judge, wrote = judge_of(base, settings), base.generator
    return (wrote.engine, wrote.model, wrote.revision) == (judge.engine, judge.model, judge.revision)


def base_of(folder: Path) -> Settings:
    """The settings of a run; of a folder that holds comparisons of a file's pairs only, those of their judge.

    Raises:
        RunError: The folder is neither.
    """
    if has_stage(folder, REVISE) or not has_stage(folder, COMPARE):
        return settings_of(folder)
    settings = stored_settings(CompareSettings, load_manifest(folder, COMPARE).settings, folder)
    base = base_settings(folder, settings)
    judge = labelling_plan.judge_of(base, settings)
    return base.model_copy(update={name: getattr(judge, name) for name in ModelSettings.model_fields})


def plan_scoring(folder: Path, base: Settings, settings: ScoreSettings, given: PrincipleSet | None = None) -> Plan:
    """Load rules and templates, and check all that can be checked without a model.

    Args:
        folder: The run's.
        base: The run's own settings.
        settings: What is scored, and how.
        given: Where the rules are from; None is the settings' file, or the run's as they were when it began.

    Raises:
        ConfigError: Responses that the run does not have.
        PrinciplesError: No rules, or no rule of an id.
        RunError: No comparisons, though their responses are wanted.
        TemplateError: A template set that has no question for rules.
    """
    samples = _samples(folder, settings) if settings.on in COMPARED else None
    if settings.on != "samples" and not has_stage(folder, REVISE):
        raise ConfigError(
            f"--on {settings.on}: {folder} holds comparisons of a file's pairs, and no responses of its own",
            "Score the pairs: --on samples",
        )
    if settings.judge:
        check_judge(judge_of(base, settings))
    if rewarding(settings):
        return Plan(settings, base, None, (), None, samples)
    principles = given or _principles(folder, base, settings)
    rules = chosen_rules(principles, settings.only, settings.principles or f"the principles of {folder}", folder)
    try:
        templates = load_rule_templates(settings.templates or base.templates, settings.few_shots)
    except TemplateError as bad:
        if settings.templates:
            raise
        hint = "That is the run's template set; another one can be named with --templates (chat, chat.zh, transcript)."
        raise TemplateError(bad.message, f"{bad.hint}\n  {hint}" if bad.hint else hint) from None
    return Plan(settings, base, principles, rules, templates, samples)


def chosen_rules(principles: PrincipleSet, only: Sequence[str], name: str, run: Path | None = None) -> tuple[Rule, ...]:
    """The rules of a file, or only those of these ids, in the order of the file.

    Args:
        principles: Where they are from.
        only: Ids; none are all.
        name: What errors call the principles.
        run: What is to be scored, for the command to type.

    Raises:
        PrinciplesError: There are no rules, or none of an id; names the nearest.
    """
    if not principles.rules:
        again = f"\n  Then: {command('score', run, '--principles', 'FILE')}" if run else ""
        raise PrinciplesError(
            f"{name}: no rules, so there is nothing to ask about a response",
            f"Add propositions under `rules:` in a principles file. {EXAMPLE}{again}",
        )
    known = [rule.id for rule in principles.rules]
    for id in only:
        if id not in known:
            raise PrinciplesError(f"--only {id}: no such rule in {name}; {nearest(id, known)}")
    return tuple(rule for rule in principles.rules if not only or rule.id in only)


def _principles(folder: Path, base: Settings, settings: ScoreSettings) -> PrincipleSet:
    if settings.principles:
        return load_file(settings.principles)
    stage = REVISE if has_stage(folder, REVISE) else COMPARE
    return load_manifest(folder, stage).principles or load_file(base.principles)


def _samples(folder: Path, settings: ScoreSettings) -> dict[str, Any]:
    """What made the responses that were compared: with others, scores of these would no longer be theirs."""
    manifest = load_manifest(folder, COMPARE)
    if settings.on == "all" and (manifest.settings.get("pairs") == "file" or not has_stage(folder, REVISE)):
        raise ConfigError(
            f"--on all: the comparisons of {folder} are of a file's pairs, not of the run's own rows",
            "Score one of the two: --on samples, or --on responses.",
        )
    made = manifest.affecting
    return {name: made[name] for name in made if name in _SAMPLED_BY or name.startswith("sampling model ")}


def nothing_to_score(folder: Path, on: str) -> RunError:
    """The error of a run without a finished row."""
    what = "no comparison is finished yet" if on in COMPARED else "holds no transcript yet"
    return RunError(
        f"{folder}: {what}, so there is nothing to score", f"See where the run is with: {command('status', folder)}"
    )
