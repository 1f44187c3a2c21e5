"""What a comparison needs, loaded and checked before the first model is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from constitution.candidates import span
from constitution.config import COMPARE_KNOBS, CompareSettings, Settings
from constitution.engines import check_writes, rewards
from constitution.errors import ConfigError, PrinciplesError, TemplateError
from constitution.judging import JudgeTemplates, load_judge_templates
from constitution.manifest import PRINCIPLES, REVISE, has_stage, load_manifest
from constitution.model_settings import AnyRole, ModelSettings, engine_of, label_of, resolve
from constitution.principles import PrincipleSet, load_file
from constitution.probes.files import check_judge, judge_label
from constitution.settings_help import COMPARE_HELP
from constitution.stored_settings import stored_settings
from constitution.templating import TemplateSet, load_templates

# Settings that only some comparisons look at: the others are not bound by them.
_SAMPLING = {"best_of", "samples", "temperature", "top_p", "top_k", "min_p", "max_tokens"}
_REASONING = {"cot_samples", "cot_verdict", "cot_tokens", "cot_temperature", "clamp"}
_ASKING = {
    "principles",
    "principles_per_pair",
    "templates",
    "few_shots",
    "calibrate",
    "cot",
    "order_gap",
    "min_mass",
    *_REASONING,
}


@dataclass(frozen=True)
class Turn:
    """A model's time in memory.

    Attributes:
        settings: The model.
        chat_template: Jinja source that replaces the model's own, or None.
        samples: What it is called as one who writes responses; none if it writes none.
        judges: Whether it judges.
    """

    settings: ModelSettings
    chat_template: str | None
    samples: tuple[str, ...]
    judges: bool


@dataclass(frozen=True)
class Plan:
    """A comparison, ready to begin.

    Attributes:
        settings: What is compared, and how.
        base: The run's own settings, which stand where the comparison has none.
        principles: What the judge is asked; None: it gives rewards.
        templates: How sampled responses are asked for.
        judge_templates: How the judge is asked; None: it gives rewards.
        models: Who samples, by turns; none if nothing is sampled.
        judge: Who judges.
    """

    settings: CompareSettings
    base: Settings
    principles: PrincipleSet | None
    templates: TemplateSet
    judge_templates: JudgeTemplates | None
    models: tuple[AnyRole, ...]
    judge: AnyRole

    @property
    def turns(self) -> list[Turn]:
        """Models take turns in memory: each one samples for all rows, and the judge comes last.

        A judge that samples too does both in one go, unless the two are asked by different chat templates.
        """
        sampling = self.templates.chat_template
        judging = self.judge_templates.chat_template if self.judge_templates else None
        judge = self.model(self.judge)
        names: dict[ModelSettings, list[str]] = {}
        for role in self.models:
            names.setdefault(self.model(role), []).append(label_of(role))
        both = tuple(names.pop(judge, ())) if sampling == judging else ()
        others = [Turn(model, sampling, tuple(called), judges=False) for model, called in names.items()]
        return [*others, Turn(judge, judging, both, judges=True)]

    def affecting(self) -> dict[str, Any]:
        """What changes labels, by name: what a resumed comparison must match; models and rows are known later."""
        settings, base = self.settings, self.base
        return settings.model_dump(mode="json", exclude={*COMPARE_KNOBS, *idle(settings)}) | {
            "judge": judge_label(self.model(self.judge), self.judge),
            # None, as in comparisons that are older than the setting.
            "calibrate": settings.calibrate if _calibrating(settings) else None,
            "engine": settings.engine or base.generator.engine,
            "dtype": settings.dtype or base.dtype,
            PRINCIPLES: self.principles.digest if self.principles else None,
            "templates (content)": self.judge_templates.digest if self.judge_templates else None,
            "sampling models": [label_of(role) for role in self.models],
            "sampling templates (content)": self.templates.digest if self.models else None,
        }

    def model(self, role: AnyRole) -> ModelSettings:
        """What opens a model: the run's settings where the comparison has none of its own."""
        return _model(self.base, self.settings, role)


def _model(base: Settings, settings: CompareSettings, role: AnyRole) -> ModelSettings:
    names = ("engine", "dtype", "device", "slots", "base_url", "concurrency")
    given = {name: value for name in names if (value := getattr(settings, name)) is not None}
    generator = base.generator
    return resolve(generator.model_copy(update=given), generator.model if role == base.model else role)


def judge_of(base: Settings, settings: CompareSettings) -> ModelSettings:
    """Who judges in a comparison of a run that was made with `base`."""
    return _model(base, settings, settings.judge or base.model)


def judges_its_own(base: Settings, settings: CompareSettings) -> bool:
    """Whether the judge is a model that wrote what it judges, as far as the settings tell."""
    wrote = [] if settings.pairs == "file" else [base.generator]
    if settings.pairs == "samples" and settings.models:
        wrote = [_model(base, settings, role) for role in settings.models]
    judge = judge_of(base, settings)
    return any((one.engine, one.model, one.revision) == (judge.engine, judge.model, judge.revision) for one in wrote)


