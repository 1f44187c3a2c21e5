"""What a server's answers need said of them: control strings in what it was sent, and votes by sampled answers."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exporting import compared, judged, many, origin, rows, stored
from plugging import plug, put_on_path

from constitution import export
from constitution.config import CompareSettings
from constitution.exports import Exported
from constitution.manifest import load_manifest
from constitution.model_settings import Role
from constitution.report.audit import audit
from constitution.report.audit_lines import audit_lines
from constitution.report.labels import summarise_labels
from constitution.report.summary import summarise
from constitution.store import comparisons

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Generated = Callable[..., Path]

# A third party's engine that answers like a server: it finds "<|im_end|>" in what it is sent, and judges by votes.
SERVER = """
from constitution.engines.scripted import ScriptedEngine


class Server(ScriptedEngine):
    def __init__(self, settings):
        super().__init__(name=settings.model)
        self.votes = settings.votes

    async def generate(self, messages, sampling, seed):
        found = sum(message.content.count("<|im_end|>") for message in messages)
        answer = await super().generate(messages, sampling, seed)
        return answer.model_copy(update={"text": "Fine. " + str(seed), "control_strings": found})

    async def choose(self, messages, options, seed):
        found = sum(message.content.count("<|im_end|>") for message in messages)
        choice = await super().choose(messages, options, seed)
        return choice.model_copy(update={"sampled": self.votes, "control_strings": found})


async def check_model(settings):
    pass


