"""The installed program: what it prints where, and with which code it ends."""

import json
import os
import pty
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import PROGRAM
from ruamel.yaml import YAML

import constitution

Generated = Callable[..., Path]
Lines = Callable[[Path], list[Any]]
Finished = subprocess.CompletedProcess[str]
Cli = Callable[..., Finished]

SCRIPTED = ("--engine", "scripted")
SHIPPED = ("children", "harmlessness", "harmlessness.zh", "helpfulness", "honesty", "privacy")


def refused(result: Finished, code: int, *told: str) -> None:
    assert result.returncode == code, result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("error: ")
    for words in told:
        assert words in result.stderr


# Start-up


def test_help_answers_within_three_tenths_of_a_second_of_processor_time(cli: Cli) -> None:
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        result = cli("--help")
        seconds.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
        assert result.returncode == 0
        assert "generate" in result.stdout
    assert min(seconds) < 0.3


@pytest.mark.parametrize(
    "command",
    [
        "generate",
        "merge",
        "compare",
        "audit",
        "status",
        "show",
        "report",
        "export",
        "gates",
        "init",
        "config",
        "doctor",
        "engines",
        "principles",
        "prompts",
    ],
)
def test_every_command_explains_itself(cli: Cli, command: str) -> None:
    result = cli(command, "--help")
    assert result.returncode == 0
    assert f"constitution {command}" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("module", ["constitution", "constitution.cli", "constitution.runner", "constitution.exports"])
def test_importing_loads_no_heavy_package(module: str) -> None:
    heavy = ["torch", "transformers", "datasets", "pandas", "pyarrow"]
    code = f"import sys, {module}; print(*[name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