def idle(settings: CompareSettings) -> dict[str, str]:
    """The settings that this comparison does not look at, each with why, and what would make it do so."""
    found = {} if settings.pairs == "samples" else dict.fromkeys(_SAMPLING, _goes_with("--pairs samples"))
    found |= {} if settings.pairs == "revisions" else {"between": _goes_with("--pairs revisions")}
    found |= {} if settings.cot else dict.fromkeys(_REASONING, _goes_with("--cot"))
    if rewarding(settings):
        asked = "Leave it out: this judge gives rewards. It is for a --judge that is asked questions."
        found |= dict.fromkeys(_ASKING, asked)
        if settings.pairs != "samples":
            found["dtype"] = "Leave it out: a judge that gives rewards has a number format of its own."
            named = engine_of(settings.judge) if settings.judge else None
            found |= {"engine": "Leave it out: --judge says which engine it is."} if named else {}
            # Its name says so.
            found |= {"base_url": "Leave it out: a probe runs in this process."} if named == "probe" else {}
    return found


def _goes_with(flag: str) -> str:
    return f"It goes with {flag}: add that, or leave it out."


def _calibrating(settings: CompareSettings) -> bool:
    return settings.calibrate != "none" and not rewarding(settings)


def rewarding(settings: CompareSettings) -> bool:
    """Whether the judge of a comparison gives rewards (see `engines.base.Rewarding`), as its settings tell.

    Raises:
        ConfigError: Another distribution's engine cannot be imported.
    """
    engine = (engine_of(settings.judge) if settings.judge else None) or settings.engine
    return engine is not None and rewards(engine)


def plan_labelling(
    base: Settings, settings: CompareSettings, kept: PrincipleSet | None = None, kept_name: str = ""
) -> Plan:
    """Load principles and templates, and check all that can be checked without a model and without rows.

    Args:
        base: The run's own settings.
        settings: What is compared, and how.
        kept: The run's principles as they were when it began; they stand unless others are named.
        kept_name: What errors call these; empty: as the run's settings do.

    Raises:
        ConfigError: Settings that do not go together, or revisions that the run does not have.
        PrinciplesError: Principles without a `comparison`, or fewer than are asked for.
        TemplateError: A template set that cannot judge.
    """
    if settings.pairs == "file" and settings.file is None:
        raise ConfigError("--pairs file: which one?", f"Name it with --file. {COMPARE_HELP['file']}")
    if settings.pairs != "file" and settings.file is not None:
        raise ConfigError(f"--file is read by --pairs file, not by --pairs {settings.pairs}", "Add --pairs file.")
    if settings.pairs != "samples" and settings.models:
        raise ConfigError(
            f"--model samples responses, and with --pairs {settings.pairs} none are sampled",
            "Leave out --model, or name the judge with --judge.",
        )
    models = (settings.models or (base.model,)) if settings.pairs == "samples" else ()
    for role in models:
        check_writes(_model(base, settings, role), "--model")
    if settings.judge:
        check_judge(judge_of(base, settings))
    if settings.cot and _calibrating(settings):
        raise ConfigError(
            f"--calibrate {settings.calibrate} with --cot: a judge that reasons answers after its own words, "
            "and about responses without content it has nothing to reason",
            "Leave out one of the two; verdicts after a chain of thought are clamped (--clamp).",
        )
    if settings.pairs == "revisions":
        span(settings.between, base.rounds)
    try:
        templates = load_templates(base.templates, base.few_shots, base.system_prompt)
        judge_templates = loaded = None
        if not rewarding(settings):
            asked_by = settings.templates or base.templates
            judge_templates = load_judge_templates(asked_by, settings.few_shots, settings.cot)
            loaded = load_file(settings.principles) if settings.principles else kept or load_file(base.principles)
    except (TemplateError, PrinciplesError) as bad:
        if settings.principles or settings.templates:
            raise
        hint = "That is a setting of the run, and a path in it is relative to where the run was made: go there first."
        raise type(bad)(bad.message, f"{bad.hint}\n  {hint}" if bad.hint else hint) from None
    name = settings.principles or kept_name or base.principles
    return Plan(
        settings=settings,
        base=base,
        principles=_judging(loaded, name, settings.principles_per_pair) if loaded else None,
        templates=templates,
        judge_templates=judge_templates,
        models=models,
        judge=settings.judge or base.model,
    )


def settings_of(folder: Path) -> Settings:
    """The settings that a run was made with.

    Raises:
        RunError: The folder is not a run.
    """
    return stored_settings(Settings, load_manifest(folder, REVISE).settings, folder)


def base_settings(folder: Path, settings: CompareSettings) -> Settings:
    """What a comparison's own settings are added to: the run's, or the defaults for a file of pairs without a run.

    Raises:
        RunError: The folder is not a run, and no file of pairs is given.
    """
    if settings.file is not None and not has_stage(folder, REVISE):
        return Settings(prompts=settings.file, out=str(folder))
    return settings_of(folder)


def _judging(principles: PrincipleSet, name: str, per_pair: int) -> PrincipleSet:
    if not principles.principles:
        raise PrinciplesError(
            f"{name}: holds rules and no principle, so there is nothing to ask a judge",
            "Rules are for constitution score; name a file with principles with --principles FILE.",
        )
    without = [principle.id for principle in principles.principles if principle.comparison is None]
    if without:
        raise PrinciplesError(
            f"{name}: a judge is asked each principle's `comparison`, and these have none: {', '.join(without)}",
            "Add a `comparison` to each in a file, and name it with --principles FILE.",
        )
    there = len(principles.principles)
    if per_pair > there:
        raise PrinciplesError(
            f"--principles-per-pair {per_pair}: more than there are principles in {name} ({there})",
            f"Give {there} at most: --principles-per-pair {there}",
        )
    return principles
