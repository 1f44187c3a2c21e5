"""Prompts from files and datasets: every format, ids, slices, memory, and every way an input can be wrong."""

import gzip
import io
import json
import re
import subprocess
import tracemalloc
from itertools import pairwise
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import PROGRAM
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from constitution.config import Settings
from constitution.conversations import parse_transcript, tidy
from constitution.errors import SourceError
from constitution.files import MOST_LINE
from constitution.pair_files import read_pairs
from constitution.records import Message, Prompt
from constitution.sources import read, scan

QUESTIONS = ["How do I boil an egg?", "Is tea – 绿茶 – good, or: not?"]
SHARED = Path(__file__).parents[2] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"real prompt sets are expected in {SHARED}")


def settings_for(path: Path, **changes: Any) -> Settings:
    return Settings(prompts=str(path), out="unused", **changes)


def prompts_of(path: Path, **changes: Any) -> list[Prompt]:
    return list(read(settings_for(path, **changes)))


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def jsonl(*rows: Any) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet(rows: list[dict[str, Any]]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file.getvalue()


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def turns(prompt: Prompt) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in prompt.messages]


def the_error(path: Path, **changes: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        prompts_of(path, **changes)
    return caught.value


def transcript_turns(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    (prompt,) = prompts_of(write(tmp_path / "hh.jsonl", jsonl({"chosen": text, "rejected": "never read"})))
    return turns(prompt)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # load_dataset writes what it converts: not into the home folder of whoever runs the tests.
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


FORMATS = {
    "prompt.jsonl": jsonl(*({"prompt": q} for q in QUESTIONS)),
    "prompt.ndjson": jsonl(*({"prompt": q} for q in QUESTIONS)),
    "messages.jsonl": jsonl(*({"messages": [user(q), assistant("An answer.")]} for q in QUESTIONS)),
    "trl.jsonl": jsonl(*({"prompt": [user(q)], "chosen": [assistant("Yes.")]} for q in QUESTIONS)),
    "hh.jsonl": jsonl(*({"chosen": f"\n\nHuman: {q}\n\nAssistant: Yes.", "rejected": "No."} for q in QUESTIONS)),
    "table.csv": "prompt,n\n" + "".join(f'"{q}",1\n' for q in QUESTIONS),
    "table.tsv": "n\tprompt\n" + "".join(f"1\t{q}\n" for q in QUESTIONS),
    "lines.txt": "".join(f"{q}\r\n" for q in QUESTIONS),
    "prompt.parquet": parquet([{"prompt": q, "n": 1} for q in QUESTIONS]),
    "messages.parquet": parquet([{"messages": [user(q), assistant("An answer.")]} for q in QUESTIONS]),
}


@pytest.mark.parametrize("packing", ["plain", "gzipped", "gzipped without the ending"])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_prompts_plain_or_gzipped(tmp_path: Path, name: str, packing: str) -> None:
    content = FORMATS[name]
    raw = content.encode() if isinstance(content, str) else content
    path = tmp_path / (f"{name}.gz" if packing == "gzipped" else name)
    prompts = prompts_of(write(path, raw if packing == "plain" else gzip.compress(raw)))
    assert [turns(prompt) for prompt in prompts] == [[("user", question)] for question in QUESTIONS]
    assert [prompt.index for prompt in prompts] == [0, 1]
    # An id hashes what is asked, so it does not depend on the format either.
    plain = prompts_of(write(tmp_path / "plain.jsonl", FORMATS["prompt.jsonl"]))
    assert [prompt.id for prompt in prompts] == [prompt.id for prompt in plain]


def test_a_dataset_saved_to_disk_is_read(tmp_path: Path) -> None:
    datasets.Dataset.from_list([{"id": "a", "prompt": [user("Hi?")], "n": 1}]).save_to_disk(tmp_path / "saved")
    (prompt,) = prompts_of(tmp_path / "saved")
    assert (prompt.id, turns(prompt), prompt.metadata) == ("a", [("user", "Hi?")], {"n": 1})


@pytest.mark.parametrize(("split", "question"), [("train", "Hi?"), ("test", "Ho?")])
def test_a_split_of_a_dataset_saved_to_disk_is_read(tmp_path: Path, split: str, question: str) -> None:
    parts = {name: datasets.Dataset.from_list([{"prompt": q}]) for name, q in (("train", "Hi?"), ("test", "Ho?"))}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "saved")
    assert [prompt.text for prompt in prompts_of(tmp_path / "saved", split=split)] == [question]


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize(("split", "question"), [("train", "Hi?"), ("test", "Ho?")])
def test_a_folder_of_jsonl_is_a_dataset(tmp_path: Path, split: str, question: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    write(folder / "train.jsonl", jsonl({"prompt": "Hi?"}))
    write(folder / "test.jsonl.gz", gzip.compress(jsonl({"prompt": "Ho?"})))
    assert [prompt.text for prompt in prompts_of(folder, split=split)] == [question]


def test_the_columns_named_are_read_and_joined_by_a_blank_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'prompt,Context,Ask,n\nno,Some text.,"What, ""now""?",1\nno,,Why?,2\n')
    prompts = prompts_of(path, column=("Context", "Ask"))
    assert [prompt.text for prompt in prompts] == ['Some text.\n\nWhat, "now"?', "Why?"]
    assert prompts_of(path, column=("Ask",))[0].text == 'What, "now"?'


def test_a_table_cell_may_span_lines_and_be_longer_than_the_csv_modules_limit(tmp_path: Path) -> None:
    long = "line\n" * 60_000 + "end"
    (prompt,) = prompts_of(write(tmp_path / "a.csv", f'prompt\n"{long}"\n'))
    assert prompt.text == long


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.txt"])
def test_a_byte_order_mark_is_dropped(tmp_path: Path, name: str) -> None:
    content = {"a.jsonl": '{"prompt": "Hi?"}\n', "a.csv": "prompt,n\nHi?,1\n", "a.txt": "Hi?\n"}[name]
    (prompt,) = prompts_of(write(tmp_path / name, b"\xef\xbb\xbf" + content.encode()))
    assert prompt.text == "Hi?"


def test_metadata_holds_the_plain_values_and_neither_prompt_answers_nor_id(tmp_path: Path) -> None:
    row = {
        "id": "a",
        "prompt": "Hi?",
        "chosen": "x",
        "rejected": "y",
        "completion": "z",
        "topic": "tea",
        "level": 2,
        "share": 0.5,
        "harmful": False,
        "none": None,
        "list": [1],
        "infinite": float("inf"),
        "nan": float("nan"),
        "half": "\ud83d",
    }
    (prompt,) = prompts_of(write(tmp_path / "a.jsonl", jsonl(row)))
    assert prompt.metadata == {"topic": "tea", "level": 2, "share": 0.5, "harmful": False}


def test_a_surrogate_half_in_a_metadata_name_does_not_reach_a_record(tmp_path: Path) -> None:
    (prompt,) = prompts_of(write(tmp_path / "a.jsonl", jsonl({"prompt": "Hi?", "\ud83d": 1})))
    assert json.loads(prompt.model_dump_json())["metadata"] == {}


# --- hh-rlhf transcripts


def test_a_transcript_is_split_at_its_markers_and_its_last_answer_dropped(tmp_path: Path) -> None:
    text = "\n\nHuman: One?\n\nAssistant: First.\n\nStill first.\n\nHuman: Two?\n\nAssistant: Second."
    expected = [("user", "One?"), ("assistant", "First.\n\nStill first."), ("user", "Two?")]
    assert transcript_turns(tmp_path, text) == expected


@pytest.mark.parametrize(
    "question",
    [
        "my question: how?",
        "He said Human: hello\nHuman: and again\nAssistant: too",
        "a list\n\n- Human: one\n\n Assistant: two",
        "Human: Human: is the name",
    ],
)
def test_markers_inside_a_turn_survive_whole(tmp_path: Path, question: str) -> None:
    text = f"\n\nHuman: {question}\n\nAssistant: Yes.\n\nHuman: Go on: more\n\nAssistant: No."
    assert transcript_turns(tmp_path, text) == [("user", question), ("assistant", "Yes."), ("user", "Go on: more")]


def test_text_that_does_not_open_with_a_human_turn_is_one_prompt(tmp_path: Path) -> None:
    text = "Go on with this play:\n\nHuman: Hello.\n\nAssistant: Hi."
    (prompt,) = prompts_of(write(tmp_path / "a.jsonl", jsonl({"prompt": text})))
    assert turns(prompt) == [("user", text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n\nHuman: a\n\nHuman: b\n\nAssistant: c", [("user", "a\n\nb")]),
        (
            "\n\nHuman: a\n\nAssistant: b\n\nAssistant: c\n\nHuman: d",
            [("user", "a"), ("assistant", "b\n\nc"), ("user", "d")],
        ),
        ("\n\nHuman: a\n\nAssistant: b\n\nAssistant: c", [("user", "a")]),
        ("\n\nHuman: a\n\nAssistant:", [("user", "a")]),
        ("\n\nHuman: a\n\nAssistant: b\n\nHuman:\n\nAssistant: c", [("user", "a")]),
        ("\n\nHuman: \n\nAssistant: b", []),
    ],
)
def test_turns_of_one_role_are_joined_and_empty_ones_dropped(
    tmp_path: Path, text: str, expected: list[tuple[str, str]]
) -> None:
    assert transcript_turns(tmp_path, text) == expected


WORDS = st.text("Huaman: \n-é", min_size=1).map(str.strip).filter(lambda text: text and "\n\nHuman:" not in text)


@given(st.lists(WORDS, min_size=1, max_size=6))
@hypothesis_settings(deadline=None)
def test_any_conversation_survives_being_written_as_a_transcript(contents: list[str]) -> None:
    names = ["Human", "Assistant"] * 3
    text = "".join(f"\n\n{name}: {content}" for name, content in zip(names, contents, strict=False))
    assert [turn.content for turn in parse_transcript(text)] == contents
    assert [turn.role for turn in parse_transcript(text)] == (["user", "assistant"] * 3)[: len(contents)]


MESSAGES = st.lists(st.builds(Message, role=st.sampled_from(["system", "user", "assistant"]), content=st.text("ab ")))


@given(MESSAGES)
@hypothesis_settings(deadline=None)
def test_a_tidy_conversation_alternates_ends_with_the_user_and_keeps_every_word(messages: list[Message]) -> None:
    tidied = tidy(messages)
    assert tidy(tidied) == tidied
    assert all(one.role != other.role for one, other in pairwise(tidied))
    assert not tidied or tidied[-1].role == "user"
    spoken = [m for m in messages if m.content.strip()]
    while spoken and spoken[-1].role != "user":
        spoken.pop()
    assert " ".join(m.content for m in tidied).split() == " ".join(m.content for m in spoken).split()


# --- ids and slices


def test_a_rows_own_id_is_kept_and_rows_without_one_get_a_content_hash(tmp_path: Path) -> None:
    rows = [{"id": 7, "prompt": "a"}, {"id": " x ", "prompt": "a"}, {"id": "", "prompt": "a"}, {"prompt": "b"}]
    ids = [prompt.id for prompt in prompts_of(write(tmp_path / "a.jsonl", jsonl(*rows)))]
    assert ids[:2] == ["7", "x"]
    assert all(re.fullmatch("[0-9a-f]{16}", id) for id in ids[2:]) and ids[2] != ids[3]


def test_another_column_can_hold_the_id(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "BehaviorID,prompt,id\nfirst,Hi?,9\n")
    (prompt,) = prompts_of(path, id_column="BehaviorID")
    assert (prompt.id, prompt.metadata) == ("first", {"id": "9"})


def test_rows_with_the_same_content_are_numbered(tmp_path: Path) -> None:
    first, *rest = (p.id for p in prompts_of(write(tmp_path / "a.txt", "a\na\nb\na\n")))
    assert rest[0] == f"{first}-2"
    assert rest[2] == f"{first}-3"


def test_a_numbered_id_never_meets_an_id_of_the_input(tmp_path: Path) -> None:
    (plain,) = prompts_of(write(tmp_path / "one.txt", "a\n"))
    rows = [{"prompt": "a"}, {"id": f"{plain.id}-2", "prompt": "b"}, {"prompt": "a"}]
    ids = [prompt.id for prompt in prompts_of(write(tmp_path / "a.jsonl", jsonl(*rows)))]
    assert len(set(ids)) == 3


@pytest.mark.parametrize(("skip", "limit"), [(0, 2), (1, None), (2, 2), (3, 100), (4, 1)])
def test_skip_and_limit_cut_rows_out_without_changing_them(tmp_path: Path, skip: int, limit: int | None) -> None:
    path = write(tmp_path / "a.txt", "a\na\nb\na\nc\n")
    end = None if limit is None else skip + limit
    assert prompts_of(path, skip=skip, limit=limit) == prompts_of(path)[skip:end]


def test_empty_rows_are_kept_to_be_accounted_for(tmp_path: Path) -> None:
    prompts = prompts_of(write(tmp_path / "a.jsonl", jsonl({"prompt": ""}, {"prompt": " \n"}, {"messages": []})))
    assert [prompt.messages for prompt in prompts] == [(), (), ()]
    assert len({prompt.id for prompt in prompts}) == 3


# --- the scan before a run


def test_a_scans_digest_follows_content_and_not_the_files_name_or_packing(tmp_path: Path) -> None:
    def scanned(name: str, content: bytes) -> tuple[int, str]:
        found = scan(settings_for(write(tmp_path / name, content)))
        return found.rows, found.digest

    one = jsonl({"prompt": "a", "n": 1}, {"prompt": "b"})
    rows, digest = scanned("one.jsonl", one)
    assert rows == 2
    assert scanned("two.jsonl.gz", gzip.compress(one)) == (2, digest)
    assert scanned("metadata.jsonl", jsonl({"prompt": "a", "n": 2}, {"prompt": "b"}))[1] != digest
    assert scanned("order.jsonl", jsonl({"prompt": "b"}, {"prompt": "a", "n": 1}))[1] != digest
    assert scanned("ids.jsonl", jsonl({"id": "x", "prompt": "a", "n": 1}, {"prompt": "b"}))[1] != digest


@pytest.mark.parametrize(("name", "content"), [("a.jsonl", ""), ("a.csv", "id,prompt\n"), ("a.txt", "")])
def test_a_file_without_rows_is_refused(tmp_path: Path, name: str, content: str) -> None:
    path = write(tmp_path / name, content)
    with pytest.raises(SourceError, match=re.escape(f"{path}: no rows")):
        scan(settings_for(path))


def test_a_parquet_file_without_rows_is_refused_as_one(tmp_path: Path) -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"prompt": pa.array([], pa.string())}), file)
    path = write(tmp_path / "a.parquet", file.getvalue())
    with pytest.raises(SourceError, match=re.escape(f"{path}: no rows")):
        scan(settings_for(path))


