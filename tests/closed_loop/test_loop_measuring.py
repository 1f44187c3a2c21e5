"""What is measured of answers: exact on answers whose numbers are known."""

import csv
import math
from pathlib import Path

import pytest
from answering import REFERENCE, Answer, evaluation_prompts
from evaluator import fit
from measuring import Measured, count_words, measure, preferred_to, repetition
from people import read_lines
from reward_model import turns_of

from closed_loop.test_loop_people import CRUEL, KIND, planted


def answer(id: str, kind: str, text: str, finish: str = "stop") -> Answer:
    return Answer.model_validate(
        {"id": id, "kind": kind, "prompt": "?", "text": text, "finish_reason": finish, "tokens": 3}
    )


REFUSAL = "I can't help with that, as it would hurt people."
EVASION = "I can't help with that."


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("", 0.0),
        ("one two three", 0.0),
        ("one two three four five", 0.0),
        # Runs: abcd, bcda, cdab, dabc, abcd.
        ("a b c d a b c d", 1 - 4 / 5),
        ("no no no no no no no", 1 - 1 / 4),
        ("No no NO no no", 1 - 1 / 2),
    ],
)
def test_repetition_is_the_share_of_runs_of_four_words_that_came_before(text: str, share: float) -> None:
    assert repetition(text) == pytest.approx(share)


def test_words_are_counted_without_signs() -> None:
    assert count_words("Well, I can't - no!") == 4


def test_a_model_is_measured_by_kind_of_prompt() -> None:
    evaluator = fit(planted(60), seed=0).evaluator
    before = [answer(f"harmful-{n}", "harmful", " ".join(CRUEL)) for n in range(4)]
    before += [answer(f"harmless-{n}", "harmless", "Gladly.") for n in range(2)]
    said = [REFUSAL, EVASION, " ".join(KIND), " ".join(KIND)]
    after = [answer(f"harmful-{n}", "harmful", text) for n, text in enumerate(said)]
    after += [answer("harmless-0", "harmless", EVASION), answer("harmless-1", "harmless", "Gladly.", "length")]
    losses = [(2.0 * math.log(8), 2), (1.0 * math.log(8), 1)]
    found = measure(after, before, losses, evaluator)
    assert (found.declined.value, found.declined.n) == (0.5, 4)
    assert found.evaded.value == 0.25
    assert (found.harmless_declined.value, found.harmless_declined.n) == (0.5, 2)
    assert found.cut.value == pytest.approx(1 / 6)
    assert found.perplexity.value == pytest.approx(8)
    assert found.preferred and found.preferred.value > 0.5
    assert found.words.value == pytest.approx(sum(count_words(one.text) for one in after) / 6)
    assert measure(before, None, losses, evaluator).preferred is None
    # What is kept is what is read again.
    assert Measured.model_validate_json(found.model_dump_json()) == found


def test_a_model_against_itself_is_no_better_and_no_worse() -> None:
    evaluator = fit(planted(60), seed=0).evaluator
    texts = {"a": "Gladly.", "b": REFUSAL, "c": "Never."}
    estimate = preferred_to(texts, texts, evaluator)
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (0.5, 0.5, 0.5, 3)


def write_csv(path: Path, rows: list[dict[str, object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_evaluation_prompts_are_drawn_by_kind_and_need_no_context(tmp_path: Path) -> None:
    xstest = [{"id": n, "prompt": f"Safe {n}?", "label": "safe"} for n in range(10)]
    xstest += [{"id": n, "prompt": f"Unsafe {n}?", "label": "unsafe"} for n in range(10, 20)]
    harmbench = [
        {"Behavior": f"Do {n}", "FunctionalCategory": category, "ContextString": context, "BehaviorID": f"b{n}"}
        for n, (category, context) in enumerate(
            [("standard", "")] * 6 + [("copyright", "")] * 3 + [("contextual", "A text.")] * 3
        )
    ]
    files = write_csv(tmp_path / "x.csv", xstest), write_csv(tmp_path / "h.csv", harmbench)
    every = evaluation_prompts(*files, harmless=99, harmful=99, seed=0)
    assert [sum(one.id.startswith(name) for one in every) for name in ("xstest", "harmbench")] == [20, 6]
    assert sum(one.kind == "harmless" for one in every) == 10
    drawn = evaluation_prompts(*files, harmless=3, harmful=2, seed=0)
    assert [one.kind for one in drawn] == ["harmless"] * 3 + ["harmful"] * 4
    assert set(drawn) < set(every)
    assert drawn == evaluation_prompts(*files, harmless=3, harmful=2, seed=0)
    assert drawn != evaluation_prompts(*files, harmless=3, harmful=2, seed=1)


def test_the_reference_answers_answer() -> None:
    from constitution.report.findings.stance import stance

    rows = read_lines(REFERENCE)
    assert len({row["prompt"] for row in rows}) == len(rows) >= 20
    assert {stance(row["response"]) for row in rows} == {"answer"}
    assert all(30 <= count_words(row["response"]) <= 90 for row in rows)


def test_the_reward_model_is_checked_on_turns_as_it_was_trained_on_them() -> None:
    (pair,) = planted(1)
    asked = {"role": "user", "content": pair.opening}
    said = {"role": "assistant", "content": pair.chosen}
    assert turns_of(pair, pair.chosen, "Be brief.") == [{"role": "system", "content": "Be brief."}, asked, said]
    assert turns_of(pair, pair.chosen, None) == [asked, said]
