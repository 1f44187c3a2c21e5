"""What the loop is told, and the errors of what it cannot be told."""

from pathlib import Path

import pytest
from settings import TINY, LoopSettings, load_settings

from constitution.errors import ConfigError
from constitution.yamlfile import load_yaml

SHIPPED = Path(__file__).parents[2] / "examples" / "closed-loop" / "loop.yaml"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    for name in ("pairs", "xstest", "harmbench"):
        (tmp_path / name).write_text("")
    return {name: str(tmp_path / name) for name in ("pairs", "xstest", "harmbench")}


def test_the_shipped_settings_are_read_and_the_command_line_wins(files: dict[str, str]) -> None:
    told = load_settings(SHIPPED, files, tiny=False)
    assert told.pairs == files["pairs"]
    written = load_yaml(SHIPPED, ConfigError)
    assert (told.prompts, told.generate.gates) == (written["prompts"], "default")
    assert told.dpo.model_dump() == written["dpo"]


def test_tiny_settings_keep_what_they_do_not_name(files: dict[str, str]) -> None:
    told, whole = load_settings(SHIPPED, files, tiny=True), load_settings(SHIPPED, files, tiny=False)
    assert (told.prompts, told.sft.steps, told.evaluate.max_tokens) == (TINY["prompts"], 2, 8)
    assert told.sft.learning_rate == whole.sft.learning_rate
    assert told.diverged == whole.diverged


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("promts: 3\n", ":1: unknown setting 'promts'; did you mean 'prompts'?"),
        ("seed: 1\ndpo:\n  learnin_rate: 1\n", ":3: unknown setting 'dpo.learnin_rate'; did you mean 'learning_rate'?"),
        ("seed: 1\njudge:\n  samples: 1\n", ":3: judge.samples: "),
        ("diverged: 0.5\n", ":1: diverged: "),
        ("- 1\n", "holds no settings"),
    ],
)
def test_a_wrong_setting_is_told_with_its_line(files: dict[str, str], tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "mine.yaml"
    training = "sft: {learning_rate: 1.0e-5, epochs: 1}\nreward: {learning_rate: 1.0e-5, epochs: 1}\n"
    dpo = "" if "dpo" in text else "dpo: {learning_rate: 1.0e-5, epochs: 1}\n"
    path.write_text(text if text.startswith("-") else text + training + dpo)
    with pytest.raises(ConfigError) as refused:
        load_settings(path, files, tiny=False)
    assert refused.value.message.startswith(str(path))
    assert told in refused.value.message


def test_a_missing_setting_is_named(files: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("seed: 1\n")
    with pytest.raises(ConfigError, match="sft is missing"):
        load_settings(path, files, tiny=False)


def test_every_setting_of_the_shipped_file_is_known() -> None:
    from constitution.yamlfile import load_yaml

    assert set(load_yaml(SHIPPED, ConfigError)) <= set(LoopSettings.model_fields)
