"""What `constitution score` is told."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from constitution.config_faults import validated
from constitution.model_settings import Addresses, AnyRole, Dtype
from constitution.settings_help import SCORE_HELP

# Settings that change no score; what judge, rules and templates stand for is resolved in `scoring_plan.py`.
SCORE_KNOBS = frozenset(
    {
        *("concurrency", "device", "slots", "base_url", "limit"),
        *("principles", "only", "templates", "judge", "engine", "dtype"),
    }
)


def _setting(name: str, **rule: Any) -> Any:
    return Field(description=SCORE_HELP[name], **rule)


class ScoreSettings(BaseModel):
    """Everything that `constitution score` can be told. Each field is a flag; None is as the run has it.

    Attributes:
        on: Which responses: `final`, the last revision; `ends`, it and the initial response; `responses`, the initial
            one and every revision; `samples`, those that were compared; `all`, both of these.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, validate_default=True, hide_input_in_errors=True
    )

    on: Annotated[Literal["final", "ends", "responses", "samples", "all"], _setting("on")] = "responses"
    limit: Annotated[int | None, _setting("limit", ge=1)] = None
    only: Annotated[tuple[str, ...], _setting("only")] = ()
    judge: Annotated[AnyRole | None, _setting("judge")] = None
    engine: Annotated[str | None, _setting("engine", min_length=1)] = None
    base_url: Annotated[Addresses | None, _setting("base_url", repr=False)] = None
    principles: Annotated[str | None, _setting("principles", min_length=1)] = None
    templates: Annotated[str | None, _setting("templates", min_length=1)] = None
    few_shots: Annotated[int | None, _setting("few_shots", ge=0)] = None
    min_mass: Annotated[float, _setting("min_mass", ge=0, le=1)] = 0.001
    seed: Annotated[int, _setting("seed", ge=0)] = 0
    concurrency: Annotated[int | None, _setting("concurrency", ge=1)] = None
    dtype: Annotated[Dtype | None, _setting("dtype")] = None
    device: Annotated[str | None, _setting("device")] = None
    slots: Annotated[int | None, _setting("slots", ge=1)] = None


def load_score_settings(flags: dict[str, Any]) -> ScoreSettings:
    """Settings of a scoring from the flags that were given.

    Raises:
        ConfigError: A value out of range.
    """
    given = {**flags, "only": tuple(flags.get("only", ()))}
    return validated(ScoreSettings, given, flags, SCORE_HELP, None, {})
