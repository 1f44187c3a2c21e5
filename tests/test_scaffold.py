"""Settings as a file, whatever text is in them, and the project that `constitution init` lays out."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from constitution.config import Settings, load_settings
from constitution.errors import ConfigError
from constitution.principles import load_principles
from constitution.scaffold import as_config_file, lay_out
from constitution.sources import read
from constitution.templating import load_templates


def test_a_long_text_stays_on_one_line() -> None:
    long = "word " * 700 + "end"
    assert f"system_prompt: {long}" in as_config_file(Settings(prompts="p", out="o", system_prompt=long)).splitlines()


# ruamel.yaml writes the one control character U+0085 (next line) in a way that it reads back as a space.
@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x85"), min_size=1)
    | st.sampled_from(["null", "yes", "1", "1.0", "0x1", "2024-01-01", "~", "a: b", "# a", "- a", "&a", " a ", "<<"])
)
@hypothesis_settings(deadline=None)
def test_any_text_loads_back_from_a_file(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    settings = Settings(prompts=text, out=text, system_prompt=text, column=(text, "b"), subset=text)
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    # newline="": YAML reads line ends itself, and the text may hold any of them.
    file.write_text(as_config_file(settings), encoding="utf-8", newline="")
    assert load_settings(file, {}) == settings


def test_a_new_project_loads_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "new" / "project"
    written = lay_out(folder)
    assert [path.name for path in written] == ["constitution.yaml", "principles.yaml", "prompts.jsonl"]
    assert sorted(folder.iterdir()) == written
    monkeypatch.chdir(folder)
    settings = load_settings(Path("constitution.yaml"), {})
    assert settings == Settings(prompts="prompts.jsonl", principles="principles.yaml", out="outputs/first")
    assert load_principles(settings.principles) == load_principles("harmlessness")
    assert load_templates(settings.templates).digest
    assert len([prompt for prompt in read(settings) if prompt.text]) == 10


@pytest.mark.parametrize("there", ["constitution.yaml", "principles.yaml", "prompts.jsonl"])
def test_a_new_project_overwrites_nothing(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(ConfigError, match=re.escape(f"{tmp_path / there}: already there")):
        lay_out(tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_a_new_project_where_no_folder_can_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match=re.escape(f"{tmp_path / 'file' / 'project'}: cannot be written")):
        lay_out(tmp_path / "file" / "project")