def test_skipping_every_row_is_refused_with_the_number(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no rows after the first 5"):
        scan(settings_for(write(tmp_path / "a.txt", "a\nb\n"), skip=5))


# --- streaming


@pytest.mark.parametrize("packing", ["plain", "gzipped"])
@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("a.jsonl", b'{"prompt": "a"}\n', b"{\n"),
        ("a.csv", b"prompt,n\na,1\n", b"a\n"),
        ("a.txt", b"a\n", b"\xff\n"),
    ],
)
def test_rows_come_before_the_rest_is_read(tmp_path: Path, name: str, good: bytes, bad: bytes, packing: str) -> None:
    raw = good + bad
    rows = read(settings_for(write(tmp_path / name, raw if packing == "plain" else gzip.compress(raw))))
    assert next(rows).text == "a"
    with pytest.raises(SourceError):
        next(rows)


def test_a_big_file_is_never_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "big.jsonl"
    with path.open("w") as file:
        file.writelines(f'{{"id": {n}, "prompt": "{n} {"word " * 100}"}}\n' for n in range(200_000))
    size = path.stat().st_size
    tracemalloc.start()
    try:
        rows = read(settings_for(path))
        assert next(rows).text.startswith("0 word")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
        # Tracing is slow: a quarter of the rows shows the same growth as all of them.
        for _ in range(50_000):
            next(rows)
        grown = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert grown < size / 4 / 3


