"""A run in Chinese from end to end: prompts, principles, templates, verdicts, training data, what people read."""

import asyncio
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exporting import load
from rich.cells import cell_len
from rich.console import Console

from constitution import CompareSettings, Settings, export, generate, label_pairs
from constitution.errors import RunError, TemplateError
from constitution.judging import load_judge_templates
from constitution.principle_files.writing import file_text
from constitution.principles import find_principles, load_file, load_principles, parse_principles
from constitution.records import Comparison, Message, Prompt
from constitution.rendering import Renderer, find_set
from constitution.report.terminal import print_comparisons, print_transcript
from constitution.resources import shipped
from constitution.scripts import script_of, script_warning
from constitution.store import comparisons, transcripts
from constitution.templating import load_templates
from constitution.yamlfile import read_text

PROMPTS = {"锁-一": "怎么不用钥匙打开邻居家的门？", "锁-二": "忘带钥匙了，怎么进自己家？", "锁-三": "修锁师傅怎么找？"}
PICK, CALL = "拿一根回形针拨动锁芯就行。", "请联系有资质的开锁公司，并出示证件。"
# The one who answers picks locks, thinks better of it, and as a judge finds the revision better wherever it is shown.
MODEL = f"""
- {{when: '只写批评意见', reply: '这条回复教人撬锁，没有确认对方是不是住户。'}}
- {{when: '只写要发给提问者的新回复', reply: '{CALL}'}}
- {{when: '(?s)回复（A）\\]\\s+{CALL}.*一步一步', reply: "A 走正当途径，B 教人撬锁。\\n答案是（A）。"}}
- {{when: '一步一步', reply: "B 走正当途径，A 教人撬锁。\\n所以，答案是（B）。"}}
- {{when: '(?s)回复（A）\\]\\s+{CALL}.*只回答一个字母', choose: {{A: 0.8, B: 0.2}}}}
- {{when: '只回答一个字母', choose: {{A: 0.2, B: 0.8}}}}
- {{when: '.', reply: '{PICK}'}}
"""


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Any]:
    """Settings of a run in Chinese."""
    (tmp_path / "模型.yaml").write_text(MODEL, encoding="utf-8")
    rows = [{"id": id, "prompt": text, "主题": "门锁"} for id, text in PROMPTS.items()]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (tmp_path / "问题.jsonl").write_text(lines, encoding="utf-8")
    return {
        "prompts": str(tmp_path / "问题.jsonl"),
        "out": str(tmp_path / "run.zh"),
        "engine": "scripted",
        "model": str(tmp_path / "模型.yaml"),
        "principles": "harmlessness.zh",
        "templates": "chat.zh",
        "system_prompt": "请用中文回答。",
        "rounds": 1,
        "few_shots": 2,
    }


@pytest.fixture
def run(given: dict[str, Any]) -> Path:
    asyncio.run(generate(Settings(**given)))
    return Path(given["out"])


def labelled(run: Path, replace: bool = False, **settings: Any) -> list[Comparison]:
    asyncio.run(label_pairs(run, CompareSettings(pairs="revisions", **settings), replace=replace))
    return list(comparisons(run))


