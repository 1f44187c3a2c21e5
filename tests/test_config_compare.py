"""Settings of a comparison: flags, the section `compare` of a config file, and what is said of a slip."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from constitution.cli import app
from constitution.cluster_settings import NAMES
from constitution.config import COMPARE_KNOBS, CompareSettings, Settings, load_compare_settings, load_settings
from constitution.errors import ConfigError
from constitution.labelling_plan import plan_labelling
from constitution.scaffold import as_config_file
from constitution.settings_help import COMPARE_HELP

COMPARE = typer.main.get_command(app).commands["compare"]
REQUIRED = "prompts: p.jsonl\nout: o\n"  # lines 1 and 2


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(REQUIRED + text, encoding="utf-8")
    return path


def slip(file: Path | None, **given: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_compare_settings(file, given)
    return caught.value


def test_every_setting_is_a_flag_with_a_sentence() -> None:
    others = {"run", "config", "replace", "reuse", "piece_format", "retry_failed", "fail_on", "quiet", "format"}
    parameters = {parameter.name for parameter in COMPARE.params} - others - set(NAMES)
    assert parameters == CompareSettings.model_fields.keys() == COMPARE_HELP.keys()
    assert [name for name, sentence in COMPARE_HELP.items() if not re.fullmatch(r"\S.+\.", sentence)] == []
    assert {p.name: p.help for p in COMPARE.params if p.name in COMPARE_HELP} == COMPARE_HELP


def test_the_knobs_are_settings_and_the_rest_affects_labels() -> None:
    # Written out: a setting that changes labels and slips in here would let a comparison go on with mixed labels.
    knobs = {"concurrency", "device", "slots", "base_url", "attempts", "file", "limit"}
    knobs |= {"principles", "templates", "models", "judge", "max_tokens_total", "max_cost", "prices", "best_of"}
    assert knobs | {"engine", "dtype"} == COMPARE_KNOBS
    made = plan_labelling(Settings(prompts="p", out="o", engine="scripted"), CompareSettings(cot=True)).affecting()
    resolved = {name for name in made if " " in name} | {"judge"}
    assert made.keys() - resolved == CompareSettings.model_fields.keys() - knobs - {"between"}
    assert (made["engine"], made["dtype"], made["judge"]) == ("scripted", "auto", "smollm2")


@pytest.mark.parametrize(
    ("settings", "idle"),
    [
        ({"pairs": "revisions"}, {"samples", "temperature", "top_p", "top_k", "min_p", "max_tokens"}),
        ({"pairs": "samples"}, {"between", "cot_samples", "cot_verdict", "cot_tokens", "cot_temperature", "clamp"}),
    ],
)
def test_what_a_comparison_does_not_look_at_does_not_bind_it(settings: dict[str, Any], idle: set[str]) -> None:
    base = Settings(prompts="p", out="o", engine="scripted")
    assert not plan_labelling(base, CompareSettings(**settings)).affecting().keys() & idle


def test_best_of_is_a_short_name_for_two_settings(tmp_path: Path) -> None:
    settings = load_compare_settings(write(tmp_path, "compare: {best_of: 5}\n"), {})
    assert (settings.samples, settings.match) == (5, "best-worst")
    assert CompareSettings.model_validate_json(settings.model_dump_json()) == settings
    base = Settings(prompts="p", out="o", engine="scripted")
    spelt_out = CompareSettings(samples=5, match="best-worst")
    assert plan_labelling(base, settings).affecting() == plan_labelling(base, spelt_out).affecting()
    assert "samples" not in plan_labelling(base, CompareSettings(best_of=5, pairs="revisions")).affecting()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"best_of": 5, "samples": 3}, "--best-of 5 with --samples 3: --best-of N is --samples N --match best-worst"),
        ({"best_of": 5, "match": "all"}, "--best-of 5 with --match all: "),
        ({"best_of": 1}, "--best-of: "),
    ],
)
def test_what_contradicts_best_of_is_refused(given: dict[str, Any], told: str) -> None:
    assert slip(None, **given).message.startswith(told)


def test_a_section_that_is_no_section_is_refused(tmp_path: Path) -> None:
    for load in (load_compare_settings, load_settings):
        with pytest.raises(ConfigError, match=r"c\.yaml:3: compare: expected settings, found 'yes please'"):
            load(write(tmp_path, "compare: yes please\n"), {})


def test_flags_win_over_the_files_section(tmp_path: Path) -> None:
    file = write(tmp_path, "compare:\n  samples: 4\n  models: [a, b]\n  tie: 0.1\n")
    settings = load_compare_settings(file, {"tie": 0.2})
    assert (settings.samples, settings.models, settings.tie) == (4, ("a", "b"), 0.2)
    assert load_compare_settings(write(tmp_path, "compare: {models: a}\n"), {}).models == ("a",)


@pytest.mark.parametrize(
    ("text", "flags", "expected"),
    [
        ("", {}, None),
        ("", {"compare": True}, CompareSettings()),
        ("compare: true\n", {}, CompareSettings()),
        ("compare: {samples: 3}\n", {}, CompareSettings(samples=3)),
        ("compare: {samples: 3}\n", {"compare": True}, CompareSettings(samples=3)),
        ("compare: {samples: 3}\n", {"compare": False}, None),
    ],
)
def test_generate_takes_its_second_stage_from_the_section_or_the_flag(
    tmp_path: Path, text: str, flags: dict[str, Any], expected: CompareSettings | None
) -> None:
    assert load_settings(write(tmp_path, text), flags).compare == expected


def test_a_slip_in_the_section_is_named_with_its_line(tmp_path: Path) -> None:
    error = slip(write(tmp_path, "compare:\n  tie: 0.1\n  sample: 3\n"))
    assert error.message == f"{tmp_path / 'c.yaml'}:5: unknown setting 'sample'; did you mean 'samples'?"
    error = slip(write(tmp_path, "compare:\n  tie: 0.1\n  samples: 1\n"))
    assert error.message.startswith(f"{tmp_path / 'c.yaml'}:5: samples: ")
    assert error.hint == COMPARE_HELP["samples"]
    with pytest.raises(ConfigError, match=r"c\.yaml:5: samples"):
        load_settings(tmp_path / "c.yaml", {})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"samples": 1}, "--samples: .*2"),
        ({"pairs": "both"}, "--pairs: .*'samples', 'revisions' or 'file'"),
        ({"between": "1-2"}, "--between: '1-2' does not fit"),
        ({"clamp": "40:60"}, "--clamp: '40:60' does not fit"),
        ({"clamp": "0.6:0.4"}, "--clamp: .*LOW must be below HIGH"),
        ({"tie": 0.5}, "--tie: "),
    ],
)
def test_a_value_out_of_range_is_named_with_its_flag(given: dict[str, Any], told: str) -> None:
    assert re.match(told, slip(None, **given).message)


def test_a_printed_config_explains_every_setting_and_reads_back(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, "compare: {samples: 5, models: [a], clamp: none}\n"), {})
    text = as_config_file(settings, {})
    for sentence in COMPARE_HELP.values():
        assert f"  # {sentence}\n" in text
    copy = tmp_path / "copy.yaml"
    copy.write_text(text, encoding="utf-8")
    assert load_settings(copy, {}) == settings
