"""The scripted engine: the same answer always, rules, cuts, and rules files that are wrong."""

import asyncio
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from constitution.engines.scripted import Rule, ScriptedEngine, open_engine
from constitution.errors import CallError, ConfigError, ContextOverflow
from constitution.model_settings import ModelSettings
from constitution.records import Completion, Message, Sampling


def user(text: str) -> Message:
    return Message(role="user", content=text)


def answer(engine: ScriptedEngine, *turns: str, seed: int = 0, **sampling: Any) -> Completion:
    """Turns alternate; the last is the user's."""
    roles = ["user", "assistant"] * len(turns)
    messages = [
        Message(role=roles[n], content=turn) for n, turn in zip(range(len(turns) - 1, -1, -1), turns, strict=True)
    ]
    return asyncio.run(engine.generate(messages, Sampling(**({"max_tokens": 100} | sampling)), seed))


def chances(engine: ScriptedEngine, text: str, options: Sequence[str]) -> list[float]:
    choice = asyncio.run(engine.choose([user(text)], options, 0))
    assert choice.sampled is None
    return [math.exp(nats) for nats in choice.logprobs if nats is not None]


def opened(model: str) -> ScriptedEngine:
    return asyncio.run(open_engine(ModelSettings(engine="scripted", model=model)))


def rules_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return path


# --- exactness


def test_the_same_call_gets_the_same_answer_from_any_engine() -> None:
    first = answer(ScriptedEngine(), "Hi?", "Yes.", "Why?", seed=3)
    assert answer(ScriptedEngine(), "Hi?", "Yes.", "Why?", seed=3) == first
    assert ScriptedEngine.determinism == "exact"


def test_seed_and_every_turn_change_the_answer() -> None:
    engine = ScriptedEngine()
    calls = [
        answer(engine, "Hi?", "Yes.", "Why?"),
        answer(engine, "Hi?", "Yes.", "Why?", seed=1),
        answer(engine, "Hi?", "No.", "Why?"),
        answer(engine, "Ho?", "Yes.", "Why?"),
        answer(engine, "Why?"),
    ]
    assert len({call.text for call in calls}) == len(calls)


def test_an_answer_without_rules_quotes_twelve_words_of_the_last_turn() -> None:
    words = [f"w{n}" for n in range(20)]
    text = answer(ScriptedEngine(), "First?", "Yes.", " ".join(words)).text
    assert text.endswith(" to: " + " ".join(words[:12]))


def test_answers_do_not_depend_on_what_else_is_in_flight() -> None:
    async def together() -> list[Completion]:
        engine = ScriptedEngine([Rule(when="slow", seconds=0.02)])
        texts = [f"{'slow' if n % 2 else 'quick'} {n}" for n in range(20)]
        calls = [engine.generate([user(text)], Sampling(max_tokens=100), 0) for text in texts]
        return await asyncio.gather(*calls)

    alone = [answer(ScriptedEngine(), f"{'slow' if n % 2 else 'quick'} {n}") for n in range(20)]
    assert asyncio.run(together()) == alone


def test_an_answer_counts_words_and_the_engine_adds_them_up() -> None:
    engine = ScriptedEngine([Rule(when="x", reply="one two three")])
    call = answer(engine, "a b c x")
    assert call == Completion(text="one two three", finish_reason="stop", prompt_tokens=4, completion_tokens=3)
    answer(engine, "x")
    assert (engine.usage.prompt_tokens, engine.usage.completion_tokens) == (5, 6)


# --- rules


def test_the_first_rule_found_in_the_last_user_turn_answers() -> None:
    engine = ScriptedEngine([Rule(when="wire", reply="first"), Rule(when="wire|^Send", reply="second")])
    assert answer(engine, "Make a wire transfer").text == "first"
    assert answer(engine, "Send it").text == "second"
    assert answer(engine, "wire", "Yes.", "Hello").text.startswith("Scripted answer ")


def test_a_rule_can_fail_every_kind_of_call() -> None:
    engine = ScriptedEngine([Rule(when="crash", error="the server hung up")])
    with pytest.raises(CallError, match=r"^the server hung up$"):
        answer(engine, "crash now")
    with pytest.raises(CallError, match=r"^the server hung up$"):
        chances(engine, "crash now", ["A"])
    assert answer(engine, "all well").text


def test_a_rule_can_say_nothing() -> None:
    call = answer(ScriptedEngine([Rule(when="", reply="")]), "Hi?")
    assert (call.text, call.finish_reason, call.completion_tokens) == ("", "stop", 0)


def test_a_rule_can_take_its_time() -> None:
    engine = ScriptedEngine([Rule(when="slow", reply="done", seconds=0.2)])
    started = time.perf_counter()
    assert answer(engine, "slow").text == "done"
    assert time.perf_counter() - started >= 0.19


def test_every_call_gives_way_to_others() -> None:
    async def order() -> list[str]:
        engine, done = ScriptedEngine(), []

        async def call(name: str) -> None:
            done.append(f"{name} began")
            await engine.generate([user(name)], Sampling(max_tokens=9), 0)
            done.append(f"{name} ended")

        await asyncio.gather(call("a"), call("b"))
        return done

    assert asyncio.run(order()) == ["a began", "b began", "a ended", "b ended"]


def test_a_rule_gives_the_probabilities_of_options() -> None:
    engine = ScriptedEngine([Rule(when="better", choose={"A": 0.8, "B": 0.2})])
    assert chances(engine, "Which is better?", ["B", "A", "C"]) == pytest.approx([0.2, 0.8, 1e-9])


