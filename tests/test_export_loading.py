"""That `datasets` loads what an export wrote, word for word and with the types that the card declares."""

from pathlib import Path
from typing import Any

import pytest
from exporting import compared, header, judged, load, many, origin, stored, transcript

from constitution import export

CONVERSATIONS = {
    "sft": ["messages"],
    "preference": ["prompt", "chosen", "rejected"],
    "reward": ["prompt", "chosen", "rejected"],
    "kto": ["prompt", "completion"],
    "prompts": ["prompt"],
}
NUMBERS = {"preference": ["p_chosen"], "reward": ["p_chosen", "margin"]}


def features(kind: str) -> Any:
    from datasets import Features, Value

    turns = [{"role": Value("string"), "content": Value("string")}]
    columns = dict.fromkeys(CONVERSATIONS[kind], turns) | dict.fromkeys(NUMBERS.get(kind, []), Value("float64"))
    label = {"label": Value("bool")} if kind == "kto" else {}
    return Features(columns | label | {"metadata": Value("string")})


@pytest.mark.parametrize("parquet", [False, True])
def test_datasets_loads_every_kind_with_the_declared_features(tmp_path: Path, parquet: bool) -> None:
    run = judged(stored(tmp_path / "run", many(20)), compared(20))
    exported = export(run, tmp_path / "data", test_fraction=0.3, parquet=parquet, soft_labels="margin")
    assert set(exported.rows) == CONVERSATIONS.keys()
    for kind in exported.rows:
        loaded = load(tmp_path / "data", kind, tmp_path / "cache")
        assert {split: len(rows) for split, rows in loaded.items()} == exported.rows[kind]
        assert set(loaded) == {"train", "test"}
        for rows in loaded.values():
            assert rows.features == features(kind)
            assert all(value is not None for row in rows for value in row.values())


def test_parquet_and_jsonl_hold_the_same_rows(tmp_path: Path) -> None:
    # More rows than are held at once.
    run = stored(tmp_path / "run", many(1100))
    for name, parquet in (("lines", False), ("table", True)):
        export(run, tmp_path / name, parquet=parquet, kinds=["reward"], test_fraction=0.01)
    lines, table = (load(tmp_path / name, "reward", tmp_path / "cache") for name in ("lines", "table"))
    assert not list((tmp_path / "table").rglob("*.jsonl"))
    assert len(lines["train"]) > 1024
    for split in ("train", "test"):
        assert lines[split].to_list() == table[split].to_list()


@pytest.mark.parametrize("family", ["openai", "hh-rlhf", "llama-factory", "nemo-rl", "verl", "ms-swift", "paper"])
@pytest.mark.parametrize("parquet", [False, True])
def test_datasets_loads_every_kind_of_other_families(tmp_path: Path, family: str, parquet: bool) -> None:
    run = judged(stored(tmp_path / "run", many(8)), compared(8))
    exported = export(run, tmp_path / "data", family=family, test_fraction=0, parquet=parquet)
    assert exported.rows
    for kind, splits in exported.rows.items():
        assert len(load(tmp_path / "data", kind, tmp_path / "cache")["train"]) == splits["train"]


def test_datasets_loads_the_first_kind_when_none_is_named(tmp_path: Path) -> None:
    import datasets

    export(stored(tmp_path / "run", many(4)), tmp_path / "data", test_fraction=0)
    assert [config.get("default") for config in header(tmp_path / "data")["configs"]] == [True, *[None] * 4]
    loaded = datasets.load_dataset(str(tmp_path / "data"), cache_dir=str(tmp_path / "cache"))
    assert loaded["train"].column_names == ["messages", "metadata"]


ODD = [
    "Grüße, 你好, नमस्ते, 👩‍👩‍👧, e\u0301",
    "a line\nanother\r\nand\ta tab",
    "\"quoted\" 'twice' \\ back\\slash \\n \\u0041",
    "2024-01-01T00:00:00Z",
    "2024-01-01",
    "12",
    "1.0",
    "null",
    "true",
    "[]",
    '{"role": "user"}',
    "line\u2028separators\u2029and\u0085next",
    "\x00\x1b[31m\x07\x7f",
    "\ufeffa byte-order mark",
    "--- \nconfigs: [x]\n---",
    "{{ principle }} {% raw %}",
    "long " * 100_000,
]


def check_round_trip(tmp_path: Path, texts: list[str], parquet: bool = False) -> None:
    rows = [
        transcript(n, text, text, f"{text} {n}", id=text[:500], metadata={"note": text}) for n, text in enumerate(texts)
    ]
    run = stored(tmp_path / "run", rows)
    export(run, tmp_path / "data", test_fraction=0, kinds=["sft", "preference"], parquet=parquet)
    sft = load(tmp_path / "data", "sft", tmp_path / "cache")["train"]
    preference = load(tmp_path / "data", "preference", tmp_path / "cache")["train"]
    assert sft.features == features("sft")
    assert preference.features == features("preference")
    assert len(sft) == len(preference) == len(texts)
    for n, text in enumerate(texts):
        user, answer = {"role": "user", "content": text}, {"role": "assistant", "content": f"{text} {n}"}
        assert sft[n]["messages"] == [user, answer]
        assert (preference[n]["prompt"], preference[n]["chosen"]) == ([user], [answer])
        assert preference[n]["rejected"] == [{"role": "assistant", "content": text}]
        assert origin(sft[n])["id"] == origin(preference[n])["id"] == text[:500]
        assert origin(sft[n])["row"] == {"note": text}


@pytest.mark.parametrize("parquet", [False, True])
def test_odd_content_comes_back_word_for_word(tmp_path: Path, parquet: bool) -> None:
    check_round_trip(tmp_path, ODD, parquet)


@pytest.mark.parametrize("texts", [["1", "2"], ["1.0"], ["true", "false"], ["null"]])
def test_text_that_looks_like_another_type_on_every_row_stays_text(tmp_path: Path, texts: list[str]) -> None:
    check_round_trip(tmp_path, texts)


@pytest.mark.parametrize("dates", [["2024-01-01T00:00:00Z", "2024-01-02T10:11:12Z"], ["2024-01-01"]])
def test_ids_and_columns_that_are_all_dates_stay_text(tmp_path: Path, dates: list[str]) -> None:
    rows = [transcript(n, f"Prompt {n}", "No.", "Yes.", id=date, metadata={"on": date}) for n, date in enumerate(dates)]
    export(stored(tmp_path / "run", rows), tmp_path / "data", test_fraction=0)
    loaded = load(tmp_path / "data", "sft", tmp_path / "cache")["train"]
    assert [(origin(row)["id"], origin(row)["row"]["on"]) for row in loaded] == [(date, date) for date in dates]
