"""Settings as a run's manifest keeps them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from constitution.errors import RunError
from constitution.yamlfile import plainly

AnySettings = TypeVar("AnySettings", bound=BaseModel)


def stored_settings(model: type[AnySettings], values: Mapping[str, object], run: Path) -> AnySettings:
    """The settings that the manifest of a run keeps.

    Raises:
        RunError: They are none: the manifest was changed, or another version's.
    """
    try:
        return model.model_validate_json(json.dumps(values))
    except ValidationError as bad:
        fault = bad.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise RunError(f"{run}: the settings in its manifest cannot be read: {where}: {plainly(fault)}") from None