async def open_engine(settings, chat_template=None):
    return Server(settings)
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Settings of a run on that engine, two of whose twelve prompts hold a control string; one round."""
    plug(tmp_path / "site", "server", SERVER)
    put_on_path(tmp_path / "site", monkeypatch)
    path = tmp_path / "controlled.jsonl"
    prompts = [f"Number {n}?" + " <|im_end|>" * (n in (3, 4)) for n in range(12)]
    path.write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in prompts), encoding="utf-8")
    return {"prompts": str(path), "engine": "server", "model": "m"}


# --- control strings


def test_control_strings_are_counted_in_all_calls_of_either_stage(generated: Generated, server: dict[str, Any]) -> None:
    run = generated(**server, compare=CompareSettings(pairs="revisions", principles_per_pair=2, few_shots=0))
    # Two prompts, each in the request for the response, the critique and the revision.
    summary = summarise(run)
    assert (summary.control_strings, summary.control_tokens) == (2 * 3, ("escape",))
    # And in each of four questions to the judge.
    labels = summarise_labels(run)
    assert (labels.control_strings, labels.control_tokens) == (2 * 4, ("escape",))


def test_control_strings_of_unfinished_rows_count_too(generated: Generated, server: dict[str, Any]) -> None:
    run = generated(**server)
    (run / "transcripts.jsonl").write_text("")
    assert summarise(run).control_strings == 6


@pytest.mark.parametrize(
    ("settings", "treated"),
    [
        ({}, ("escape",)),
        ({"control_tokens": "keep"}, ("keep",)),
        ({"control_tokens": "keep", "critic": "other"}, ("keep",)),
        ({"critic": Role(model="other", control_tokens="keep")}, ("escape", "keep")),
        # Its name is there, but no critique was asked for.
        ({"critic": Role(model="other", control_tokens="keep"), "critique": False}, ("escape",)),
    ],
)
def test_what_was_done_about_them_is_what_each_model_was_set_to(
    generated: Generated, server: dict[str, Any], settings: dict[str, Any], treated: tuple[str, ...]
) -> None:
    assert summarise(generated(**server, **settings)).control_tokens == treated


@pytest.mark.parametrize(
    ("judge", "treated"),
    [(None, ("keep",)), ("other", ("keep",)), (Role(model="other", control_tokens="escape"), ("escape",))],
)
def test_a_judge_may_be_set_to_something_else(
    generated: Generated, server: dict[str, Any], judge: Any, treated: tuple[str, ...]
) -> None:
    comparing = CompareSettings(pairs="revisions", judge=judge, principles_per_pair=1)
    run = generated(**server, control_tokens="keep", compare=comparing)
    assert summarise(run).control_tokens == ("keep",)
    assert summarise_labels(run).control_tokens == treated


def test_control_strings_are_told_on_the_terminal_and_in_json_if_there_are_any(
    generated: Generated, cli: Cli, server: dict[str, Any], prompts: Path
) -> None:
    run = generated(**server, control_tokens="keep")
    told = "6 control strings in texts for a server, sent as they are: a server may read them as control tokens"
    assert f"  {told} (--control-tokens keep)\n" in cli("status", run).stdout
    assert json.loads((run / "summary.json").read_text())["control_strings"] == 6
    clean = generated("clean", **server | {"prompts": str(prompts)})
    found = json.loads(cli("status", clean, "--format", "json").stdout)
    assert (found["control_strings"], found["control_tokens"]) == (0, [])
    assert "control string" not in cli("status", clean).stdout


# --- votes by sampled answers


def test_labels_by_sampled_answers_say_so_wherever_they_are_shown(
    generated: Generated, cli: Cli, server: dict[str, Any], tmp_path: Path
) -> None:
    comparing = CompareSettings(principles_per_pair=1, order_gap=1.0, tie=0.0)
    run = generated(**server, votes=5, compare=comparing)
    assert {one.sampled for one in comparisons(run)} == {5}
    assert summarise_labels(run).sampled == {5: 12}
    told = "12 comparisons by sampled answers, 5 answers a vote: the judge told no log-probabilities"
    assert told in cli("status", run).stdout
    shares = "comparisons whose votes are shares of sampled answers, not log-probabilities: 12 (answers a vote: 5)"
    assert shares in cli("audit", run).stdout
    assert "each the share of 5 sampled answers" in cli("show", run).stdout
    export(run, tmp_path / "data", test_fraction=0, include="tie,inconsistent")
    card = (tmp_path / "data" / "README.md").read_text(encoding="utf-8")
    assert "- comparisons whose votes are shares of sampled answers, as the judge told no log-probabilities: 12" in card
    assert f"- {shares}" in card
    assert {origin(row)["sampled"] for row in rows(tmp_path / "data", "preference")} == {5}
    assert {origin(row)["sampled"] for row in rows(tmp_path / "data", "kto")} == {5}


def test_labels_by_log_probabilities_say_nothing_of_samples(generated: Generated, cli: Cli, tmp_path: Path) -> None:
    run = generated(compare=CompareSettings(principles_per_pair=1, order_gap=1.0, tie=0.0))
    assert summarise_labels(run).sampled == audit(comparisons(run)).sampled == {}
    for command in ("status", "audit", "show"):
        assert "sampled answer" not in cli(command, run).stdout
    export(run, tmp_path / "data", test_fraction=0)
    assert "sampled answers" not in (tmp_path / "data" / "README.md").read_text(encoding="utf-8")
    assert not any("sampled" in origin(row) for row in rows(tmp_path / "data", "preference"))


def test_labels_of_both_kinds_are_told_apart() -> None:
    made = compared(30)
    mixed = [one.model_copy(update={"sampled": (None, 8, 32)[one.index % 3]}) for one in made]
    lines = audit_lines(audit(mixed, [mixed[1]]))
    assert [line.split(": ", 1)[1] for line in lines if "sampled" in line] == [
        "11 (answers a vote: 8)",
        "10 (answers a vote: 32)",
    ]


# --- what a card tells, and what it must not


def exported(run: Path, to: Path) -> str:
    made: Exported = export(run, to, test_fraction=0)
    assert made.rows
    return (to / "README.md").read_text(encoding="utf-8")


def test_the_card_tells_who_wrote_the_critiques_and_how_was_sampled(generated: Generated, tmp_path: Path) -> None:
    critic = tmp_path / "critic.yaml"
    critic.write_text("- {when: 'critique', reply: Bad.}\n")
    card = exported(generated(critic=str(critic), top_k=40, min_p=0.05), tmp_path / "data")
    revision = load_manifest(tmp_path / "run").affecting["critic (identity)"]["revision"]
    assert f"critiques by another model: `critic.yaml`, revision `{revision}`" in card
    assert "sampling: temperature 0.7, top-p 1.0, top-k 40, min-p 0.05, at most 256 tokens, seed 0" in card
    plain = exported(generated("plain"), tmp_path / "plain-data")
    assert "critiques by" not in plain
    assert "sampling: temperature 0.7, top-p 1.0, at most 256 tokens, seed 0" in plain


def test_the_card_names_no_address_of_a_server(tmp_path: Path) -> None:
    settings = CompareSettings(principles="p.yaml", base_url="http://intranet:8000/v1", slots=3, judge="openai:j")
    run = judged(stored(tmp_path / "run", many(4)), compared(4))
    manifest = json.loads((run / "compare.json").read_text())
    (run / "compare.json").write_text(json.dumps(manifest | {"settings": settings.model_dump(mode="json")}))
    card = exported(run, tmp_path / "data")
    assert "intranet" not in card and "slots" not in card
    assert "principles_per_pair 4" in card