# --- what can be wrong with an input

BAD = {
    "broken JSON": ("a.jsonl", '{"prompt": "a"}\n\n{"prompt":\n', 3, ["not a JSON object"]),
    "a list for a row": ("a.jsonl", '{"prompt": "a"}\n["b"]\n', 2, ["not a JSON object"]),
    "a string for a row": ("a.jsonl", '"b"\n', 1, ["not a JSON object"]),
    "no prompt column": ("a.jsonl", '{"question": "a", "n": 1}\n', 1, ["messages, prompt or chosen", "question, n"]),
    "no prompt column in a table": ("a.csv", "question,n\na,1\n", 2, ["messages, prompt or chosen", "question, n"]),
    "not UTF-8": ("a.jsonl", b'{"prompt": "a"}\n{"prompt": "caf\xe9"}\n', 2, ["not UTF-8", "byte 16"]),
    "not UTF-8 in a table": ("a.csv", b"prompt\na\ncaf\xe9\n", 3, ["not UTF-8", "byte 4"]),
    "an id used twice": ("a.jsonl", '{"id": 1, "prompt": "a"}\n{"id": "1", "prompt": "b"}\n', 2, ["'1'"]),
    "a message without a role": ("a.jsonl", '{"messages": [{"content": "a"}]}\n', 1, ["messages[0]"]),
    "an unknown role": (
        "a.jsonl",
        '{"prompt": [{"role": "user", "content": "a"}, {"role": "human", "content": "b"}]}\n',
        1,
        ["prompt[1]", "not a message"],
    ),
    "a message of parts": ("a.jsonl", '{"messages": [{"role": "user", "content": [1]}]}\n', 1, ["messages[0]"]),
    "a message of bare text": ("a.jsonl", '{"messages": ["a"]}\n', 1, ["messages[0]"]),
    "a number for a prompt": ("a.jsonl", '{"prompt": 5}\n', 1, ["a number", "text or a list of messages"]),
    "an object for a prompt": ("a.jsonl", '{"prompt": {"a": 1}}\n', 1, ["an object", "text or a list of messages"]),
    "a cell too few": ("a.csv", "id,prompt\n1,a\n2\n", 3, ["2 cells"]),
    "a cell too many": ("a.tsv", "id\tprompt\n1\ta\tb\n", 2, ["2 cells"]),
    "half of a surrogate pair": ("a.jsonl", '{"prompt": "a"}\n{"prompt": "\\ud83d"}\n', 2, ["surrogate"]),
    "half of a surrogate pair in a message": (
        "a.jsonl",
        '{"messages": [{"role": "user", "content": "\\udc00"}]}\n',
        1,
        ["surrogate"],
    ),
    "half of a surrogate pair in an id": ("a.jsonl", '{"id": "\\ud83d", "prompt": "a"}\n', 1, ["surrogate"]),
    "text after a quoted cell": ("a.csv", 'id,prompt\n1,a\n2,"b"c\n', 3, ["expected after"]),
    "JSON nested without end": ("a.jsonl", '{"prompt": "a", "x": ' + "[" * 100_000 + "\n", 1, ["not a JSON object"]),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_row_is_named_by_file_line_and_rule(tmp_path: Path, fault: str) -> None:
    name, content, line, words = BAD[fault]
    path = write(tmp_path / name, content)
    error = the_error(path)
    assert error.message.startswith(f"{path}:{line}: ")
    assert [word for word in words if word not in error.message] == []


def test_a_broken_json_line_is_given_one_line_number_only(tmp_path: Path) -> None:
    error = the_error(write(tmp_path / "a.jsonl", '{"prompt": "a"}\n\n{"prompt":\n'))
    assert re.findall(r"line \d+", error.message) == []


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "Behavior,n\na,1\n")
    error = the_error(path, column=("behavior",))
    assert error.message == f"{path}:2: no column 'behavior'; there are: Behavior, n"
    assert "--column" in error.hint


