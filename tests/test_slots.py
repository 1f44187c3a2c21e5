"""Slots: what they hold, who gets one, and what happens where memory is short. Greedy answers are the library's."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from models import (
    QUESTIONS,
    THREAD,
    answer_all,
    engine_for,
    fitness_of,
    greedy_by_library,
    library_prompt,
    load_model,
    random_model,
    user,
)

import constitution.engines.transformers as package
from constitution.engines import open_engine
from constitution.engines.transformers import TransformersEngine, attention, batcher, memory
from constitution.engines.transformers.attention import Pass
from constitution.engines.transformers.encoding import Encoder
from constitution.engines.transformers.memory import Memory
from constitution.engines.transformers.model import LoadedModel
from constitution.engines.transformers.placing import by_length, place_for, worth_waiting_for
from constitution.engines.transformers.plain import PlainBatcher
from constitution.engines.transformers.slots import GROWTH, Slots
from constitution.errors import CallError, ConfigError
from constitution.model_settings import ModelSettings
from constitution.records import Choice, Completion, Message, Sampling

GREEDY = Sampling(max_tokens=16, temperature=0)
MIXED = [user(question) for question in [*QUESTIONS, "Tell me more. " * 12, "Why?", "One, two, three. " * 20]]


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load_model(str(random_model(tmp_path_factory.mktemp("llama"), "llama")), dtype="float32")


def expected(loaded: LoadedModel, conversations: Sequence[list[Message]]) -> list[str]:
    return [greedy_by_library(loaded, messages, GREEDY.max_tokens) for messages in conversations]


def texts(completions: Sequence[Completion]) -> list[str]:
    return [completion.text for completion in completions]


def watch_passes(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """How many tokens of each sequence every pass of a batcher computes, as they are made."""
    seen: list[list[int]] = []

    def watched(model: object, slots: Slots, made: Pass, ends: Sequence[int]) -> torch.Tensor:
        seen.append(torch.bincount(made.slots, minlength=slots.count).tolist())
        return forward(model, slots, made, ends)

    forward = batcher.forward
    monkeypatch.setattr(batcher, "forward", watched)
    return seen


# What slots hold


def filled(lengths: Sequence[int]) -> Slots:
    """Two layers of two heads of size 3; every number is one of a kind."""
    slots = Slots(len(lengths))
    slots.resize(len(lengths), max(lengths))
    places = [(slot, column) for slot, length in enumerate(lengths) for column in range(length)]
    slots.aim(*(torch.tensor(part) for part in zip(*places, strict=True)))
    for layer in range(2):
        keys = torch.arange(layer * 10_000, layer * 10_000 + 6 * len(places), dtype=torch.float32)
        slots.update(keys.view(1, 2, -1, 3), -keys.view(1, 2, -1, 3), layer)
    slots.tokens = [[100 * slot + column for column in range(length)] for slot, length in enumerate(lengths)]
    return slots


def contents(slots: Slots, slot: int, length: int) -> list[torch.Tensor]:
    """Keys and values of both layers of one slot, as `update` hands them out after a write to column 100 of slot 0."""
    slots.aim(torch.tensor([0]), torch.tensor([100]))
    nothing = torch.zeros(1, 2, 1, 3)
    return [buffer[slot, :, :length].clone() for layer in range(2) for buffer in slots.update(nothing, nothing, layer)]


def equal(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_each_token_is_written_into_its_own_column() -> None:
    keys, values, *_ = contents(filled([2, 3]), 1, 3)
    # Tokens 2, 3, 4 of the pass; the second head's come five tokens later.
    assert keys[:, :, 0].tolist() == [[6, 9, 12], [21, 24, 27]]
    assert torch.equal(values, -keys)


def test_another_order_moves_keys_values_and_tokens_together() -> None:
    lengths, order = [5, 0, 9, 2], [2, 0, 3, 1]
    slots = filled(lengths)
    before = [contents(slots, slot, lengths[slot]) for slot in range(4)]
    slots.reorder(order)
    for place, slot in enumerate(order):
        assert slots.tokens[place] == [100 * slot + column for column in range(lengths[slot])]
        assert equal(contents(slots, place, lengths[slot]), before[slot])


@pytest.mark.parametrize(("count", "columns"), [(3, GROWTH + 1), (5, 40), (2, 400)])
def test_another_size_keeps_what_the_first_slots_hold(count: int, columns: int) -> None:
    lengths = [5, 7, 9]
    slots = filled(lengths)
    before = [contents(slots, slot, lengths[slot]) for slot in range(3)]
    slots.resize(count, columns)
    assert (slots.count, len(slots.tokens)) == (count, count)
    assert slots.capacity >= columns
    for slot in range(min(count, 3)):
        assert len(slots.tokens[slot]) == lengths[slot]
        assert equal(contents(slots, slot, lengths[slot]), before[slot])
    # What is new is empty, and holds numbers.
    assert all(slots.tokens[slot] == [] for slot in range(3, count))
    assert not any(part.isnan().any() for slot in range(count) for part in contents(slots, slot, columns))


def test_a_copied_beginning_is_that_of_the_other_slot() -> None:
    slots = filled([8, 3])
    before = contents(slots, 0, 5)
    slots.copy_prefix(0, 1, 5)
    assert slots.tokens[1] == slots.tokens[0][:5]
    assert equal(contents(slots, 1, 5), before)


# Who gets one


def test_slots_of_like_length_become_neighbours_where_that_saves_reading() -> None:
    assert by_length([500, 10, 480, 12], block=2) == [0, 2, 3, 1]
    # Nearly in order, and idle slots, cost little.
    assert by_length([480, 500, 12, 10], block=2) is None
    assert by_length([500, 0, 480, 0], block=2) is None
    assert by_length([100, 90, 110, 95], block=2) is None


def test_a_prompt_waits_for_one_that_computes_what_both_share() -> None:
    shared = list(range(100))
    assert worth_waiting_for([*shared, 1, 2], 0, [[*shared, 7, 8]])
    assert worth_waiting_for([*shared, 1, 2], 60, [[*shared, 7, 8]])
    # Most of it is at hand, or it is no more than a few tokens.
    assert not worth_waiting_for([*shared, 1, 2], 90, [[*shared, 7, 8]])
    assert not worth_waiting_for([*shared[:20], 1, 2], 0, [[*shared, 7, 8]])
    assert not worth_waiting_for([*shared, 1, 2], 0, [])


def test_a_prompt_goes_where_most_of_it_is() -> None:
    held = [[1, 2, 3], [*range(1, 90)], [], [*range(1, 60)]]
    prompt = [*range(1, 80)]
    assert place_for(prompt, held, free=[2, 0, 1]) == (1, 1, 78)
    # From a busy slot it is copied where that saves much.
    assert place_for(prompt, held, free=[2, 0]) == (2, 1, 78)
    assert place_for(prompt, held, free=[2, 3]) == (3, 3, 59)
    # The last token is always computed, and the longest idle slot is taken if none helps.
    assert place_for([1, 2, 3], held, free=[2, 0]) == (0, 0, 2)
    assert place_for([9, 9, 9], held, free=[2, 0]) == (2, 2, 0)


def test_a_prompt_leaves_alone_what_others_may_go_on_with() -> None:
    preamble, long = [*range(40)], [*range(500)]
    assert place_for([*preamble, 900, 901], [long, [], [7]], free=[1, 2, 0]) == (1, 0, 40)
    # Where nothing else is free, or little of it is lost, its slot is taken over.
    assert place_for([*preamble, 900, 901], [long, [], [7]], free=[0]) == (0, 0, 40)
    assert place_for([*long[:300], 900], [long, [], [7]], free=[1, 2, 0]) == (0, 0, 300)


def test_requests_that_share_a_beginning_compute_it_once(llama: LoadedModel) -> None:
    rules = "Here are the rules of the house, which everyone keeps. " * 10
    asked = [user(f"{rules}{question}") for question in [*QUESTIONS, "Why?", "Who?"]]
    engine = engine_for(llama, 8)
    assert texts(answer_all(engine, asked, GREEDY)) == expected(llama, asked)
    shared = len(library_prompt(llama, user(rules))) - 20
    assert shared > 100
    assert engine.usage.reused_tokens >= 7 * shared
    # Without reuse, everything is computed, and comes out the same.
    without = engine_for(llama, 8, reuse=False)
    assert texts(answer_all(without, asked, GREEDY)) == expected(llama, asked)
    assert without.usage.reused_tokens == 0


# Passes


def test_a_prompt_longer_than_a_pass_is_computed_in_parts(llama: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(batcher.PASS_TOKENS, "cpu", 16)
    passes = watch_passes(monkeypatch)
    assert texts(answer_all(engine_for(llama, 3), MIXED, GREEDY)) == expected(llama, MIXED)
    assert max(map(sum, passes)) == 16
    # The sequences that are answering go on meanwhile.
    assert any(1 in made and max(made) > 1 for made in passes)


def test_a_lone_long_prompt_is_computed_in_parts(llama: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(batcher.PASS_TOKENS, "cpu", 16)
    assert texts(answer_all(engine_for(llama, 1), MIXED[-1:], GREEDY)) == expected(llama, MIXED[-1:])


def test_slots_that_change_places_go_on_as_before(llama: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batcher, "PASSES_BETWEEN_ORDERINGS", 1)
    monkeypatch.setitem(attention.BLOCK, "cpu", 2)
    orders = []

    def watched(lengths: Sequence[int], block: int) -> list[int] | None:
        orders.append(by_length(lengths, block))
        return orders[-1]

    monkeypatch.setattr(batcher, "by_length", watched)
    asked = [user("One, two, three. " * count) for count in (40, 1, 50, 2, 45, 3, 4, 55)]
    assert texts(answer_all(engine_for(llama, 6), asked, GREEDY)) == expected(llama, asked)
    assert any(orders)


def test_engines_on_one_thread_take_turns(llama: LoadedModel, tmp_path: Path) -> None:
    gpt2, mamba = (load_model(str(random_model(tmp_path / kind, kind)), dtype="float32") for kind in ("gpt2", "mamba"))
    plain = TransformersEngine(mamba, Encoder(mamba.tokenizer, None, "test"), PlainBatcher(mamba, 4, THREAD))
    engines = {llama: engine_for(llama, 3), gpt2: engine_for(gpt2, 2), mamba: plain}

    async def go() -> list[list[Completion]]:
        calls = (
            asyncio.gather(*(engine.generate(messages, GREEDY, 0) for messages in MIXED)) for engine in engines.values()
        )
        found = await asyncio.gather(*calls)
        for engine in engines.values():
            await engine.aclose()
        return [list(completions) for completions in found]

    for model, completions in zip(engines, asyncio.run(go()), strict=True):
        assert texts(completions) == expected(model, MIXED)


# Where memory is short


def test_more_slots_than_fit_are_refused_with_how_many_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = str(random_model(tmp_path / "m", "llama"))
    per_token = fitness_of(load_model(folder)).bytes_per_token
    monkeypatch.setattr(package, "free_memory", lambda *_: Memory(10 * 512 * per_token, per_token, "cpu"))
    with pytest.raises(ConfigError, match=r"^40 slots of 512 tokens need .* GB; cpu has .* keys and values: 10 fit"):
        asyncio.run(open_engine(ModelSettings(model=folder, slots=40)))
    # Left to itself, it takes as many as fit.
    passes = watch_passes(monkeypatch)
    asked = [user(f"{n} {question}") for n in range(4) for question in QUESTIONS]

    async def go() -> None:
        engine = await open_engine(ModelSettings(model=folder, concurrency=40))
        await asyncio.gather(*(engine.generate(messages, GREEDY, 0) for messages in asked))
        await engine.aclose()

    asyncio.run(go())
    assert max(sum(tokens > 0 for tokens in made) for made in passes) == 10


def test_two_models_do_not_count_on_the_same_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [str(random_model(tmp_path / name, "llama")) for name in ("one", "other")]
    per_token = fitness_of(load_model(folders[0])).bytes_per_token

    def free(device: torch.device, bytes_per_token: int, promised: int) -> Memory:
        return Memory(10 * 512 * per_token - promised, per_token, "cpu")

    monkeypatch.setattr(package, "free_memory", free)

    async def go() -> None:
        first = await open_engine(ModelSettings(model=folders[0], slots=6))
        with pytest.raises(ConfigError, match=r"^6 slots of .*: 4 fit"):
            await open_engine(ModelSettings(model=folders[1], slots=6))
        # What it holds is no longer free anyway; what it holds no more, is.
        await first.aclose()
        second = await open_engine(ModelSettings(model=folders[1], slots=6))
        await second.aclose()

    asyncio.run(go())


def test_a_container_s_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    before = memory.free_memory(torch.device("cpu"), 1).room
    (tmp_path / "memory.max").write_text("3000000\n", encoding="ascii")
    (tmp_path / "memory.current").write_text("2500000\n", encoding="ascii")
    (tmp_path / "memory.stat").write_text("anon 2000000\ninactive_file 500000\n", encoding="ascii")
    assert memory.free_memory(torch.device("cpu"), 1).room == int(1_000_000 * memory.SHARE["cpu"]) < before
    (tmp_path / "memory.max").write_text("max\n", encoding="ascii")
    assert memory.free_memory(torch.device("cpu"), 1).room > 1_000_000


def test_a_row_that_memory_cannot_hold_alone_fails_alone(llama: LoadedModel) -> None:
    async def go() -> list[object]:
        engine = engine_for(llama, 4, columns=300)
        calls = [engine.generate(messages, GREEDY, 0) for messages in [*MIXED[:3], user("word " * 320), *MIXED[3:6]]]
        found = await asyncio.gather(*calls, return_exceptions=True)
        await engine.aclose()
        return found

    found = asyncio.run(go())
    error = found.pop(3)
    assert type(error) is CallError
    assert "of keys and values; cpu has" in error.message
    assert texts(found) == expected(llama, MIXED[:6])


def test_slots_become_fewer_for_a_long_row_and_all_rows_still_answer_right(
    llama: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = watch_passes(monkeypatch)
    asked = [*MIXED[:7], user("word " * 300), *MIXED[7:]]
    assert texts(answer_all(engine_for(llama, 4, columns=700), asked, GREEDY)) == expected(llama, asked)
    slots = [len(made) for made in passes]
    assert max(slots) == 4
    assert min(slots) == 2


def test_choices_share_slots_with_answers(llama: LoadedModel) -> None:
    options = ["A", "B", "A stone fruit"]

    async def ask(engine: TransformersEngine, answers: bool) -> list[Choice]:
        choices = [engine.choose(messages, options, 0) for messages in MIXED]
        others = [engine.generate(messages, GREEDY, 0) for messages in MIXED] if answers else []
        found = await asyncio.gather(*choices, *others)
        await engine.aclose()
        assert texts(found[len(MIXED) :]) == (expected(llama, MIXED) if answers else [])
        return found[: len(MIXED)]

    alone = asyncio.run(ask(engine_for(llama, 1, reuse=False), answers=False))
    together = asyncio.run(ask(engine_for(llama, 4), answers=True))
    for one, other in zip(alone, together, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-3)
