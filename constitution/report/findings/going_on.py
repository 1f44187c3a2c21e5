"""The commands that go on with a run: with a stage of it, as far as its manifest tells, or to a judge of revisions."""

from pathlib import Path

from pydantic import BaseModel

from constitution.config import CompareSettings, Settings
from constitution.errors import command
from constitution.manifest import COMPARE, REVISE, SCORE, Manifest, Stage
from constitution.masking import MASK
from constitution.model_settings import Role
from constitution.score_settings import ScoreSettings
from constitution.stored_settings import stored_settings

MODELS: dict[Stage, type[BaseModel]] = {REVISE: Settings, COMPARE: CompareSettings, SCORE: ScoreSettings}


def going_on(run: Path | str, stage: Stage, manifest: Manifest, *more: str) -> str:
    """The command to type, with every setting that is not the default.

    Paths in it are relative to where the run was made. A model that a config file spelt out, or the section `compare`,
    cannot be typed as a flag: then there is a `--config FILE` in it. Of an address that is masked in the manifest it
    says `URL`.

    Args:
        run: Its folder, or its URL.
        stage: One of `MODELS`.
        manifest: The stage's.
        more: Further flags.

    Raises:
        RunError: The manifest's settings cannot be read.
    """
    settings = stored_settings(MODELS[stage], manifest.settings, Path(run))
    typed: list[str] = []
    by_file = False
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if name == "out" or value == field.default:
            continue
        flag = "--model" if name == "models" else f"--{name.replace('_', '-')}"
        values = list(value) if isinstance(value, tuple) else [value]
        if any(isinstance(one, Role | CompareSettings) for one in values):
            by_file = True
        elif isinstance(value, bool):
            typed.append(flag if value else f"--no-{flag.removeprefix('--')}")
        else:
            typed += [word for one in values for word in (flag, "URL" if MASK in str(one) else str(one))]
    where = ["--out", str(run)] if stage is REVISE else [str(run)]
    if by_file:
        typed += ["--config", "FILE"]
    return command(stage.make, *where, *typed, *more)


def judge_revisions(run: Path | str, rounds: int, compared: bool) -> str:
    """The command that has revisions judged against initial responses: each round's, or the last one's.

    Args:
        run: Its folder, as it is typed.
        rounds: Of revision.
        compared: Whether the run has other comparisons, which are set aside for these.
    """
    between = "all" if rounds > 1 else "0:last"
    others = ("--replace",) if compared else ()
    return command("compare", str(run), "--pairs", "revisions", "--between", between, *others)