@pytest.mark.parametrize("before", ["constitution", "constitution.cli", "constitution.runner", "constitution.exports"])
def test_every_public_name_is_what_it_says_whatever_was_imported_before(before: str) -> None:
    code = f"""
import inspect, {before}, constitution
kinds = {{name: "class" if inspect.isclass(value) else "function" if inspect.isfunction(value) else type(value).__name__
         for name in constitution.__all__ for value in [getattr(constitution, name)]}}
import json; print(json.dumps(kinds))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    kinds = json.loads(result.stdout)
    assert {name for name, kind in kinds.items() if kind == "class"} == {
        "CompareSettings",
        "ConstitutionError",
        "ScoreSettings",
        "Settings",
    }
    assert {name for name, kind in kinds.items() if kind == "function"} == {
        "audit",
        "comparisons",
        "count",
        "export",
        "generate",
        "label_pairs",
        "load_principles",
        "load_settings",
        "probe_reward",
        "rule_reward",
        "score_run",
        "scores",
        "transcripts",
        "write_report",
    }
    assert len(kinds) == 18


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'nothing'"):
        constitution.nothing  # noqa: B018 (looking it up is the test)


def test_version_is_printed(cli: Cli) -> None:
    assert cli("--version").stdout == f"{constitution.__version__}\n"


# What goes where


def test_results_are_on_stdout_and_progress_on_stderr(tmp_path: Path, prompts: Path, cli: Cli) -> None:
    result = cli("generate", "--prompts", prompts, "--out", "run", *SCRIPTED)
    assert result.returncode == 0
    assert "run: 12 rows = 12 done + 0 failed + 0 filtered + 0 pending" in result.stdout
    assert "run/transcripts.jsonl" in result.stdout
    assert "12/12 rows, 24/24 rounds" in result.stderr
    assert "60/60" not in result.stdout
    assert "\x1b" not in result.stdout + result.stderr


@pytest.mark.parametrize("format", ["text", "json"])
def test_quiet_is_silent_on_stderr(prompts: Path, cli: Cli, format: str) -> None:
    result = cli("generate", "--prompts", prompts, "--out", "run", *SCRIPTED, "--quiet", "--format", format)
    assert result.returncode == 0
    assert "12" in result.stdout
    assert result.stderr == ""


def test_generate_prints_the_summary_as_json_and_stores_it(tmp_path: Path, prompts: Path, cli: Cli) -> None:
    result = cli("generate", "--prompts", prompts, "--out", "run", *SCRIPTED, "--format", "json")
    summary = json.loads(result.stdout)
    assert summary["counts"] == {"input": 12, "done": 12, "failed": 0, "filtered": 0}
    assert summary["pending"] == 0
    assert sum(summary["principles"].values()) == 24
    assert json.loads((tmp_path / "run" / "summary.json").read_text()) == summary


def test_status_tells_the_same_as_text_and_json(generated: Generated, prompts: Path, cli: Cli) -> None:
    prompts.write_text(prompts.read_text() + '{"id": "empty", "prompt": ""}\n')
    run = generated()
    summary = json.loads(cli("status", run, "--format", "json").stdout)
    assert summary["counts"] == {"input": 13, "done": 12, "failed": 0, "filtered": 1}
    assert summary["filtered"] == {"empty prompt": 1}
    text = cli("status", run).stdout
    assert "13 rows = 12 done + 0 failed + 1 filtered + 0 pending" in text
    assert "filtered: 1 × empty prompt" in text


def test_export_tells_what_it_wrote_as_text_and_json(
    tmp_path: Path, generated: Generated, cli: Cli, lines: Lines
) -> None:
    run = generated()
    told = json.loads(cli("export", run, "--to", "data", "--test-fraction", 0.4, "--format", "json").stdout)
    for kind in ("sft", "preference"):
        written = {path.stem: len(lines(path)) for path in (tmp_path / "data" / kind).iterdir()}
        assert told["rows"][kind] == written
        assert set(written) == {"train", "test"}
    text = cli("export", run, "--to", "again", "--test-fraction", 0)
    numbers = {"sft": 12, "preference": 12, "reward": 12, "kto": 24, "prompts": 12}
    assert text.stdout.splitlines() == [f"again/{kind}/train.jsonl: {rows} rows" for kind, rows in numbers.items()]
    assert 'datasets.load_dataset("again", "sft" or "preference" or' in text.stderr


def test_principles_list_names_the_shipped_files(cli: Cli) -> None:
    listed = json.loads(cli("principles", "list", "--format", "json").stdout)
    assert [row["name"] for row in listed] == [*SHIPPED]
    assert all(row["principles"] > 1 and Path(row["path"]).is_file() for row in listed)
    text = cli("principles", "list").stdout
    assert all(f"{row['name']} {row['version']}: {row['principles']} principles" in text for row in listed)
    assert "20 principles, 8 rules." in text


def test_principles_show_prints_the_file_or_what_it_says(cli: Cli) -> None:
    shown = json.loads(cli("principles", "show", "harmlessness", "--format", "json").stdout)
    assert shown["name"] == "harmlessness"
    text = cli("principles", "show", "harmlessness").stdout
    assert text == (Path(__file__).parent.parent / "principles" / "harmlessness.yaml").read_text(encoding="utf-8")
    assert YAML(typ="safe").load(text)["principles"][1]["id"] == shown["principles"][1]["id"]


def test_doctor_finds_every_package_as_text_and_json(cli: Cli) -> None:
    found = {finding["what"]: finding for finding in json.loads(cli("doctor", "--format", "json").stdout)}
    for package in ("python", "torch", "transformers", "datasets"):
        assert found[package]["ok"] is True
        assert found[package]["found"][0].isdigit()
    assert "cpu" in found["device"]["found"] or "cuda" in found["device"]["found"] or "mps" in found["device"]["found"]


def test_a_reader_that_leaves_early_is_no_error(generated: Generated, prompts: Path) -> None:
    prompts.write_text(json.dumps({"id": "long", "prompt": "word\n" * 5000}) + "\n")
    run = generated()
    with subprocess.Popen([PROGRAM, "show", run], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 0
    assert errors == b""


def test_on_a_terminal_progress_is_a_bar_and_the_result_still_on_stdout(prompts: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [str(PROGRAM), "generate", "--prompts", str(prompts), "--out", str(tmp_path / "run"), *SCRIPTED]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "200"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=environment) as process:
        os.close(theirs)
        assert process.stdout
        result = process.stdout.read()
        process.wait(30)
    shown = os.read(ours, 1 << 20)
    os.close(ours)
    assert process.returncode == 0
    assert b"12/12 rows, 24/24 rounds" in shown
    assert b"12 rows = 12 done" in result
    assert b"\x1b" not in result


# Show


def test_show_prints_the_whole_chain_of_a_row(generated: Generated, cli: Cli, lines: Lines) -> None:
    run = generated(rounds=2)
    row = next(row for row in lines(run / "transcripts.jsonl") if row["id"] == "row-05")
    text = " ".join(cli("show", run, "row-05").stdout.split())
    answers = [row["response"], *(round[step] for round in row["rounds"] for step in ("critique", "revision"))]
    places = [text.index(answer["text"]) for answer in answers]
    assert places == sorted(places)
    assert "Question number 5?" in text
    assert all(round["principle"] in text for round in row["rounds"])


def test_show_without_a_row_shows_the_first_as_json_too(generated: Generated, cli: Cli, lines: Lines) -> None:
    run = generated(concurrency=5)
    shown = json.loads(cli("show", run, "--format", "json").stdout)
    assert shown == next(row for row in lines(run / "transcripts.jsonl") if row["id"] == "row-00")


def test_show_of_an_unknown_row_names_the_nearest(generated: Generated, cli: Cli) -> None:
    refused(cli("show", generated(), "row-05x"), 4, "no finished row 'row-05x'; did you mean 'row-05'?")


def test_show_says_of_a_failed_or_filtered_row_what_became_of_it(
    tmp_path: Path, prompts: Path, generated: Generated, cli: Cli
) -> None:
    (tmp_path / "rules.yaml").write_text("- when: 'number 3[?]'\n  error: the server hung up\n")
    prompts.write_text(prompts.read_text() + '{"id": "empty", "prompt": ""}\n')
    run = generated(model=str(tmp_path / "rules.yaml"))
    refused(cli("show", run, "row-03"), 4, "row 'row-03' failed at respond: the server hung up")
    refused(cli("show", run, "empty"), 4, "row 'empty' was filtered (empty prompt)")


def test_show_of_what_is_no_run_is_refused(tmp_path: Path, cli: Cli) -> None:
    for command in ("show", "status"):
        refused(cli(command, tmp_path / "nothing"), 4, "no such folder")


EVIL = "\x1b[2J\x1b]0;title\x07 \x9b31m \x08\r\u202e evil"
STEERS = ("\x1b", "\x07", "\x9b", "\x08", "\r", "\u202e")


def test_what_a_row_says_does_not_steer_the_terminal(
    tmp_path: Path, prompts: Path, generated: Generated, cli: Cli
) -> None:
    prompts.write_text(json.dumps({"id": "row", "prompt": f"Say {EVIL}"}) + "\n")
    (tmp_path / "rules.yaml").write_text(json.dumps([{"when": "Write only", "reply": f"I say {EVIL}"}]))
    result = cli("show", generated(model=str(tmp_path / "rules.yaml")))
    assert result.stdout.count("evil") >= 3
    assert not [character for character in STEERS if character in result.stdout]


def test_what_a_rows_id_says_does_not_steer_the_terminal(prompts: Path, generated: Generated, cli: Cli) -> None:
    prompts.write_text(json.dumps({"id": f"row {EVIL}", "prompt": "Hello?"}) + "\n")
    run = generated()
    for args in (("show", run), ("show", run, "other")):
        result = cli(*args)
        assert "evil" in result.stdout + result.stderr
        assert not [character for character in STEERS if character in result.stdout + result.stderr]


def test_what_a_failure_says_does_not_steer_the_terminal(tmp_path: Path, generated: Generated, cli: Cli) -> None:
    (tmp_path / "rules.yaml").write_text(json.dumps([{"when": "number 3[?]", "error": f"bad {EVIL}"}]))
    result = cli("show", generated(model=str(tmp_path / "rules.yaml")), "row-03")
    assert "failed at respond" in result.stderr
    assert not [character for character in STEERS if character in result.stderr]


def test_what_a_column_name_says_does_not_steer_the_terminal(prompts: Path, cli: Cli) -> None:
    prompts.write_text(json.dumps({f"column {EVIL}": "Hello?"}) + "\n")
    result = cli("generate", "--prompts", prompts, "--out", "run", *SCRIPTED)
    assert result.returncode == 2
    assert "evil" in result.stderr
    assert not [character for character in STEERS if character in result.stderr]


# Projects and settings


@pytest.mark.parametrize("folder", ["project", "my project"])
def test_the_command_that_init_prints_works(tmp_path: Path, cli: Cli, folder: str) -> None:
    result = cli("init", folder)
    assert result.returncode == 0
    assert result.stdout.splitlines() == [
        f"{folder}/{name}" for name in ("constitution.yaml", "principles.yaml", "prompts.jsonl")
    ]
    printed = result.stderr.strip().removeprefix("Next: ")
    path = f"{PROGRAM.parent}:{os.environ['PATH']}"
    subprocess.run(
        f"{printed} --engine scripted", shell=True, check=True, cwd=tmp_path, env=os.environ | {"PATH": path}
    )
    status = cli("status", tmp_path / folder / "outputs" / "first", "--format", "json")
    assert json.loads(status.stdout)["counts"]["done"] == 10


@pytest.mark.parametrize("name", ["run", "my runs/first"])
def test_the_commands_that_generate_prints_work(tmp_path: Path, prompts: Path, cli: Cli, name: str) -> None:
    told = cli("generate", "--prompts", prompts, "--out", name, *SCRIPTED).stderr.splitlines()
    show, export = (line.partition(": ")[2].replace("DIR", "data") for line in told[-2:])
    path = f"{PROGRAM.parent}:{os.environ['PATH']}"
    for command, printed in ((show, "row row-00"), (export, "data/sft/train.jsonl")):
        result = subprocess.run(
            command, shell=True, cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, encoding="utf-8"
        )
        assert result.returncode == 0, result.stderr
        assert printed in result.stdout


def test_init_overwrites_nothing(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "prompts.jsonl").write_text("mine")
    refused(cli("init", "project"), 2, "prompts.jsonl: already there")
    assert [path.name for path in (tmp_path / "project").iterdir()] == ["prompts.jsonl"]
    assert (tmp_path / "project" / "prompts.jsonl").read_text() == "mine"


def test_init_below_a_file_is_refused(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "file").write_text("mine")
    for folder in ("file", "file/project"):
        refused(cli("init", folder), 2, f"{folder}: cannot be written")


def in_force(result: Finished) -> Any:
    assert result.returncode == 0, result.stderr
    return YAML(typ="safe").load(result.stdout)


def test_config_prints_what_flags_file_and_defaults_put_in_force(tmp_path: Path, cli: Cli) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("rounds: 4\nseed: 7\nprompts: mine.jsonl\n")
    settings = in_force(
        cli("config", "--config", file, "--rounds", 3, "--no-critique", "--column", "a", "--column", "b")
    )
    assert (settings["rounds"], settings["seed"], settings["max_tokens"]) == (3, 7, 256)
    assert (settings["prompts"], settings["critique"], settings["column"]) == ("mine.jsonl", False, ["a", "b"])
    assert set(settings) == set(constitution.Settings.model_fields)


def test_what_config_prints_is_a_config_file_that_says_the_same(tmp_path: Path, cli: Cli) -> None:
    flags = (
        "--prompts",
        "p q.jsonl",
        "--system-prompt",
        "Be: 'kind' #1\nand\ttrue",
        "--temperature",
        0,
        "--seed",
        2**40,
    )
    first = cli("config", *flags)
    (tmp_path / "printed.yaml").write_text(first.stdout)
    assert in_force(cli("config", "--config", "printed.yaml")) == in_force(first)
    assert in_force(first)["system_prompt"] == "Be: 'kind' #1\nand\ttrue"


def test_a_run_by_config_file_is_the_run_by_flags(tmp_path: Path, prompts: Path, cli: Cli, lines: Lines) -> None:
    flags = ("--prompts", prompts, *SCRIPTED, "--rounds", 1, "--seed", 3, "--limit", 2)
    (tmp_path / "mine.yaml").write_text(cli("config", *flags, "--out", "by-file").stdout)
    assert cli("generate", "--config", "mine.yaml").returncode == 0
    assert cli("generate", *flags, "--out", "by-flags").returncode == 0
    by_file, by_flags = (lines(tmp_path / name / "transcripts.jsonl") for name in ("by-file", "by-flags"))
    assert sorted(by_file, key=str) == sorted(by_flags, key=str)
    assert len(by_file) == 2


def test_config_schema_describes_every_setting(cli: Cli) -> None:
    schema = json.loads(cli("config", "--schema").stdout)
    assert set(schema["properties"]) == set(constitution.Settings.model_fields)
    assert all(described["description"] for described in schema["properties"].values())
    assert schema["required"] == ["prompts", "out"]
    assert schema["additionalProperties"] is False


# Wrong input


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", ["prompts.jsonl: no rows"]),
        (b"\n\n", ["prompts.jsonl: no rows"]),
        (b'{"prompt": "a"}\n{"prompt": \n{"prompt": "c"}\n', ["prompts.jsonl:2: not a JSON object"]),
        (b'{"prompt": "a"}\n["b"]\n', ["prompts.jsonl:2: not a JSON object"]),
        (b'{"question": "a", "answer": "b"}\n', ["prompts.jsonl:1: ", "there are: question, answer", "--column NAME"]),
        (b'{"prompt": "a"}\n{"prompt": "caf\xe9"}\n', ["prompts.jsonl:2: not UTF-8", "iconv"]),
        (b'{"prompt": 4}\n', ["prompts.jsonl:1: the prompt in 'prompt' is a number"]),
        (b'{"id": 1, "prompt": "a"}\n{"id": 1, "prompt": "b"}\n', ["prompts.jsonl:2: the id '1'", "--id-column"]),
        (b'{"id": "a\\ud800", "prompt": "a"}\n', ["prompts.jsonl:1: "]),
    ],
)
def test_a_broken_prompts_file_is_refused_with_its_line(
    tmp_path: Path, prompts: Path, cli: Cli, content: bytes, told: list[str]
) -> None:
    prompts.write_bytes(content)
    refused(cli("generate", "--prompts", prompts, "--out", "run", *SCRIPTED), 2, *told)
    assert not (tmp_path / "run").exists()


def test_a_column_that_is_not_there_is_refused_with_those_that_are(prompts: Path, cli: Cli) -> None:
    result = cli("generate", "--prompts", prompts, "--out", "run", *SCRIPTED, "--column", "question")
    refused(result, 2, "prompts.jsonl:1: no column 'question'; there are: id, prompt, topic")


def test_a_prompts_file_that_is_not_there_is_refused(cli: Cli) -> None:
    refused(cli("generate", "--prompts", "nothing.jsonl", "--out", "run", *SCRIPTED), 2, "nothing.jsonl: no such file")


def test_a_file_of_an_unknown_kind_is_refused_with_the_known_ones(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "prompts.json").write_text('[{"prompt": "a"}]')
    refused(cli("generate", "--prompts", "prompts.json", "--out", "run", *SCRIPTED), 2, "no reader for .json", "jq -c")


PRINCIPLE = "  - {id: a, critique_request: Is it bad?, revision_request: Make it good.%s}\n"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (PRINCIPLE % ", weight: heavy", "mine.yaml:5: principles.0.weight: "),
        (PRINCIPLE % ", weight: -1", "mine.yaml:5: principles.0.weight: "),
        (PRINCIPLE % ", wieght: 2", "mine.yaml:5: unknown key 'wieght'; did you mean 'weight'?"),
        (PRINCIPLE % "" + PRINCIPLE % "", "mine.yaml:6: the id 'a' is already used on line 5"),
        (
            "  - {id: a, critique_request: Is it bad?}\n",
            "mine.yaml:5: principles.0: the key 'revision_request' is missing",
        ),
        ("  - {id: a\n", "mine.yaml:"),
    ],
)
def test_a_broken_principles_file_is_refused_with_its_line(
    tmp_path: Path, prompts: Path, cli: Cli, body: str, told: str
) -> None:
    (tmp_path / "mine.yaml").write_text(f"name: mine\nversion: 1\ndescription: My own.\nprinciples:\n{body}")
    result = cli("generate", "--prompts", prompts, "--out", "run", *SCRIPTED, "--principles", "mine.yaml")
    refused(result, 2, told)


@pytest.mark.parametrize(
    ("flag", "value", "told"),
    [
        ("--principles", "harmlesness", "no principles called 'harmlesness'; did you mean 'harmlessness'?"),
        ("--principles", "nothing.yaml", "nothing.yaml: no such file"),
        ("--templates", "chatt", "no template set called 'chatt'; did you mean 'chat'?"),
        ("--engine", "scriptd", "no engine called 'scriptd'; did you mean 'scripted'?"),
        ("--config", "nothing.yaml", "nothing.yaml: no such file"),
        ("--rounds", "0", "--rounds: "),
        ("--temperature", "-1", "--temperature: "),
        ("--limit", "0", "--limit: "),
        ("--few-shots", "99", "--few-shots 2 or fewer"),
        ("--model", "nothing-rules.yaml", "nothing-rules.yaml: no such file"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_wrong(
    tmp_path: Path, prompts: Path, cli: Cli, flag: str, value: str, told: str
) -> None:
    args = {"--prompts": prompts, "--out": "run", "--engine": "scripted"} | {flag: value}
    refused(cli("generate", *(part for pair in args.items() for part in pair)), 2, told)


@pytest.mark.parametrize("missing", ["--prompts", "--out"])
def test_a_missing_setting_is_named(prompts: Path, cli: Cli, missing: str) -> None:
    given = {"--prompts": prompts, "--out": "run"}
    given.pop(missing)
    refused(cli("generate", *(part for pair in given.items() for part in pair)), 2, f"{missing} is missing")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prompts: p\nruonds: 2\n", "mine.yaml:2: unknown setting 'ruonds'; did you mean 'rounds'?"),
        ("prompts: p\nout: o\nrounds: many\n", "mine.yaml:3: rounds: "),
        ("- prompts\n", "mine.yaml:1: expected settings"),
        ("prompts: [\n", "mine.yaml:"),
    ],
)
def test_a_broken_config_file_is_refused_with_its_line(tmp_path: Path, cli: Cli, text: str, told: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    refused(cli("generate", "--config", "mine.yaml", "--prompts", "p", "--out", "o"), 2, told)


def test_more_rounds_than_principles_without_replacement_is_refused(tmp_path: Path, prompts: Path, cli: Cli) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\nversion: 1\ndescription: d\nprinciples:\n" + PRINCIPLE % "")
    args = ("--principles", "mine.yaml", "--no-replacement", "--rounds", 2)
    result = cli("generate", "--prompts", prompts, "--out", "run", *SCRIPTED, *args)
    refused(result, 2, "2 rounds without replacement", "Lower --rounds")


@pytest.mark.parametrize(
    "args",
    [
        ("generate", "--promts", "x"),
        ("generate", "--prompts", "x", "--out", "y", "--rounds", "many"),
        ("config", "--promts", "x"),
        ("show",),
        ("generat",),
    ],
)
def test_wrong_usage_exits_with_2_and_an_error_on_stderr(cli: Cli, args: Sequence[str]) -> None:
    result = cli(*args)
    assert result.returncode == 2
    assert result.stdout == ""
    assert "Error: " in result.stderr
    assert "Traceback" not in result.stderr


def test_a_mistyped_flag_is_answered_with_the_nearest(cli: Cli) -> None:
    result = cli("generate", "--promts", "x")
    assert "--promts" in result.stderr
    assert "--prompts" in result.stderr


# Models and folders


@pytest.mark.parametrize("model", ["./nothing", "nothing.gguf"])
def test_a_model_that_is_not_there_exits_with_3(prompts: Path, cli: Cli, model: str) -> None:
    refused(cli("generate", "--prompts", prompts, "--out", "run", "--model", model), 3, "nothing")


def test_a_folder_that_holds_no_model_exits_with_3(tmp_path: Path, prompts: Path, cli: Cli) -> None:
    (tmp_path / "empty").mkdir()
    refused(cli("generate", "--prompts", prompts, "--out", "run", "--model", tmp_path / "empty"), 3, "empty")


def test_a_run_folder_that_cannot_be_made_exits_with_4(tmp_path: Path, prompts: Path, cli: Cli) -> None:
    (tmp_path / "file").write_text("mine")
    for out in ("file", "file/run"):
        result = cli("generate", "--prompts", prompts, "--out", out, *SCRIPTED)
        refused(result, 4, f"{out}: cannot be written", "--out")


def test_a_run_made_by_other_settings_exits_with_4(prompts: Path, generated: Generated, cli: Cli) -> None:
    run = generated()
    result = cli("generate", "--prompts", prompts, "--out", run, *SCRIPTED, "--rounds", 4)
    refused(result, 4, "holds a run made by other settings", "rounds: 1 → 4", "--fork")


def test_failed_rows_exit_with_5(tmp_path: Path, prompts: Path, cli: Cli) -> None:
    (tmp_path / "rules.yaml").write_text("- when: 'number 3[?]'\n  error: the server hung up\n")
    result = cli(
        "generate", "--prompts", prompts, "--out", "run", *SCRIPTED, "--model", "rules.yaml", "--format", "json"
    )
    assert result.returncode == 5
    assert json.loads(result.stdout)["failures"] == {"CallError": 1}
    assert "1 row failed" in result.stderr


@pytest.mark.parametrize("to", ["file", "file/data"])
def test_an_export_that_cannot_be_written_exits_with_2(tmp_path: Path, generated: Generated, cli: Cli, to: str) -> None:
    (tmp_path / "file").write_text("mine")
    refused(cli("export", generated(), "--to", to), 2, f"{to}: ")


def test_an_export_of_nothing_exits_with_2(prompts: Path, generated: Generated, cli: Cli) -> None:
    prompts.write_text('{"prompt": ""}\n')
    refused(cli("export", generated(), "--to", "data"), 2, "nothing to export")


def test_a_run_that_was_moved_is_still_read(tmp_path: Path, generated: Generated, cli: Cli) -> None:
    shutil.move(generated(), tmp_path / "elsewhere")
    assert "12 done" in cli("status", tmp_path / "elsewhere").stdout


def test_doctor_tells_that_torch_is_missing_instead_of_failing() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from constitution.cli import main; sys.argv = ['c', 'doctor']; main()"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 3
    assert "pip install torch" in result.stdout
    assert "bundled model" in result.stdout
    assert "Traceback" not in result.stderr


def test_a_folder_called_as_a_shipped_template_set_changes_nothing(tmp_path: Path, prompts: Path) -> None:
    (tmp_path / "chat").mkdir()
    (tmp_path / "harmlessness").write_text("not principles")
    command = [str(PROGRAM), "generate", "--prompts", str(prompts), "--out", "run", *SCRIPTED]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0, result.stderr


def test_an_export_tells_what_is_cut_and_that_the_run_is_not_whole(cli: Cli, prompts: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("- when: 'number 3'\n  error: the server hung up\n")
    run = tmp_path / "run"
    args = ("--prompts", prompts, "--out", run, "--engine", "scripted", "--model", rules, "--max-tokens", 2)
    assert cli("generate", *args).returncode == 5
    result = cli("export", run, "--to", tmp_path / "data")
    assert "11 of these prompts have an answer cut at max_tokens" in result.stdout
    assert "12 rows = 11 done + 1 failed + 0 filtered + 0 pending" in result.stdout
    card = (tmp_path / "data" / "README.md").read_text()
    assert "cut at its limit of tokens: 11" in card
    assert "12 rows = 11 done + 1 failed + 0 filtered + 0 pending" in card


def test_status_of_an_unfinished_run_tells_the_calls_that_are_safe(cli: Cli, prompts: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert cli("generate", "--prompts", prompts, "--out", run, *SCRIPTED).returncode == 0
    (run / "transcripts.jsonl").write_text("")
    result = cli("status", run)
    assert "12 rows = 0 done + 0 failed + 0 filtered + 12 pending" in result.stdout
    assert "60 calls journalled" in result.stdout


@pytest.mark.parametrize(
    ("fork", "told"), [("run", "is the run itself"), ("./run/", "is the run itself"), ("run/sub", "lies in run")]
)
def test_a_fork_that_is_no_run_of_its_own_is_refused(cli: Cli, prompts: Path, fork: str, told: str) -> None:
    args = ("generate", "--prompts", prompts, "--out", "run", *SCRIPTED)
    assert cli(*args).returncode == 0
    refused(cli(*args, "--fork", fork), 2, told, "For example: --fork run-2")


def test_a_fork_is_gone_on_with_by_the_same_command(tmp_path: Path, cli: Cli, prompts: Path) -> None:
    args = ("generate", "--prompts", prompts, *SCRIPTED)
    assert cli(*args, "--out", "run", "--limit", 4).returncode == 0
    for _ in range(2):
        assert cli(*args, "--out", "run", "--fork", "more").returncode == 0
    assert cli(*args, "--out", "more").returncode == 0
    assert (tmp_path / "more" / "transcripts.jsonl").read_bytes().count(b"\n") == 12
    calls = [json.loads(line) for line in (tmp_path / "more" / "calls.jsonl").read_bytes().splitlines()]
    assert len({(call["row"], call["step"]) for call in calls}) == len(calls)


def test_generate_refuses_principles_that_are_for_a_judge_only(tmp_path: Path, prompts: Path, cli: Cli) -> None:
    (tmp_path / "judge.yaml").write_text(
        "name: j\nversion: 1\ndescription: d\nprinciples:\n  - {id: calm, comparison: Which is calmer?}\n"
    )
    result = cli("generate", "--prompts", prompts, "--out", "run", *SCRIPTED, "--principles", "judge.yaml")
    refused(result, 2, "judge.yaml: a model is asked each principle's `critique_request`", "have none: calm")
    assert not (tmp_path / "run").exists()
    shown = cli("principles", "show", "judge.yaml")
    assert shown.returncode == 0 and "Which is calmer?" in shown.stdout
