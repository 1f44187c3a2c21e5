"""Whatever bytes are read, only this program's own errors come out, and soon.

A hundred examples of each with the other tests; `pytest tests/test_fuzz.py --hypothesis-profile=long` for more.
"""

import asyncio
import gzip
import io
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from exporting import compared, judged, many, stored
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from constitution.config import Settings, load_settings
from constitution.conversations import parse_transcript, tidy
from constitution.engines.openai.answers import read_answer, read_listed
from constitution.engines.openai.refusals import Fault, Reply, parse
from constitution.engines.scripted import open_engine
from constitution.errors import ConstitutionError
from constitution.exports import export
from constitution.exports.card import files_of
from constitution.exports.examples import Demonstration, Preference, Question, Rating
from constitution.exports.foreign import examples_in
from constitution.journal import seal
from constitution.judging import load_judge_templates
from constitution.model_settings import ModelSettings
from constitution.pair_files import read_pairs
from constitution.principles import load_principles
from constitution.records import Completion
from constitution.report.audit import audit
from constitution.report.labels import summarise_labels
from constitution.report.summary import summarise
from constitution.report.terminal import find_comparisons, find_row
from constitution.resources import shipped
from constitution.sources import read, scan
from constitution.store import comparisons, count, transcripts
from constitution.templating import load_options, load_templates
from constitution.verdicts import last_verdict

# Half as many examples as other tests have: 50, or 1,000 in the long form. The deadline, in milliseconds, is for one of
# them: a file of a few kilobytes takes far less.
EXAMPLES = hypothesis_settings().max_examples // 2
fuzzed = hypothesis_settings(max_examples=EXAMPLES, deadline=5000, suppress_health_check=list(HealthCheck))

# A reader that an error ends deep in a recursion may leave its file to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

OWN = (ConstitutionError, Fault)


def outcome(read: Callable[[], object]) -> object:
    """What comes of it; one of the program's own errors is as good as any."""
    try:
        return read()
    except OWN as told:
        assert str(told)
        return None


@contextmanager
def file_of(name: str, content: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        yield path


# --- strategies

# What formats give a meaning to.
SIGNS = [
    *(b"\0", b"\n", b"\r", b"\r\n", b"\t", b'"', b"'", b",", b":", b"[", b"]", b"{", b"}", b"#", b"|", b"&a ", b"*a"),
    *(b"<<: ", b"- ", b"? ", b"!!int ", b"---\n", b"%YAML 1.1\n", b"0x_", b"1e999", b"9" * 400, b"NaN", b"Infinity"),
    *(b"\x1f\x8b", b"PAR1", b"\xef\xbb\xbf", b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\xc2\x85", b"\xe2\x80\xa8"),
    *(b"\n\nHuman:", b"\n\nAssistant:", b"null", b"true", b"2001-99-99", b"-1", b"{}", b"[]", b'""', b"[" * 200),
]
Edit = tuple[float, int, bytes]
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 30), st.sampled_from(SIGNS) | st.binary(max_size=6)), max_size=5
)


def mutated(*whole: bytes) -> st.SearchStrategy[bytes]:
    """One of these with parts of it cut out, put in and overwritten; or other bytes altogether."""

    def edited(content: bytes, edits: list[Edit]) -> bytes:
        for place, length, put in edits:
            at = int(place * len(content))
            content = content[:at] + put + content[at + length :]
        return content

    return st.builds(edited, st.sampled_from(whole), EDITS) | st.lists(st.sampled_from(SIGNS)).map(b"".join)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["user", "A"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
TEXTS = st.sampled_from(["\n\nHuman: a\n\nAssistant: b", "(A)", "Q?\n (A) one\n (B) two", "", " ", "\ud800"])
TURNS = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "system"]) | JSON, "content": TEXTS | JSON}),
    max_size=3,
)
COLUMNS = ["id", "prompt", "messages", "chosen", "rejected", "completion", "label", "p_chosen", "margin", "response_a"]
COLUMNS += ["response_b", "corrects", "incorrects"]
ROWS = st.lists(
    st.dictionaries(st.sampled_from(COLUMNS), JSON | TEXTS | TURNS | st.lists(TEXTS, max_size=2), max_size=5),
    max_size=3,
)


