"""Config files as text, and the project that `constitution init` lays out."""

import io
import shutil
from collections.abc import Mapping
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from constitution.config import Settings
from constitution.errors import ConfigError
from constitution.model_settings import AnyRole, Role
from constitution.principles import find_principles
from constitution.printable import DIRECTION
from constitution.resources import shipped
from constitution.settings_help import COMPARE_HELP, HELP

# What stands for the required settings until they are given.
EXAMPLES = {"prompts": "prompts.jsonl", "out": "outputs/first"}
PROJECT_PROMPTS = 10


def as_config_file(settings: Settings, examples: Mapping[str, object] = EXAMPLES) -> str:
    """The settings as a YAML file that `--config` reads, each with its meaning.

    Args:
        settings: What is in force.
        examples: Names of settings that nobody gave, marked as such.
    """
    document = CommentedMap(settings.model_dump(mode="json"))
    document["critic"], document["judge"] = _as_given(settings.critic), _as_given(settings.judge)
    for name in document:
        note = " (an example: required, not given)" if name in examples else ""
        document.yaml_set_comment_before_after_key(name, before=HELP[name] + note)
    if settings.compare:
        section = CommentedMap(document["compare"])
        section["judge"] = _as_given(settings.compare.judge)
        section["models"] = [_as_given(role) for role in settings.compare.models]
        for name in section:
            section.yaml_set_comment_before_after_key(name, before=COMPARE_HELP[name], indent=2)
        document["compare"] = section
    buffer = io.StringIO()
    yaml = YAML()
    # A prompt or a path is one line, however long.
    yaml.width = 4096
    # YAML itself spells out control characters, but not the marks that turn text around.
    yaml.allow_unicode = DIRECTION.isdisjoint(settings.model_dump_json())
    yaml.representer.add_representer(
        type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    yaml.dump(document, buffer)
    return buffer.getvalue()


def _as_given(role: AnyRole | None) -> str | dict[str, object] | None:
    """A role as someone would write it: what it leaves open says nothing, so it is not there."""
    return role.model_dump(mode="json", exclude_none=True) if isinstance(role, Role) else role


def lay_out(folder: Path) -> list[Path]:
    """Write `constitution.yaml`, `principles.yaml` and `prompts.jsonl`; returns their paths.

    Raises:
        ConfigError: One of them is there, or the folder cannot be written.
    """
    config, principles, prompts = (folder / name for name in ("constitution.yaml", "principles.yaml", "prompts.jsonl"))
    for path in (config, principles, prompts):
        if path.exists():
            raise ConfigError(f"{path}: already there", "Choose another folder; nothing was written.")
    settings = Settings(prompts=prompts.name, principles=principles.name, out="outputs/first")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        config.write_text(as_config_file(settings, {}), encoding="utf-8")
        shutil.copyfile(find_principles("harmlessness"), principles)
        with (shipped("examples") / "prompts" / "harmlessness.jsonl").open(encoding="utf-8") as rows:
            prompts.write_text("".join(next(rows) for _ in range(PROJECT_PROMPTS)), encoding="utf-8")
    except OSError as bad:
        raise ConfigError(f"{folder}: cannot be written: {bad.strerror}", "Choose another folder.") from None
    return [config, principles, prompts]
