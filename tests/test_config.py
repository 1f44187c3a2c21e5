"""Settings: a file and flags, their faults, and that flags, fields, help and schema never drift apart."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import ValidationError

from constitution.cli import app
from constitution.cli.generate import given_settings
from constitution.config import KNOBS, CompareSettings, Settings, load_settings
from constitution.errors import ConfigError
from constitution.scaffold import as_config_file
from constitution.settings_help import HELP

GENERATE = typer.main.get_command(app).commands["generate"]
REQUIRED = "prompts: p.jsonl\nout: o\n"  # lines 1 and 2

# For every setting a value that is not its default, and how it is typed.
TYPED: dict[str, tuple[Any, list[str]]] = {
    "prompts": ("other.csv", ["--prompts", "other.csv"]),
    "out": ("outputs/other", ["--out", "outputs/other"]),
    "column": (("a", "b c"), ["--column", "a", "--column", "b c"]),
    "id_column": ("key", ["--id-column", "key"]),
    "split": ("test", ["--split", "test"]),
    "subset": ("en", ["--subset", "en"]),
    "skip": (5, ["--skip", "5"]),
    "limit": (9, ["--limit", "9"]),
    "shard": ("2/8", ["--shard", "2/8"]),
    "principles": ("mine.yaml", ["--principles", "mine.yaml"]),
    "replacement": (False, ["--no-replacement"]),
    "templates": ("transcript", ["--templates", "transcript"]),
    "few_shots": (0, ["--few-shots", "0"]),
    "system_prompt": ("Be: kind.\n", ["--system-prompt", "Be: kind.\n"]),
    "rounds": (4, ["--rounds", "4"]),
    "critique": (False, ["--no-critique"]),
    "best_of": (4, ["--best-of", "4"]),
    "engine": ("scripted", ["--engine", "scripted"]),
    "model": ("rules.yaml", ["--model", "rules.yaml"]),
    "critic": ("other.yaml", ["--critic", "other.yaml"]),
    "judge": ("other.yaml", ["--judge", "other.yaml"]),
    "revision": ("main", ["--revision", "main"]),
    "dtype": ("float32", ["--dtype", "float32"]),
    "device": ("cuda:1", ["--device", "cuda:1"]),
    "slots": (7, ["--slots", "7"]),
    "base_url": ("http://localhost:8000/v1", ["--base-url", "http://localhost:8000/v1"]),
    "api": ("completions", ["--api", "completions"]),
    "key_env": ("MY_KEY", ["--key-env", "MY_KEY"]),
    "key_file": ("key.txt", ["--key-file", "key.txt"]),
    "timeout": (5.5, ["--timeout", "5.5"]),
    "control_tokens": ("error", ["--control-tokens", "error"]),
    "votes": (3, ["--votes", "3"]),
    "max_tokens": (16, ["--max-tokens", "16"]),
    "temperature": (0.0, ["--temperature", "0"]),
    "top_p": (0.9, ["--top-p", "0.9"]),
    "top_k": (40, ["--top-k", "40"]),
    "min_p": (0.05, ["--min-p", "0.05"]),
    "seed": (3, ["--seed", "3"]),
    "attempts": (1, ["--attempts", "1"]),
    "concurrency": (2, ["--concurrency", "2"]),
    "max_tokens_total": (5_000, ["--max-tokens-total", "5000"]),
    "max_cost": (2.5, ["--max-cost", "2.5"]),
    "prices": ("prices.yaml", ["--prices", "prices.yaml"]),
    "compare": (CompareSettings(), ["--compare"]),
    "ray": ("local", ["--ray", "local"]),
    "replicas": (4, ["--replicas", "4"]),
    "max_replicas": (8, ["--max-replicas", "8"]),
    "gpus_per_replica": (2.0, ["--gpus-per-replica", "2"]),
    "cpus_per_replica": (0.5, ["--cpus-per-replica", "0.5"]),
}


def flags(*typed: str) -> dict[str, Any]:
    return given_settings(GENERATE.make_context("generate", list(typed)).params)


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def the_error(file: Path | None, given: dict[str, Any]) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_settings(file, given)
    return caught.value


# --- fields, flags, help and schema are one list


def test_every_setting_has_a_flag_and_every_flag_is_a_setting_or_known() -> None:
    options = {option.name for option in GENERATE.params}
    others = {"config", "fork", "piece_format", "retry_failed", "fail_on", "quiet", "format"}
    assert options - set(Settings.model_fields) == others
    assert set(Settings.model_fields) - options == set()


def test_every_setting_has_a_help_sentence_and_every_sentence_a_setting() -> None:
    assert HELP.keys() == Settings.model_fields.keys()
    assert [name for name, sentence in HELP.items() if not re.fullmatch(r"\S.+\.", sentence)] == []


def test_flags_are_called_like_their_settings_and_show_their_sentence() -> None:
    options = {option.name: option for option in GENERATE.params}
    for name, sentence in HELP.items():
        assert options[name].help == sentence
        assert options[name].opts == [f"--{name.replace('_', '-')}"]


def test_the_json_schema_describes_every_setting_and_allows_no_other() -> None:
    schema = Settings.model_json_schema()
    assert {name: field["description"] for name, field in schema["properties"].items()} == HELP
    assert schema["additionalProperties"] is False
    assert sorted(schema["required"]) == ["out", "prompts"]


def test_the_tests_below_cover_every_setting_with_a_value_of_its_own() -> None:
    assert TYPED.keys() == Settings.model_fields.keys()
    defaults = Settings(prompts="p.jsonl", out="o")
    assert [name for name, (value, _) in TYPED.items() if getattr(defaults, name) == value] == []


# --- a file and flags


@pytest.mark.parametrize("name", TYPED)
def test_a_flag_sets_its_setting_and_no_other(name: str) -> None:
    value, typed = TYPED[name]
    settings = load_settings(None, {"prompts": "p.jsonl", "out": "o"} | flags(*typed))
    assert settings == Settings(prompts="p.jsonl", out="o").model_copy(update={name: value})


def test_no_flag_is_given_unless_it_is_typed() -> None:
    assert flags() == {}
    assert flags("--seed", "0", "--no-critique", "--system-prompt", "") == {
        "seed": 0,
        "critique": False,
        "system_prompt": "",
    }


def test_a_file_sets_what_no_flag_sets_and_flags_win(tmp_path: Path) -> None:
    file = write(tmp_path, REQUIRED + "rounds: 3\ncritique: false\nseed: 5\ncolumn: [a, b]\n")
    settings = load_settings(file, flags("--rounds", "4", "--critique", "--column", "c"))
    assert (settings.prompts, settings.out, settings.seed) == ("p.jsonl", "o", 5)
    assert (settings.rounds, settings.critique, settings.column) == (4, True, ("c",))


def test_one_column_needs_no_list(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, REQUIRED + "column: Behavior\n"), {}).column == ("Behavior",)


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    given = {"prompts": "p.jsonl", "out": "o"}
    assert load_settings(write(tmp_path, "# nothing yet\n"), given) == load_settings(None, given)


def test_settings_are_frozen() -> None:
    settings = Settings(prompts="p.jsonl", out="o")
    with pytest.raises(ValidationError, match="frozen"):
        settings.rounds = 3


def test_a_number_is_not_a_switch_nor_a_switch_a_number(tmp_path: Path) -> None:
    for line in ("rounds: true\n", "critique: 7\n"):
        error = the_error(write(tmp_path, REQUIRED + line), {})
        assert error.message.startswith(f"{tmp_path / 'c.yaml'}:3: {line.split(':')[0]}: ")


# --- what changes rows


def test_the_knobs_are_settings_and_the_rest_affects_rows() -> None:
    settings = Settings(prompts="p.jsonl", out="o")
    # Written out: a setting that changes rows and slips in here would let a run go on with mixed rows.
    contents = {"prompts", "principles", "templates", "model", "critic", "judge", "compare"}
    reach = {"device", "slots", "base_url", "key_env", "key_file", "timeout", "concurrency"}
    caps = {"max_tokens_total", "max_cost", "prices"}
    cluster = {"ray", "replicas", "max_replicas", "gpus_per_replica", "cpus_per_replica"}
    assert {"out", "attempts"} | contents | reach | caps | cluster == KNOBS
    assert settings.affecting().keys() == Settings.model_fields.keys() - KNOBS


@pytest.mark.parametrize("name", TYPED)
def test_only_knobs_leave_what_affects_rows_as_it_is(name: str) -> None:
    settings = Settings(prompts="p.jsonl", out="o")
    changed = Settings.model_validate(settings.model_dump() | {name: TYPED[name][0]})
    assert (changed.affecting() == settings.affecting()) == (name in KNOBS)


# --- faults


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ronds: 3", ["unknown setting 'ronds'", "did you mean 'rounds'?"]),
        ("max-tokens: 3", ["unknown setting 'max-tokens'", "did you mean 'max_tokens'?"]),
        ("xyzzy: 3", ["unknown setting 'xyzzy'", "known: api, attempts, "]),
        ("3: 4", ["the key '3': keys are text"]),
        ("rounds: 0", ["rounds", "greater than or equal to 1", "not 0"]),
        ("rounds: 101", ["rounds", "less than or equal to 100", "not 101"]),
        ("rounds: three", ["rounds", "a whole number", "found 'three'"]),
        ("rounds: 2.5", ["rounds", "a whole number", "found 2.5"]),
        ("rounds:", ["rounds", "a whole number", "found nothing"]),
        ("skip: -1", ["skip", "not -1"]),
        ("limit: 0", ["limit", "not 0"]),
        ("few_shots: -1", ["few_shots", "not -1"]),
        ("max_tokens: 0", ["max_tokens", "not 0"]),
        ("temperature: -0.1", ["temperature", "not -0.1"]),
        ("temperature: .nan", ["temperature", "not nan"]),
        ("top_p: 0", ["top_p", "greater than 0", "not 0"]),
        ("top_p: 1.1", ["top_p", "not 1.1"]),
        ("top_k: -1", ["top_k", "not -1"]),
        ("min_p: 1.1", ["min_p", "not 1.1"]),
        ("seed: -1", ["seed", "not -1"]),
        ("attempts: 0", ["attempts", "not 0"]),
        ("concurrency: 0", ["concurrency", "not 0"]),
        ("dtype: float8", ["dtype", "'bfloat16', 'float16' or 'float32'", "not 'float8'"]),
        ("slots: 0", ["slots", "not 0"]),
        ("base_url: localhost:8000", ["base_url", "'localhost:8000' does not begin with http:// or https://"]),
        ("api: chats", ["api", "'chat' or 'completions'", "not 'chats'"]),
        ("key_env: ''", ["key_env", "empty"]),
        ("timeout: 0", ["timeout", "greater than 0", "not 0"]),
        ("control_tokens: drop", ["control_tokens", "'error', 'escape' or 'keep'", "not 'drop'"]),
        ("votes: 0", ["votes", "not 0"]),
        ("principles: ''", ["principles", "empty"]),
        ("model: 5", ["model", "text", "found 5"]),
        ("column: [a, 3]", ["column", "text", "found 3"]),
        ("out: o", ['duplicate key "out"']),
        ("rounds: a: b", ["mapping values are not allowed here"]),
    ],
)
def test_a_fault_in_a_file_is_named_by_line_value_and_rule(tmp_path: Path, line: str, words: list[str]) -> None:
    error = the_error(write(tmp_path, REQUIRED + line + "\n"), {})
    assert error.message.startswith(f"{tmp_path / 'c.yaml'}:3: ")
    assert [word for word in words if word not in error.message] == []


def test_a_value_out_of_range_shows_what_the_setting_is(tmp_path: Path) -> None:
    assert the_error(write(tmp_path, REQUIRED + "rounds: 0\n"), {}).hint == HELP["rounds"]


@pytest.mark.parametrize("given_in_file_too", [True, False])
def test_a_flag_out_of_range_is_named_as_it_is_typed(tmp_path: Path, given_in_file_too: bool) -> None:
    file = write(tmp_path, REQUIRED + ("max_tokens: 5\n" if given_in_file_too else ""))
    error = the_error(file, flags("--max-tokens", "0"))
    assert error.message.startswith("--max-tokens: ")
    assert error.message.endswith("not 0")
    assert error.hint == HELP["max_tokens"]


@pytest.mark.parametrize(("given", "missing"), [({}, "prompts"), ({"prompts": "p"}, "out"), ({"out": "o"}, "prompts")])
def test_a_missing_setting_is_named_by_its_flag(tmp_path: Path, given: dict[str, str], missing: str) -> None:
    for file in (None, write(tmp_path, "rounds: 3\n")):
        error = the_error(file, given)
        assert error.message == f"--{missing} is missing"
        assert error.hint == HELP[missing]


def test_an_unknown_name_among_the_flags_of_a_library_call_names_the_nearest() -> None:
    error = the_error(None, {"prompts": "p", "out": "o", "ronds": 3})
    assert "ronds" in error.message
    assert "did you mean 'rounds'?" in error.message


@pytest.mark.parametrize("text", ["- rounds\n- 3\n", "rounds\n"])
def test_a_file_that_is_not_names_and_values_is_refused(tmp_path: Path, text: str) -> None:
    error = the_error(write(tmp_path, text), {})
    assert error.message.startswith(f"{tmp_path / 'c.yaml'}:1: expected settings")
    assert "Commented" not in error.message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert the_error(tmp_path / "no.yaml", {}).message == f"{tmp_path / 'no.yaml'}: no such file"


# --- settings as a file


def test_the_defaults_as_a_file_load_back_and_explain_every_setting(tmp_path: Path) -> None:
    settings = Settings(prompts="p.jsonl", out="o")
    text = as_config_file(settings)
    assert load_settings(write(tmp_path, text), {}) == settings
    comments = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("#")]
    marked = {"prompts", "out"}
    note = " (an example: required, not given)"
    assert comments == [HELP[name] + (note if name in marked else "") for name in Settings.model_fields]
    assert note not in as_config_file(settings, {})


def test_settings_of_every_kind_load_back_from_a_file(tmp_path: Path) -> None:
    settings = Settings.model_validate({name: value for name, (value, _) in TYPED.items()})
    assert load_settings(write(tmp_path, as_config_file(settings)), {}) == settings