def parquet_of(rows: list[dict[str, Any]]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file.getvalue()


ROW = {"id": "a", "prompt": "Hi?", "messages": [{"role": "user", "content": "Hi?"}], "n": 1.5}
JSONL = b"".join(json.dumps(ROW | {"id": str(n)}).encode() + b"\n" for n in range(3))
HH = json.dumps({"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: a\n\nAssistant: c"}).encode() + b"\n"
CHOICES = json.dumps({"prompt": "Q?\n (A) one\n (B) two", "corrects": [" (A)"], "incorrects": [" (B)"]}).encode()
TABLE = b'id,prompt,n\n1,"Hi, you?",2\n2,"Two\nlines ""quoted""",3\n'
FILES = {
    ".jsonl": (JSONL, HH, CHOICES),
    ".csv": (TABLE,),
    ".tsv": (TABLE.replace(b",", b"\t"),),
    ".txt": (b"One?\nTwo?\r\n\n",),
    ".parquet": (parquet_of([ROW, ROW | {"id": "b"}]), parquet_of([{"prompt": "x" * 50}] * 3000)),
}

# --- prompts and pairs


@pytest.mark.parametrize("packing", ["plain", "gzipped", "gzip damaged"])
@pytest.mark.parametrize("ending", FILES)
@given(data=st.data())
@fuzzed
def test_files_of_prompts_and_pairs(ending: str, packing: str, data: st.DataObject) -> None:
    if packing == "gzip damaged":
        content = data.draw(mutated(*map(gzip.compress, FILES[ending])))
    else:
        content = data.draw(mutated(*FILES[ending]))
        content = gzip.compress(content) if packing == "gzipped" else content
    with file_of(f"file{ending}", content) as path:
        outcome(lambda: scan(Settings(prompts=str(path), out="-")))
        outcome(lambda: list(read_pairs(str(path))))


@given(rows=ROWS)
@fuzzed
def test_rows_of_any_shape(rows: list[dict[str, Any]]) -> None:
    with file_of("file.jsonl", b"".join(json.dumps(row).encode() + b"\n" for row in rows)) as path:
        for prompt in outcome(lambda: list(read(Settings(prompts=str(path), out="-")))) or ():
            # What is read can be written: to journals, and to files of UTF-8.
            prompt.model_dump_json().encode()
        for pair in outcome(lambda: list(read_pairs(str(path)))) or ():
            assert len(pair.candidates) == (0 if pair.problem else 2)
            for candidate in pair.candidates:
                candidate.model_dump_json().encode()
        for kind in (Demonstration, Preference, Rating, Question):
            for example in outcome(lambda kind=kind: list(examples_in(path, kind))) or ():
                assert example is None or example.model_dump_json().encode()


@given(text=st.lists(st.sampled_from(["\n", "\n\n", "Human:", "Assistant:", "a", " "])).map("".join) | st.text())
@fuzzed
def test_transcripts(text: str) -> None:
    turns = tidy(parse_transcript(text))
    assert all(one.role != other.role for one, other in pairwise(turns))
    assert not turns or turns[-1].role == "user"


# --- YAML

PRINCIPLES = b"""\
name: mine
version: "1"
description: Mine.
principles:
  - &one
    id: one
    critique_request: Criticise.
    revision_request: >-
      Rewrite.
    comparison: Which?
    weight: 2
    tags: [a, 'b']
  - <<: *one
    id: two
"""
CONFIG = b"""\
prompts: p.jsonl
out: o
column: [a, b]
rounds: 3
temperature: 0.5
critic: {model: m, engine: scripted}
compare:
  pairs: samples
  models: [a, {model: b}]
  clamp: 0.4:0.6
"""
RULES = b"""\
- when: "wire (a|b)+"
  reply: "No."
  seconds: 0.0
- when: x
  choose: {A: 0.8, B: 0.2}
"""
SET = b"description: d\nstop: ['x', y]\nfew_shots: 1\nlabels: [' A', ' B']\n"
SHOTS = (shipped("templates") / "chat" / "few_shots.yaml").read_bytes()
JUDGED = (shipped("templates") / "chat" / "compare_few_shots.yaml").read_bytes()


@given(content=mutated(PRINCIPLES))
@fuzzed
def test_principles(content: bytes) -> None:
    with file_of("p.yaml", content) as path:
        loaded = outcome(lambda: load_principles(str(path)))
        assert loaded is None or loaded.model_dump_json().encode()


@given(content=mutated(CONFIG))
@fuzzed
def test_config_files(content: bytes) -> None:
    with file_of("c.yaml", content) as path:
        loaded = outcome(lambda: load_settings(path, {"prompts": "p"}))
        assert loaded is None or loaded.model_dump_json().encode()


@given(content=mutated(RULES))
@fuzzed
def test_scripted_rules(content: bytes) -> None:
    with file_of("r.yaml", content) as path:
        outcome(lambda: asyncio.run(open_engine(ModelSettings(engine="scripted", model=str(path)))))


@pytest.fixture(scope="module")
def template_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set") / "mine"
    shutil.copytree(shipped("templates") / "chat", folder)
    return folder


@pytest.mark.parametrize("name", ["set.yaml", "few_shots.yaml", "compare_few_shots.yaml"])
@given(data=st.data())
@fuzzed
def test_template_sets(template_set: Path, name: str, data: st.DataObject) -> None:
    file = template_set / name
    before = file.read_bytes()
    whole = {"set.yaml": SET, "few_shots.yaml": SHOTS[:1500], "compare_few_shots.yaml": JUDGED[:1500]}[name]
    try:
        file.write_bytes(data.draw(mutated(whole)))
        outcome(lambda: load_options(template_set))
        outcome(lambda: load_templates(str(template_set), 1))
        outcome(lambda: load_judge_templates(str(template_set), 1))
    finally:
        file.write_bytes(before)


@given(content=mutated(b"---\nlicense: mit\nconfigs:\n- config_name: a\n  data_files:\n  - path: b\n---\n"))
@fuzzed
def test_cards_of_other_folders(content: bytes) -> None:
    assert isinstance(files_of(content.decode("utf-8", "replace") + "Made with `constitution`"), set)


# --- runs


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = judged(stored(tmp_path_factory.mktemp("whole") / "run", many(3)), compared(3))
    for name in ("calls.jsonl", "failures.jsonl", "filtered.jsonl"):
        assert (run / name).exists()
    return run


JOURNALS = ["manifest.json", "transcripts.jsonl", "compare.json", "comparisons.jsonl"]


@pytest.mark.parametrize("name", JOURNALS)
@given(data=st.data())
@fuzzed
def test_runs(whole_run: Path, name: str, data: st.DataObject) -> None:
    file = whole_run / name
    before = file.read_bytes()
    # As it may also come from elsewhere: another value in a place of a record.
    mended = st.builds(lambda value: replaced(before, value, data), JSON)
    try:
        file.write_bytes(data.draw(mutated(before) | mended))
        readers: list[Callable[[], object]] = [
            lambda: count(whole_run),
            lambda: list(transcripts(whole_run)),
            lambda: list(comparisons(whole_run)),
            lambda: summarise(whole_run),
            lambda: summarise_labels(whole_run),
            lambda: audit(comparisons(whole_run)),
            lambda: find_row(whole_run, "row-1"),
            lambda: find_comparisons(whole_run, None),
            lambda: exported(whole_run),
        ]
        for reader in readers:
            outcome(reader)
    finally:
        file.write_bytes(before)


def replaced(content: bytes, value: object, data: st.DataObject) -> bytes:
    """A JSON file, or the first line of a JSONL file, with another value somewhere in it."""
    lines = content.split(b"\n") if content.count(b"}\n{") else [content]
    try:
        record = json.loads(lines[0])
    except ValueError:
        return content
    held = record
    while True:
        key = data.draw(st.sampled_from(sorted(held) if isinstance(held, dict) else range(len(held))))
        inner = held[key]
        if not inner or not isinstance(inner, dict | list) or data.draw(st.booleans()):
            held[key] = value
            edited = json.dumps(record).encode()
            if isinstance(record, dict) and record.pop("crc", None):
                # Its checksum is right: somebody meant it.
                edited = seal(json.dumps(record, separators=(",", ":")).encode()).removesuffix(b"\n")
            return b"\n".join([edited, *lines[1:]])
        held = inner


def exported(run: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        export(run, Path(folder) / "data", test_fraction=0)


# --- what models and servers say

MARKERS = ["The answer is", " (A)", "(B)", ".", "\n", "*", "_", ":", " so", " my final answer", "\t", "?", " ", "a"]


@given(text=st.lists(st.sampled_from(MARKERS), max_size=400).map("".join) | st.text(), judged=st.lists(st.text()))
@fuzzed
def test_verdicts(text: str, judged: list[str]) -> None:
    answer = Completion(text=text, finish_reason="stop", prompt_tokens=1, completion_tokens=1)
    assert last_verdict(answer, judged) in ("A", "B", None)


CHAT = {
    "choices": [
        {
            "message": {"content": "Hi."},
            "finish_reason": "stop",
            "logprobs": {
                "content": [{"top_logprobs": [{"token": "A", "logprob": -1.0}, {"token": "B", "logprob": -2}]}]
            },
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}},
}
ERROR = {"error": {"message": "maximum context length is 10 tokens, you asked for 20", "type": "x", "code": 400}}
BODIES = mutated(json.dumps(CHAT).encode(), json.dumps(ERROR).encode(), json.dumps([ERROR]).encode())
HEADERS = st.dictionaries(
    st.sampled_from(["Retry-After", "retry-after-ms", "Location"]),
    st.sampled_from(["1", "-1", "nan", "1e999", "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 99 Oct 99999 07:28:00 GMT", ""])
    | st.text(max_size=20),
)


@given(
    status=st.sampled_from([200, 200, 200, 301, 400, 402, 404, 429, 500, 503]),
    headers=HEADERS,
    body=BODIES | JSON.map(lambda value: json.dumps(value).encode()),
    data=st.data(),
)
@fuzzed
def test_answers_of_servers(status: int, headers: dict[str, str], body: bytes, data: st.DataObject) -> None:
    answer = outcome(lambda: parse(Reply(status, headers, body)))
    if answer is not None:
        assert outcome(lambda: read_answer(answer, ["\n"])) is None or status == 200
        outcome(lambda: read_listed(answer))
    other = json.loads(replaced(json.dumps(CHAT).encode(), data.draw(JSON), data))
    read = outcome(lambda: read_answer(other, ["\n"]))
    assert read is None or read.text == read.text.strip()
    assert all(len(listed.token) >= 0 for listed in outcome(lambda: read_listed(other)) or ())