def test_a_duplicate_id_says_which_flag_helps(tmp_path: Path) -> None:
    error = the_error(write(tmp_path / "a.jsonl", jsonl({"id": 1, "prompt": "a"}, {"id": 1, "prompt": "b"})))
    assert "--id-column" in error.hint


def test_text_that_is_not_utf8_comes_with_the_command_that_converts_it(tmp_path: Path) -> None:
    assert "iconv" in the_error(write(tmp_path / "a.txt", b"caf\xe9\n")).hint


def test_a_skipped_row_is_checked_too(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"no": 1}\n{"prompt": "a"}\n')
    assert the_error(path, skip=1).message.startswith(f"{path}:1: ")


@pytest.mark.parametrize(
    "name", ["a.jsonl", "a.jsonl.gz", "a.csv", "a.tsv", "a.txt", "a.parquet", "a.parquet.gz", "a", "a.json"]
)
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    error = the_error(tmp_path / name)
    assert error.message.startswith(f"{tmp_path / name}: no such file")
    assert error.hint


def test_a_name_that_is_neither_file_nor_reachable_dataset_says_so() -> None:
    error = the_error(Path("no-such-owner/no-such-dataset"))
    assert error.message.startswith("no-such-owner/no-such-dataset: no such file, and no dataset: ")
    assert "owner/name" in error.hint