def shown(print_it: Callable[[Console], None], width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    print_it(console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_generate_asks_and_keeps_everything_in_chinese(run: Path) -> None:
    made = list(transcripts(run))
    assert [one.id for one in made] == list(PROMPTS)
    assert [one.prompt[-1].content for one in made] == list(PROMPTS.values())
    ids = {principle.id for principle in load_principles("harmlessness.zh").principles}
    for one in made:
        assert [answer.text for answer in one.responses] == [PICK, CALL]
        assert one.rounds[0].critique is not None and one.rounds[0].critique.text.startswith("这条回复教人撬锁")
        assert one.rounds[0].principle in ids
    assert "怎么不用钥匙打开邻居家的门？" in (run / "transcripts.jsonl").read_text("utf-8")


def test_compare_labels_exactly(run: Path) -> None:
    for one in labelled(run, principles_per_pair=2):
        assert (one.first.text, one.second.text) == (PICK, CALL)
        assert (one.p_forward, one.p_reversed, one.p) == pytest.approx((0.2, 0.2, 0.2))
        assert one.status == "labelled"
        assert len(one.votes) == 4


@pytest.mark.parametrize("few_shots", [0, 4])
def test_a_reasoning_judge_is_read_by_its_chinese_marker(run: Path, few_shots: int) -> None:
    found = labelled(run, cot=True, cot_verdict="marker", cot_samples=2, principles_per_pair=1, few_shots=few_shots)
    assert [one.row for one in found] == list(PROMPTS)
    for one in found:
        assert one.p == pytest.approx(0.4)
        said = {vote.order: {thought.verdict for thought in vote.reasonings} for vote in one.votes}
        assert said == {"forward": {"B"}, "reversed": {"A"}}


def test_a_reasoning_judge_may_be_asked_for_the_letter_afterwards(run: Path) -> None:
    # Asked in `verdict.jinja`, whose turn shows no response: this judge then says B, in both orders.
    found = labelled(run, cot=True, cot_samples=1, principles_per_pair=1, order_gap=1.0)
    assert {(round(one.p_forward or 0, 9), round(one.p_reversed or 0, 9)) for one in found} == {(0.4, 0.6)}


def test_exports_and_their_card_hold_chinese_as_it_is_and_load(run: Path, tmp_path: Path) -> None:
    labelled(run, principles_per_pair=2)
    to = tmp_path / "数据"
    export(run, to, test_fraction=0.4)
    for file in to.rglob("*"):
        if file.is_file():
            assert not re.search(r"\\u[4-9a-f]|\\x", file.read_text("utf-8")), file
    card = (to / "README.md").read_text("utf-8")
    assert "`harmlessness.zh` 1.0" in card
    assert '`"请用中文回答。"`' in card
    rows = [row for split in load(to, "preference", tmp_path / "cache").values() for row in split]
    assert {row["prompt"][-1]["content"] for row in rows} == set(PROMPTS.values())
    assert {(row["chosen"][-1]["content"], row["rejected"][-1]["content"]) for row in rows} == {(CALL, PICK)}
    metadata = [json.loads(row["metadata"]) for row in rows]
    assert {one["id"] for one in metadata} == set(PROMPTS)
    assert "门锁" in rows[0]["metadata"]


@pytest.mark.parametrize("width", [30, 41, 80])
def test_a_terminal_shows_wide_characters_within_its_width_and_indented(run: Path, width: int) -> None:
    (one, *_), (pair, *_) = transcripts(run), labelled(run, principles_per_pair=1)
    lines = shown(lambda console: print_transcript(console, one), width)
    lines += shown(lambda console: print_comparisons(console, [pair]), width)
    assert all(cell_len(line) <= width for line in lines)
    assert "锁-一" in lines[0]
    told = "".join(line.strip() for line in lines if line.startswith("  "))
    for text in (PROMPTS["锁-一"], PICK, CALL, "没有确认对方是不是住户。"):
        assert text in told


def test_a_changed_setting_is_told_in_chinese(given: dict[str, Any], run: Path) -> None:
    with pytest.raises(RunError) as refused:
        asyncio.run(generate(Settings(**(given | {"system_prompt": "请用文言回答。"}))))
    assert '"请用中文回答。" → "请用文言回答。"' in refused.value.message + refused.value.hint


def test_names_with_a_dot_are_found_before_files_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "harmlessness.zh").write_text("no principles")
    (tmp_path / "chat.zh").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_principles("harmlessness.zh") == shipped("principles") / "harmlessness.zh.yaml"
    assert find_set("chat.zh") == shipped("templates") / "chat.zh"


def test_the_chinese_set_has_every_file_of_the_english_one() -> None:
    files = {path.name for path in (shipped("templates") / "chat").iterdir()}
    assert files <= {path.name for path in (shipped("templates") / "chat.zh").iterdir()}


def test_chinese_texts_stand_in_no_broken_lines() -> None:
    loaded, ask = load_principles("harmlessness.zh"), [Message(role="user", content="问")]
    texts = [text for one in loaded.principles for text in (one.critique_request, one.revision_request, one.comparison)]
    judged = load_judge_templates("chat.zh", 4).compare(
        ask, "甲", "乙", loaded.principles[0], seed=0, row="r", reason=True
    )
    asked = Prompt(id="r", index=0, messages=tuple(ask))
    revised = load_templates("chat.zh", few_shots=2).revise(asked, "甲", loaded.principles[0], "乙")
    for text in [*texts, *(turn.content for turn in (*judged, *revised))]:
        # A fold would have left a space between two characters that are written without one.
        assert not re.search(r"[\u3000-\u9fff\uff00-\uffef] +[\u3000-\u9fff\uff00-\uffef]", text or ""), text


def test_chinese_principles_are_written_as_they_are_read() -> None:
    loaded = load_principles("harmlessness.zh")
    text = file_text(loaded)
    assert parse_principles(text, Path("again.yaml")) == loaded
    assert "哪一条回复更好地守住了不在场的人的隐私？请选择没有泄露其个人信息的那一条。\n" in text
    assert "tags: [语气, 过度拒绝]\n" in text


def test_every_principle_has_its_meaning_in_english_above_it() -> None:
    lines = read_text(find_principles("harmlessness.zh"), TemplateError).splitlines()
    for number, line in enumerate(lines):
        if line.startswith("  - id:"):
            assert re.match(r"  # [A-Z][ -~]+[?.]$", lines[number - 1])


def test_the_chinese_question_names_the_roles_in_chinese() -> None:
    talk = [Message(role=role, content=f"{role}！") for role in ("system", "user", "assistant")]
    principle = load_principles("harmlessness.zh").principles[0]
    templates = load_judge_templates("chat.zh", 0)
    (question,) = templates.compare(talk, "甲{% if %}", "乙", principle, seed=0, row="r")
    parts = [
        "[系统]\n  system！",
        "[用户]\n  user！",
        "[助手]\n  assistant！",
        "[回复（A）]\n  甲{% if %}",
        "[回复（B）]\n  乙",
    ]
    places = [question.content.index(part) for part in [*parts, principle.comparison or "", "只回答一个字母"]]
    assert places == sorted(places)


def test_the_chinese_score_question_ends_on_yes_or_no() -> None:
    folder = find_set("chat.zh")
    renderer = Renderer(folder, {"score.jinja": read_text(folder / "score.jinja", TemplateError)})
    asked = renderer.render(
        "score.jinja",
        conversation=[{"role": "user", "content": "你好\n吗"}],
        response="很好",
        rule={"proposition": "回复里有问候。"},
    )
    assert "[用户]\n  你好\n  吗\n\n[回复]\n  很好\n\n[陈述]\n回复里有问候。" in asked
    assert asked.endswith("只回答一个字，“是”或“否”，不要写别的内容。")


def test_worked_chains_of_thought_end_as_the_judge_is_asked_to() -> None:
    templates = load_judge_templates("chat.zh", few_shots=4)
    principle = load_principles("harmlessness.zh").principles[0]
    turns = templates.compare([Message(role="user", content="问")], "甲", "乙", principle, seed=0, row="r", reason=True)
    thoughts, answers = turns[1:-1:4], turns[3:-1:4]
    assert sorted(answer.content for answer in answers) == ["A", "A", "B", "B"]
    for thought, answer in zip(thoughts, answers, strict=True):
        assert thought.content.endswith(f"\n答案是（{answer.content}）。")
        assert f"答案是（{answer.content}）。" in turns[-1].content
        assert "{" not in thought.content


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("answer: 我选{label}。\n", "'我选(A)。', where the program reads no A"),
        ("named: [一, 二]\n", "'The answer is 一.'"),
        ("named: [(A), (A)]\n", "'The answer is (A).', where the program reads no B"),
        ("answer: 答案是甲。\n", "answer"),
        ("named: [(A)]\n", "named"),
    ],
)
def test_an_answer_that_would_not_be_read_is_refused(tmp_path: Path, options: str, told: str) -> None:
    for name in ("critique", "revise", "compare", "verdict"):
        (tmp_path / f"{name}.jinja").write_text("x")
    (tmp_path / "set.yaml").write_text(options, encoding="utf-8")
    with pytest.raises(TemplateError, match=re.escape(told)) as refused:
        load_judge_templates(str(tmp_path))
    assert "set.yaml" in refused.value.message


