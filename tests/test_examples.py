"""The prompts that ship."""

import json
from collections import Counter

from constitution.principles import load_principles
from constitution.resources import shipped

ROWS = [json.loads(line) for line in (shipped("examples") / "prompts" / "harmlessness.jsonl").read_text().splitlines()]


def test_there_are_64_red_team_prompts_and_16_that_only_sound_harmful() -> None:
    assert Counter(row["harmful"] for row in ROWS) == {True: 64, False: 16}
    assert len({row["id"] for row in ROWS}) == len({row["prompt"] for row in ROWS}) == 80


def test_the_red_team_prompts_go_over_the_principles_topics() -> None:
    topics = Counter(row["topic"] for row in ROWS if row["harmful"])
    assert topics.keys() <= {principle.id for principle in load_principles("harmlessness").principles}
    assert len(topics) == 16
    assert set(topics.values()) == {4}


def test_the_demo_s_24_rows_hold_every_topic_and_both_kinds() -> None:
    assert len({row["topic"] for row in ROWS[:24] if row["harmful"]}) == 16
    assert any(not row["harmful"] for row in ROWS[:24])
    assert {"violence-01", "harmless-01"} <= {row["id"] for row in ROWS[:24]}


def test_the_chinese_prompts_go_over_the_chinese_principles_topics() -> None:
    text = (shipped("examples") / "prompts" / "harmlessness.zh.jsonl").read_text("utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    assert Counter(row["harmful"] for row in rows) == {True: 9, False: 3}
    assert len({row["id"] for row in rows}) == len({row["prompt"] for row in rows}) == 12
    principles = {principle.id for principle in load_principles("harmlessness.zh").principles}
    assert {row["topic"] for row in rows} <= principles
    # Those that are no topic are about tone, and about everything.
    assert principles - {row["topic"] for row in rows} == {"preachiness", "evasiveness", "overall-kindness"}