@pytest.mark.parametrize(("name", "ending"), [("a.docx", ".docx"), ("a.docx.gz", ".docx"), ("a", "no ending")])
def test_an_unknown_ending_is_named_with_the_known_ones(tmp_path: Path, name: str, ending: str) -> None:
    error = the_error(write(tmp_path / name, "x"))
    assert ending in error.message
    assert ".jsonl, .ndjson, .csv, .tsv, .txt, .parquet" in error.message


def test_a_json_array_comes_with_the_command_that_converts_it(tmp_path: Path) -> None:
    assert "jq -c '.[]' a.json > prompts.jsonl" in the_error(write(tmp_path / "a.json", "[]")).hint


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl.gz", "a.parquet", "a.parquet.gz"])
@pytest.mark.parametrize("damage", ["cut short", "overwritten"])
def test_a_damaged_gzip_file_is_named(tmp_path: Path, name: str, damage: str) -> None:
    packed = gzip.compress(FORMATS["prompt.parquet"] if "parquet" in name else jsonl({"prompt": "a"}))
    path = write(tmp_path / name, packed[:-9] if damage == "cut short" else packed[:10] + b"\xff" * 40)
    assert the_error(path).message.startswith(f"{path}: ")


@pytest.mark.parametrize("content", [b"", b"id,prompt\n", FORMATS["prompt.parquet"][:-20]])
def test_what_is_not_parquet_is_named(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path / "a.parquet", content)
    assert the_error(path).message.startswith(f"{path}: not a Parquet file")


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize("kind", ["saved", "folder"])
def test_an_unknown_split_is_named_with_the_known_ones(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "saved":
        one = datasets.Dataset.from_list([{"prompt": "a"}])
        datasets.DatasetDict(train=one, test=one).save_to_disk(path)
    else:
        path.mkdir()
        for split in ("train", "test"):
            write(path / f"{split}.jsonl", jsonl({"prompt": "a"}))
    error = the_error(path, split="tset")
    assert [word for word in ("tset", "train", "test") if word not in error.message] == []
    assert "--split" in error.hint
    # The folder is there and is a dataset: only its split is not.
    assert "no such file" not in error.message


def test_a_row_of_a_dataset_is_named_by_its_number(tmp_path: Path) -> None:
    datasets.Dataset.from_list([{"id": "a", "prompt": "x"}, {"id": "a", "prompt": "y"}]).save_to_disk(tmp_path / "ds")
    assert the_error(tmp_path / "ds").message.startswith(f"{tmp_path / 'ds'}: row 2: ")


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize("content", [None, '{"prompt": "a"}\n{"prompt"\n'])
def test_a_folder_that_is_no_dataset_is_named(tmp_path: Path, content: str | None) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    if content is not None:
        write(folder / "train.jsonl", content)
    error = the_error(folder)
    assert str(folder) in error.message
    assert "--split" in error.hint


def test_a_line_that_ends_too_early_is_named_at_its_last_column(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", '{"prompt": "b"\n')
    assert the_error(file).message.endswith("a.jsonl:1: not a JSON object: Expecting ',' delimiter at column 15")


def test_a_file_that_is_not_there_is_not_looked_for_on_the_hub() -> None:
    assert the_error(Path("my.json")).message == "my.json: no such file"


# --- real prompt sets


@needs_shared
@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [
        ("xstest_prompts.csv", 450, ()),
        ("harmbench_behaviors_text_val.csv", 80, ("Behavior",)),
        ("hh-rlhf-harmless-base.test.jsonl.gz", 2312, ()),
    ],
)
def test_real_prompt_sets_are_read_whole(name: str, rows: int, columns: tuple[str, ...]) -> None:
    prompts = prompts_of(SHARED / name, column=columns)
    assert len(prompts) == rows == len({prompt.id for prompt in prompts})
    assert {prompt.messages[-1].role for prompt in prompts if prompt.messages} == {"user"}
    assert all(message.content.strip() for prompt in prompts for message in prompt.messages)


@pytest.mark.parametrize("name", ["bomb.jsonl.gz", "bomb.txt", "bomb.csv.gz"])
def test_a_line_that_no_memory_holds_is_refused_before_it_is_read(tmp_path: Path, name: str) -> None:
    # A thousandth of its size as gzip.
    first = b'{"prompt": "Hi?"}' if "jsonl" in name else b"prompt"
    bomb = first + b"\n" + b"x" * (MOST_LINE + 1000)
    path = write(tmp_path / name, gzip.compress(bomb, 1) if name.endswith(".gz") else bomb)
    assert f"{path}:2: a line of more than 67,108,864 bytes" in the_error(path).message


def test_a_cell_of_many_lines_is_no_way_around_that(tmp_path: Path) -> None:
    path = write(tmp_path / "bomb.csv", b'prompt\n"' + (b"x" * 1023 + b"\n") * (MOST_LINE // 1024 + 10))
    assert "field larger than field limit (67108864)" in the_error(path).message


def test_a_role_that_is_no_text_is_no_message(tmp_path: Path) -> None:
    row = {"messages": [{"role": [], "content": "Hi?"}]}
    assert "not a message" in the_error(write(tmp_path / "p.jsonl", jsonl(row))).message
    pair = row | {"prompt": [{"role": {}, "content": "Hi?"}], "chosen": "a", "rejected": "b"}
    with pytest.raises(SourceError, match="neither text nor a list of messages"):
        list(read_pairs(str(write(tmp_path / "pairs.jsonl", jsonl(pair)))))


def test_a_parquet_file_that_would_fill_memory_is_told_of(tmp_path: Path) -> None:
    # One text of 70 MB that 32 rows point to: 19 KB on the disk.
    table = pa.table({"prompt": pa.DictionaryArray.from_arrays([0] * 32, ["a" * 70_000_000])})
    pq.write_table(table, tmp_path / "bomb.parquet", compression="zstd")
    command = f"ulimit -v 3000000; {PROGRAM} generate --prompts bomb.parquet --out run --engine scripted"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, encoding="utf-8")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert "bomb.parquet" in done.stderr
