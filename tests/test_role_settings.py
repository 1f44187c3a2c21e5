"""Critic, judge and sampling models in a config file: by name, or spelt out; their faults; printed and read back."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from constitution import Settings, load_settings
from constitution.config import CompareSettings, load_compare_settings
from constitution.errors import ConfigError
from constitution.model_settings import ModelSettings, Role
from constitution.scaffold import as_config_file
from constitution.settings_help import HELP

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(f"prompts: p.jsonl\nout: o\n{text}", encoding="utf-8")
    return path


def the_error(tmp_path: Path, text: str) -> tuple[str, str]:
    """Message and hint, without the folder."""
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, text), {})
    return caught.value.message.replace(f"{tmp_path}/", ""), caught.value.hint


def test_a_role_has_what_a_model_has_and_says_it_alike() -> None:
    assert Role.model_fields.keys() == ModelSettings.model_fields.keys()
    for fields in (Role.model_fields, ModelSettings.model_fields):
        assert {name: field.description for name, field in fields.items()} == {name: HELP[name] for name in fields}
    assert ModelSettings.model_fields.keys() <= Settings.model_fields.keys()
    defaults = Settings(prompts="p", out="o")
    assert ModelSettings() == ModelSettings(**{name: getattr(defaults, name) for name in ModelSettings.model_fields})


def test_roles_are_names_or_spelt_out(tmp_path: Path) -> None:
    text = (
        "critic: {model: c, engine: scripted, dtype: float32}\n"
        "compare:\n  judge:\n    model: j\n    base_url: http://a/v1\n  models: [a, {model: b, slots: 2}]\n"
    )
    settings = load_settings(write(tmp_path, text), {})
    assert settings.critic == Role(model="c", engine="scripted", dtype="float32")
    assert settings.compare is not None
    assert settings.compare.judge == Role(model="j", base_url="http://a/v1")
    assert settings.compare.models == ("a", Role(model="b", slots=2))
    assert load_settings(write(tmp_path, "critic: c\n"), {}).critic == "c"
    assert load_compare_settings(write(tmp_path, "compare: {models: {model: b}}\n"), {}).models == (Role(model="b"),)


CRITIC = "critic:\n  model: x\n  "  # lines 3 and 4
JUDGE = "compare:\n  judge:\n    model: j\n    "  # lines 3 to 5
MODELS = "compare:\n  models:\n  - a\n  - "  # lines 3 to 5


@pytest.mark.parametrize(
    ("text", "told", "hint"),
    [
        (CRITIC + "base_ur: http://a", "5: critic: unknown setting 'base_ur'; did you mean 'base_url'?", "critic"),
        ("critic:\n  modle: x\n  dtype: auto", "4: critic: unknown setting 'modle'; did you mean 'model'?", "critic"),
        ("critic: {model: x, xyzzy: 1}", "3: critic: unknown setting 'xyzzy'; known: api, base_url, ", "critic"),
        (CRITIC + "\n\n  base_url: 5", "7: critic.base_url: expected text, found 5", "base_url"),
        (
            CRITIC + "base_url: localhost",
            "5: critic.base_url: 'localhost' does not begin with http",
            "base_url",
        ),
        (CRITIC + "slots: 0", "5: critic.slots: Input should be greater than or equal to 1, not 0", "slots"),
        (CRITIC + "slots: '2'", "5: critic.slots: expected a whole number, found '2'", "slots"),
        ("critic:\n  model: ''", "4: critic.model: empty", "model"),
        ("critic: {engine: scripted}", "3: critic: the key 'model' is missing", "critic"),
        ("critic: 5", "3: critic: expected a name, or keys and values, found 5", "critic"),
        ("critic: [a]", "3: critic: expected a name, or keys and values, found a list", "critic"),
        ("critic: ''", "3: critic: expected a name, or keys and values, found ''", "critic"),
    ],
)
def test_a_fault_in_a_role_is_named_by_key_line_value_and_rule(tmp_path: Path, text: str, told: str, hint: str) -> None:
    message, shown = the_error(tmp_path, text)
    assert message.startswith(f"c.yaml:{told}")
    assert shown == HELP[hint]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (JUDGE + "dtype: float8", "6: judge.dtype: Input should be 'auto', "),
        (JUDGE + "dtyp: auto", "6: judge: unknown setting 'dtyp'; did you mean 'dtype'?"),
        ("compare:\n  judge: true", "4: judge: expected a name, or keys and values, found true"),
        (MODELS + "model: b\n    slots: 0", "7: models.slots: Input should be "),
        (MODELS + "slot: 3\n    model: b", "6: models: unknown setting 'slot'; did you mean 'slots'?"),
        (MODELS + "engine: scripted", "6: models: the key 'model' is missing"),
        (MODELS + "7", "6: models: expected a name, or keys and values, found 7"),
        ("compare:\n  models: 7", "4: models: expected a list, found 7"),
    ],
)
def test_a_fault_in_a_role_of_a_comparison_is_named_likewise(tmp_path: Path, text: str, told: str) -> None:
    assert the_error(tmp_path, text)[0].startswith(f"c.yaml:{told}")


def test_a_flag_that_names_no_model_is_named_as_it_is_typed(cli: Cli) -> None:
    for command in (["generate", "--prompts", "p", "--out", "o", "--critic", ""], ["compare", "run", "--judge", ""]):
        result = cli(*command)
        assert result.returncode == 2
        assert result.stderr.startswith(f"error: {command[-2]}: expected a name, or keys and values, found ''\n")


ROLES: dict[str, Any] = {
    "critic": Role(model="c: d", engine="openai", base_url="http://a:1/v1", api="completions", timeout=2.5),
    "best_of": 3,
    "judge": Role(model="p", revision="v1", slots=2),
    "compare": CompareSettings(
        judge=Role(model="j", key_env="KEY", votes=3), models=("a", Role(model="b", dtype="float32", slots=4))
    ),
}


def test_settings_with_roles_load_back_from_a_printed_file(tmp_path: Path) -> None:
    settings = Settings(prompts="p.jsonl", out="o", **ROLES)
    text = as_config_file(settings, {})
    path = tmp_path / "printed.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_settings(path, {}) == settings
    # What a role leaves open is not there, where it would seem to be a choice.
    critic = ("model: 'c: d'", "engine: openai", "base_url: http://a:1/v1", "api: completions", "timeout: 2.5")
    assert "\n  ".join(["critic:", *critic]) + "\n# " in text


def test_settings_with_roles_load_back_from_a_manifest() -> None:
    settings = Settings(prompts="p.jsonl", out="o", **ROLES)
    stored = json.loads(json.dumps(settings.model_dump(mode="json")))
    assert Settings.model_validate_json(json.dumps(stored)) == settings


def test_config_prints_roles_and_reads_them_back(cli: Cli, tmp_path: Path) -> None:
    file = write(tmp_path, "critic:\n  model: c\n  engine: scripted\ncompare:\n  judge: {model: j, votes: 2}\n")
    first = cli("config", "--config", file)
    assert first.returncode == 0, first.stderr
    printed = tmp_path / "printed.yaml"
    printed.write_text(first.stdout, encoding="utf-8")
    assert cli("config", "--config", printed).stdout == first.stdout
    assert load_settings(printed, {}) == load_settings(file, {})


def test_the_schema_tells_of_roles(cli: Cli) -> None:
    schema = json.loads(cli("config", "--schema").stdout)
    name, role, nothing = schema["properties"]["critic"]["anyOf"]
    assert (name["type"], nothing["type"]) == ("string", "null")
    assert role == {"$ref": "#/$defs/Role"}
    spelt_out = schema["$defs"]["Role"]
    assert spelt_out["properties"].keys() == Role.model_fields.keys()
    assert (spelt_out["required"], spelt_out["additionalProperties"]) == (["model"], False)
    judge = schema["$defs"]["CompareSettings"]["properties"]["judge"]["anyOf"]
    assert judge[1] == {"$ref": "#/$defs/Role"}