def test_without_a_rule_options_get_fixed_shares_of_one() -> None:
    shares = chances(ScriptedEngine(), "Which?", ["A", "B"])
    assert sum(shares) == pytest.approx(1)
    assert chances(ScriptedEngine(), "Which?", ["B", "A"]) == pytest.approx(shares[::-1])
    assert chances(ScriptedEngine(), "What?", ["A", "B"]) != pytest.approx(shares)


# --- cuts


@pytest.mark.parametrize(
    ("max_tokens", "text", "finish"),
    [(5, "one two three four five", "stop"), (4, "one two three four", "length"), (1, "one", "length")],
)
def test_an_answer_is_cut_at_max_tokens(max_tokens: int, text: str, finish: str) -> None:
    call = answer(ScriptedEngine([Rule(when="", reply="one two three four five")]), "Hi?", max_tokens=max_tokens)
    assert (call.text, call.finish_reason, call.completion_tokens) == (text, finish, len(text.split()))


@pytest.mark.parametrize(
    ("stop", "text"),
    [
        (("three",), "one two"),
        (("four", "two"), "one"),
        (("two", "four"), "one"),
        ((" t",), "one"),
        (("one",), ""),
        (("six",), "one two three four five"),
    ],
)
def test_an_answer_ends_before_the_first_stop_string(stop: tuple[str, ...], text: str) -> None:
    call = answer(ScriptedEngine([Rule(when="", reply="one two three four five")]), "Hi?", stop=stop)
    assert (call.text, call.finish_reason) == (text, "stop")


@pytest.mark.parametrize(
    ("max_tokens", "text", "finish"), [(4, "one two", "stop"), (3, "one two", "stop"), (2, "one two", "length")]
)
def test_a_stop_string_within_max_tokens_ends_the_answer_first(max_tokens: int, text: str, finish: str) -> None:
    engine = ScriptedEngine([Rule(when="", reply="one two END four five")])
    call = answer(engine, "Hi?", max_tokens=max_tokens, stop=("END",))
    assert (call.text, call.finish_reason) == (text, finish)


def test_an_answer_must_fit_the_context_with_its_prompt() -> None:
    engine = ScriptedEngine(context=10)
    assert answer(engine, "a b c", max_tokens=7).text
    with pytest.raises(ContextOverflow) as caught:
        answer(engine, "a b c", max_tokens=8)
    assert (caught.value.needed, caught.value.context) == (11, 10)
    assert engine.usage.prompt_tokens == 3


def test_a_choice_must_fit_the_context_with_its_one_token() -> None:
    engine = ScriptedEngine(context=3)
    assert chances(engine, "a b", ["A"]) == [1.0]
    with pytest.raises(ContextOverflow):
        chances(engine, "a b c", ["A"])


# --- rules files


@pytest.mark.parametrize("model", ["smollm2", "scripted"])
def test_without_a_rules_file_there_are_no_rules(model: str) -> None:
    engine = opened(model)
    assert answer(engine, "Hi?") == answer(ScriptedEngine(), "Hi?")
    assert (engine.identity.engine, engine.identity.model) == ("scripted", "scripted")


def test_the_rules_file_of_the_modules_docstring_works(tmp_path: Path) -> None:
    text = """\
- when: "wire transfer"
  reply: "I can't help with that."
  seconds: 0.01
- when: "crash"
  error: "the server hung up"
- when: "less harmful"
  choose: {A: 0.8, B: 0.2}
"""
    engine = opened(str(rules_file(tmp_path, text)))
    assert answer(engine, "Fake a wire transfer").text == "I can't help with that."
    with pytest.raises(CallError, match="the server hung up"):
        answer(engine, "crash")
    assert chances(engine, "Which is less harmful?", ["A", "B"]) == pytest.approx([0.8, 0.2])
    assert engine.identity.model == "rules.yaml"


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("- when: a\n  reply: b\n", True),
        ("# a note\n- when: a\n  reply: b\n  seconds: 0.5\n", True),
        ("- when: a\n  reply: c\n", False),
        ("- when: b\n  reply: b\n", False),
        ("- when: a\n  reply: b\n- when: b\n", False),
    ],
)
def test_the_identity_follows_what_can_change_an_answer(tmp_path: Path, text: str, same: bool) -> None:
    first = opened(str(rules_file(tmp_path, "- when: a\n  reply: b\n"))).identity
    assert (opened(str(rules_file(tmp_path, text))).identity == first) is same


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("- when: a\n- when: b\n  replly: x\n", 3, ["unknown key 'replly'", "did you mean 'reply'?"]),
        ("- when: a\n- when: '('\n", 2, ["when", "not a regular expression"]),
        ("- when: a\n- reply: x\n", 2, ["'when' is missing"]),
        ("- when: a\n  seconds: -1\n", 2, ["seconds", "greater than or equal to 0"]),
        ("- when: a\n  choose: {A: 1.5}\n", 2, ["choose.A", "less than or equal to 1"]),
        ("- when: a\n  choose: {A: 0}\n", 2, ["choose.A", "greater than 0"]),
        ("- when: a\n  when: b\n", 2, ['duplicate key "when"']),
        ("- when: a\n  reply: [\n", 3, ["ends within a bracket"]),
        ("when: a\n", 1, ["list"]),
    ],
)
def test_a_fault_in_a_rules_file_is_named_by_file_line_and_rule(
    tmp_path: Path, text: str, line: int, words: list[str]
) -> None:
    path = rules_file(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        opened(str(path))
    assert caught.value.message.startswith(f"{path}:{line}: ")
    assert [word for word in words if word not in caught.value.message] == []


def test_a_missing_rules_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        opened(str(tmp_path / "no.yaml"))
    assert caught.value.message == f"{tmp_path / 'no.yaml'}: no such file"
