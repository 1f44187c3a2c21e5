"""Models that slots cannot run go through `model.generate`; the library's own answers are the reference."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from models import (
    PLAIN_CONFIGS,
    QUESTIONS,
    THREAD,
    answer_all,
    fitness_of,
    greedy_by_library,
    load_model,
    log_chances,
    random_model,
    user,
)

from constitution.engines import open_engine
from constitution.engines.transformers import TransformersEngine
from constitution.engines.transformers.encoding import Encoder
from constitution.engines.transformers.model import LoadedModel
from constitution.engines.transformers.plain import PlainBatcher
from constitution.errors import ConfigError, ContextOverflow, ModelError
from constitution.model_settings import ModelSettings
from constitution.records import Choice, Completion, Sampling
from constitution.templating import load_templates

TRANSCRIPT = load_templates("transcript").chat_template
GREEDY = Sampling(max_tokens=12, temperature=0)
# Two of them equally long, the others not.
ASKED = [*QUESTIONS, "Ho"]
Loaded = Callable[[str], LoadedModel]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """Random models by kind, in float32."""
    known: dict[str, LoadedModel] = {}

    def load(kind: str) -> LoadedModel:
        if kind not in known:
            known[kind] = load_model(str(random_model(tmp_path_factory.mktemp(kind), kind)), dtype="float32")
        return known[kind]

    return load


def encoder_of(loaded: LoadedModel) -> Encoder:
    return Encoder(loaded.tokenizer, TRANSCRIPT, "test")


def plain_engine(loaded: LoadedModel, count: int = 4) -> TransformersEngine:
    return TransformersEngine(loaded, encoder_of(loaded), PlainBatcher(loaded, count, THREAD))


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("bloom", "ALiBi"),
        ("mamba", "layers of the kind linear_attention"),
        ("jamba", "layers of the kind linear_attention"),
        ("recurrent_gemma", "layers of the kind linear_attention"),
        ("rwkv", "recurrent"),
        ("phi3-long", "longrope"),
        ("t5", "encoder-decoder"),
        ("bart", "encoder-decoder"),
    ],
)
def test_the_slots_refuse_a_model_that_they_cannot_run_with_the_reason(loaded: Loaded, kind: str, reason: str) -> None:
    assert reason in fitness_of(loaded(kind)).reason


@pytest.mark.parametrize("kind", sorted(PLAIN_CONFIGS))
def test_greedy_answers_are_those_of_model_generate(loaded: Loaded, kind: str) -> None:
    model = loaded(kind)
    together = answer_all(plain_engine(model), [user(question) for question in ASKED], GREEDY)
    alone = [answer_all(plain_engine(model, 1), [user(question)], GREEDY)[0] for question in ASKED[:2]]
    prompts = [encoder_of(model).encode(user(question)) for question in ASKED]
    expected = [greedy_by_library(model, prompt, 12) for prompt in prompts]
    assert [completion.text for completion in together] == expected
    assert alone == together[:2]
    assert [completion.prompt_tokens for completion in together] == [len(prompt) for prompt in prompts]
    assert len(set(expected)) > 1


def test_slots_that_do_not_fit_are_refused_here_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("constitution.engines.transformers.memory.SHARE", {"cpu": 1e-6})
    settings = ModelSettings(model=str(random_model(tmp_path, "mamba")), slots=100_000)
    with pytest.raises(ConfigError, match=r"100000 slots of .* fit"):
        asyncio.run(open_engine(settings))


def test_requests_made_together_run_together(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    model = loaded("mamba")
    engine = plain_engine(model, 8)
    batches = []
    generate = model.model.generate

    def watched(ids: torch.Tensor, **options: object) -> torch.Tensor:
        batches.append(len(ids))
        return generate(ids, **options)

    monkeypatch.setattr(model.model, "generate", watched)
    answer_all(engine, [user(question) for question in ASKED], GREEDY)
    # What comes first looks whether rows may be padded.
    assert batches[-1] == len(ASKED)
    assert engine.usage.completion_tokens == 12 * len(ASKED)


@pytest.mark.parametrize("kind", ["mamba", "t5"])
def test_a_seed_gives_the_same_answer_in_any_company(loaded: Loaded, kind: str) -> None:
    sampling = Sampling(max_tokens=12, temperature=0.9, top_p=0.95, top_k=40, min_p=0.01)
    alone = answer_all(plain_engine(loaded(kind), 1), [user(QUESTIONS[0])], sampling, seed=7)[0]
    together = answer_all(plain_engine(loaded(kind), 6), [user(question) for question in QUESTIONS], sampling, seed=7)
    other = answer_all(plain_engine(loaded(kind), 1), [user(QUESTIONS[0])], sampling, seed=8)[0]
    assert alone == together[0]
    assert alone.text != other.text


@pytest.mark.parametrize("kind", ["bloom", "bart"])
def test_each_row_has_its_own_limit_and_stop_strings(loaded: Loaded, kind: str) -> None:
    model = loaded(kind)
    whole = greedy_by_library(model, encoder_of(model).encode(user(QUESTIONS[0])), 20)
    stop = whole[len(whole) // 2 :][:5]
    settings = [
        Sampling(max_tokens=20, temperature=0, stop=(stop,)),
        Sampling(max_tokens=3, temperature=0),
        Sampling(max_tokens=20, temperature=0),
    ]

    async def go() -> list[Completion]:
        engine = plain_engine(model)
        found = await asyncio.gather(*(engine.generate(user(QUESTIONS[0]), each, 0) for each in settings))
        await engine.aclose()
        return list(found)

    stopped, short, full = asyncio.run(go())
    assert (stopped.text, stopped.finish_reason) == (whole.split(stop)[0].strip(), "stop")
    assert stopped.completion_tokens < 20
    assert (short.finish_reason, short.completion_tokens) == ("length", 3)
    assert full.text == whole


@pytest.mark.parametrize("kind", ["bloom", "mamba", "rwkv", "t5", "bart"])
def test_choose_reads_the_log_probabilities_of_the_options(loaded: Loaded, kind: str) -> None:
    model = loaded(kind)
    options = [" A", " B", " A stone", " A stone fruit", " A bone"]
    questions = QUESTIONS[:3]

    async def go() -> list[Choice]:
        engine = plain_engine(model)
        found = await asyncio.gather(*(engine.choose(user(question), options, 0) for question in questions))
        await engine.aclose()
        return list(found)

    encoder = encoder_of(model)
    targets = [encoder.encode_option(option) for option in options]
    assert [len(target) for target in targets] == [1, 1, 2, 3, 2]
    for question, choice in zip(questions, asyncio.run(go()), strict=True):
        for target, value in zip(targets, choice.logprobs, strict=True):
            chances = log_chances(model, encoder.encode(user(question)), target)
            expected = sum(chances[place, token].item() for place, token in enumerate(target))
            assert value == pytest.approx(expected, abs=1e-3)


def test_an_encoder_decoder_reads_a_text_that_ends_as_its_tokenizer_ends_texts(loaded: Loaded) -> None:
    model = loaded("t5")
    tokens = encoder_of(model).encode(user("Hi"))
    assert tokens == model.tokenizer("\n\nHuman: Hi\n\nAssistant:").input_ids
    assert tokens[-1] == model.tokenizer.eos_token_id


def test_an_encoder_decoder_has_a_context_for_the_prompt_and_one_for_the_answer(loaded: Loaded) -> None:
    engine = plain_engine(loaded("bart"))
    long = user("word " * 400)
    answer = answer_all(engine, [long], Sampling(max_tokens=200, temperature=0, stop=tuple("abcdefghijklmnop")))[0]
    assert answer.prompt_tokens > 400
    with pytest.raises(ContextOverflow, match=r"needs 6\d\d tokens .* context is 512"):
        answer_all(plain_engine(loaded("bart")), [user("word " * 600)], Sampling(max_tokens=200))


def test_a_refused_and_a_cancelled_call_leave_the_others_alone(loaded: Loaded) -> None:
    model = loaded("bart")

    async def go() -> list[object]:
        engine = plain_engine(model, 8)
        longer = GREEDY.model_copy(update={"max_tokens": 60})
        calls = [asyncio.ensure_future(engine.generate(user(question), longer, 0)) for question in QUESTIONS]
        calls.append(asyncio.ensure_future(engine.generate(user("word " * 600), longer, 0)))
        await asyncio.sleep(0.3)
        calls[1].cancel()
        found = await asyncio.gather(*calls, return_exceptions=True)
        await engine.aclose()
        return found

    found = asyncio.run(go())
    assert isinstance(found.pop(), ContextOverflow)
    assert isinstance(found[1], asyncio.CancelledError)
    for number, completion in enumerate(found):
        if number != 1:
            prompt = encoder_of(model).encode(user(QUESTIONS[number]))
            assert completion.text == greedy_by_library(model, prompt, 60)


def test_closing_cancels_what_is_unanswered(loaded: Loaded) -> None:
    async def go() -> None:
        engine = plain_engine(loaded("t5"))
        calls = [asyncio.ensure_future(engine.generate(user("Hi"), Sampling(max_tokens=100_000), n)) for n in range(6)]
        await asyncio.sleep(0.5)
        await asyncio.wait_for(engine.aclose(), 10)
        found = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError | Completion) for one in found)
        assert isinstance(found[-1], asyncio.CancelledError)

    asyncio.run(go())


def test_running_out_of_memory_stops_every_caller_with_advice(tmp_path: Path) -> None:
    model = load_model(str(random_model(tmp_path / "m", "mamba")))
    engine = plain_engine(model)

    def burst(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("no room")

    model.model.forward = burst

    async def go() -> list[object]:
        calls = [engine.generate(user(question), GREEDY, 0) for question in QUESTIONS]
        found = await asyncio.gather(*calls, return_exceptions=True)
        await engine.aclose()
        return found

    found = asyncio.run(go())
    assert all(isinstance(error, ModelError) and "--concurrency" in error.hint for error in found)


def test_what_it_is_and_why_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = str(random_model(tmp_path / "m", "mamba"))

    async def go() -> str:
        texts = []
        for _ in range(2):
            engine = await open_engine(ModelSettings(model=folder, dtype="float32", slots=2))
            texts.append((await engine.generate(user("Hi"), GREEDY, 0)).text)
            await engine.aclose()
        assert texts[0] == texts[1]
        return texts[0]

    with caplog.at_level(logging.WARNING, logger="constitution"):
        text = asyncio.run(go())
    assert text
    assert [record.getMessage() for record in caplog.records] == [
        f"{folder}: it has layers of the kind linear_attention; it runs through model.generate, in static batches, "
        "which is slower"
    ]


def test_an_encoder_decoder_without_a_chat_template_needs_the_transcript_templates(tmp_path: Path) -> None:
    folder = str(random_model(tmp_path / "m", "t5"))
    with pytest.raises(ModelError, match="no chat template") as error:
        asyncio.run(open_engine(ModelSettings(model=folder)))
    assert "--templates transcript" in error.value.hint