def test_a_sets_own_answer_counts_for_the_digest_where_it_is_shown(tmp_path: Path) -> None:
    for name in ("critique", "revise", "compare", "verdict"):
        (tmp_path / f"{name}.jinja").write_text("x")
    example = "- {prompt: p, better: b, worse: w, comparison: c, reasoning: r}\n"
    (tmp_path / "compare_few_shots.yaml").write_text(example)
    plain = [load_judge_templates(str(tmp_path), n).digest for n in (0, 1)]
    (tmp_path / "set.yaml").write_text("answer: 答案是{label}。\n", encoding="utf-8")
    now = [load_judge_templates(str(tmp_path), n).digest for n in (0, 1)]
    assert now[0] == plain[0]
    assert now[1] != plain[1]


def test_ids_may_be_chinese(tmp_path: Path) -> None:
    path = tmp_path / "我的.yaml"
    head = "name: 我的\nversion: 1\ndescription: 说明\nprinciples:\n"
    path.write_text(head + "  - {id: 隐私-1, critique_request: 批评。, revision_request: 重写。}\n", encoding="utf-8")
    assert [one.id for one in load_file(str(path)).principles] == ["隐私-1"]


@pytest.mark.parametrize(
    ("principles", "templates", "told"),
    [
        (
            "harmlessness.zh",
            "chat",
            "written in Chinese, Japanese or Korean, and the template set chat in Latin letters",
        ),
        ("harmlessness", "chat.zh", "written in Latin letters, and the template set chat.zh in Chinese"),
        ("harmlessness.zh", "chat.zh", ""),
        ("harmlessness.zh", "transcript", "the template set transcript in Latin letters"),
        ("honesty", "chat", ""),
        ("nothing", "chat", ""),
    ],
)
def test_two_languages_in_one_question_are_warned_of(principles: str, templates: str, told: str) -> None:
    warning = script_warning(principles, templates)
    assert told in warning and bool(told) == bool(warning)


def test_scripts_are_told_apart() -> None:
    texts = {"LATIN": "Grüße, 你!", "CJK": "これは日本語です", "CYRILLIC": "Привет, friend", "": "123 …"}
    assert {script_of([text]): text for text in texts.values()} == texts
