"""What a family writes loads in `datasets` as it declares it. `make test-datasets` runs this in an old release too."""

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from samples import METADATA, examples, write

from constitution.exports.examples import Demonstration
from constitution.exports.families import FAMILIES, load_family

KINDS = [(name, kind) for name in FAMILIES for kind in load_family(name).kinds]
IDS = [f"{name}-{kind}" for name, kind in KINDS]
# Chains hold a whole transcript, and no origin.
UNTRACED = (("paper", "chains"), ("argilla", "revisions"))
TRACED = [(name, kind) for name, kind in KINDS if name != "openai" and (name, kind) not in UNTRACED]


def names(columns: list[dict[str, Any]]) -> list[str]:
    return [column["name"] for column in columns]


def declared(column: dict[str, Any]) -> Any:
    """The type of a declared column, as `datasets` builds it in Python."""
    from datasets import Value

    if "dtype" in column:
        return Value(column["dtype"])
    if "struct" in column:
        return {field["name"]: declared(field) for field in column["struct"]}
    if isinstance(column["list"], str):
        return [Value(column["list"])]
    return [{field["name"]: declared(field) for field in column["list"]}]


def nulls(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(nulls, value.values()))
    if isinstance(value, list):
        return any(map(nulls, value))
    return value is None


def fits(value: Any, column: dict[str, Any]) -> bool:
    """Whether a value of a row is of the declared type, to the last field."""
    types = {"string": str, "bool": bool, "int64": int, "float64": float}
    if "dtype" in column:
        return type(value) is types[column["dtype"]]
    if "struct" in column:
        return list(value) == names(column["struct"]) and all(fits(value[f["name"]], f) for f in column["struct"])
    inner = {"dtype": column["list"]} if isinstance(column["list"], str) else {"struct": column["list"]}
    return isinstance(value, list) and all(fits(one, inner) for one in value)


@pytest.mark.parametrize(("name", "kind"), KINDS, ids=IDS)
def test_rows_hold_the_declared_columns_of_the_declared_types(name: str, kind: str) -> None:
    made = load_family(name).kinds[kind]
    rows = [made.row(example) for example in examples(made.example)]
    assert rows
    for row in rows:
        assert sorted(row) == sorted(names(made.columns))
        assert [column["name"] for column in made.columns if not fits(row[column["name"]], column)] == []


@pytest.mark.parametrize(("name", "kind"), TRACED)
def test_rows_tell_where_they_came_from(name: str, kind: str) -> None:
    made = load_family(name).kinds[kind]
    for example in examples(made.example):
        row = made.row(example)
        told = row.get("extra_info", row)["metadata"]
        assert (told["origin"] if name == "argilla" else told) == METADATA


@pytest.mark.parametrize("parquet", [False, True], ids=["jsonl", "parquet"])
@pytest.mark.parametrize("name", FAMILIES)
def test_datasets_loads_what_was_written(tmp_path: Path, name: str, parquet: bool) -> None:
    import datasets

    datasets.disable_progress_bars()
    folder = write(tmp_path / name, name, parquet=parquet)
    for kind, made in load_family(name).kinds.items():
        expected = [made.row(example) for example in examples(made.example)]
        loaded = datasets.load_dataset(str(folder), kind, cache_dir=str(tmp_path / "cache"))
        assert sorted(loaded) == ["test", "train"]
        for rows in loaded.values():
            assert rows.features == datasets.Features({c["name"]: declared(c) for c in made.columns})
            assert not nulls(rows.to_list())
            assert rows.to_list() == expected


def test_an_undeclared_type_is_noticed() -> None:
    # What the checks above rest on.
    column = {"name": "x", "list": [{"name": "role", "dtype": "string"}]}
    assert fits([{"role": "user"}], column)
    for value in ([{"role": None}], [{"role": "user", "name": "x"}], [{}], {"role": "user"}, "user"):
        assert not fits(value, column)
    assert nulls({"a": [{"b": None}]})
    assert not fits(1, {"name": "x", "dtype": "float64"})


# Further files


def test_llama_factory_lists_the_files_that_were_written_and_no_others(tmp_path: Path) -> None:
    extra = load_family("llama-factory").extra({"sft": {"train": 3}, "preference": {"train": 2, "test": 1}}, ".jsonl")
    listed = json.loads(extra["dataset_info.json"])
    assert {name: entry["file_name"] for name, entry in listed.items()} == {
        "sft": "sft/train.jsonl",
        "preference": "preference/train.jsonl",
        "preference_test": "preference/test.jsonl",
    }
    assert [entry["ranking"] for entry in listed.values()] == [False, True, True]
    assert listed["preference"]["columns"] == {"messages": "messages", "chosen": "chosen", "rejected": "rejected"}


def test_axolotl_names_the_files_that_were_written_and_no_others() -> None:
    extra = load_family("axolotl").extra({"kto": {"train": 3}, "preference": {"train": 2, "test": 1}}, ".parquet")
    read = {path: YAML(typ="safe").load(text) for path, text in extra.items()}
    assert sorted(read) == ["axolotl/kto.yaml", "axolotl/preference.yaml"]
    assert read["axolotl/kto.yaml"] == {
        "rl": "kto",
        "remove_unused_columns": False,
        "datasets": [{"path": "kto/train.parquet", "split": "train", "type": "chatml.argilla_chat"}],
    }
    preference = read["axolotl/preference.yaml"]
    assert preference["rl"] == "dpo"
    assert [one["path"] for one in preference["datasets"] + preference["test_datasets"]] == [
        "preference/train.parquet",
        "preference/test.parquet",
    ]
    assert "&" not in extra["axolotl/preference.yaml"]


def test_a_family_whose_consumer_reads_only_parquet_writes_no_jsonl(tmp_path: Path) -> None:
    folder = write(tmp_path / "verl", "verl")
    assert {path.suffix for path in folder.rglob("*.*") if path.is_file()} == {".parquet", ".md"}
    assert load_family("verl").kinds["sft"].example is Demonstration
