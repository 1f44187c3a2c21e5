"""`choose` of the `openai` engine: log-probabilities in the servers' forms, and votes where there are none."""

import asyncio
import math
from collections.abc import Sequence
from typing import Any

import pytest
from mock_server import Received, Told, chat, chosen, completion, engine_at, error, mock_server, user

from constitution.engines.openai.choosing import Listed, from_listed, from_votes
from constitution.errors import CallError, ModelError
from constitution.records import Choice

SOURCE = "{{ messages[0].content }}"
LISTED = {"A": -0.5, " A": -2.0, "B": -1.5, "The": -3.0, "As": -4.0}
SUM_A = math.log(math.exp(-0.5) + math.exp(-2.0))


def chat_form(listed: dict[str, float]) -> dict[str, Any]:
    entries = [{"token": token, "logprob": value, "bytes": None} for token, value in listed.items()]
    return {"content": [{"token": "A", "logprob": -0.5, "top_logprobs": entries}]}


def completions_form(listed: dict[str, float]) -> dict[str, Any]:
    return {"tokens": ["A"], "token_logprobs": [-0.5], "top_logprobs": [listed], "text_offset": [0]}


def test_a_chat_tells_the_log_probabilities_of_its_first_token():
    with mock_server(lambda request: chat("A", "length", logprobs=chat_form(LISTED))) as server:
        [choice] = chosen(server)
        assert choice.logprobs == pytest.approx((SUM_A, -1.5))
        assert choice.sampled is None
        body = server.bodies[0]
        assert (body["logprobs"], body["top_logprobs"], body["max_tokens"]) == (True, 20, 1)
        # Some servers tell probabilities as these leave them.
        assert (body["temperature"], body["top_p"]) == (1, 1)


@pytest.mark.parametrize("form", [completions_form, chat_form], ids=["openai", "llama.cpp"])
def test_a_text_completion_tells_them_in_one_of_two_forms(form: Any):
    with mock_server(lambda request: completion("A", "length", logprobs=form(LISTED))) as server:
        [choice] = chosen(server, api="completions", chat_template=SOURCE)
        assert choice.logprobs == pytest.approx((SUM_A, -1.5))
        assert server.bodies[0]["logprobs"] == 20
        assert "top_logprobs" not in server.bodies[0]


@pytest.mark.parametrize(
    "refusal",
    [
        error(400, "Requested sample logprobs of 20, which is greater than max allowed: 5"),
        error(422, "`top_n_tokens` must be >= 0 and <= 5. Given: 20"),
        error(400, "Invalid value", param="top_logprobs"),
    ],
    ids=["vllm", "tgi", "parameter only"],
)
def test_a_server_that_lists_no_twenty_is_asked_for_five_from_then_on(refusal: Told):
    def script(request: Received) -> Told:
        return refusal if request.body["top_logprobs"] > 5 else chat("A", logprobs=chat_form(LISTED))

    with mock_server(script) as server:
        assert [choice.sampled for choice in chosen(server, times=3)] == [None] * 3
        assert [body["top_logprobs"] for body in server.bodies] == [20, 5, 5, 5]


def votes(*texts: str) -> Any:
    """A server that tells no log-probabilities and samples these texts, the seeds deciding their order."""
    given = iter(texts)

    def script(request: Received) -> Told:
        return chat("A", "length", logprobs=None) if "logprobs" in request.body else chat(next(given), "length")

    return script


def test_without_log_probabilities_samples_are_votes_for_the_engines_life():
    with mock_server(votes("A", " B", "(A", "A is", "Maybe", "As", "A)", "A", *["B"] * 8)) as server:
        first, second = chosen(server, times=2)
        assert first.sampled == second.sampled == 8
        assert first.logprobs == pytest.approx((math.log(5.5 / 9), math.log(1.5 / 9)))
        assert second.logprobs == pytest.approx((math.log(0.5 / 9), math.log(8.5 / 9)))
        asked = [body for body in server.bodies if "logprobs" not in body]
        assert len(server.bodies) == 17
        assert {(body["temperature"], body["max_tokens"]) for body in asked} == {(1, 4)}
        assert len({body["seed"] for body in asked}) == 16


def test_a_server_that_refuses_log_probabilities_is_asked_for_as_many_votes_as_set():
    def script(request: Received) -> Told:
        # What one vendor answers for its reasoning models.
        refused = error(403, "You are not allowed to request logprobs from this model")
        return refused if "logprobs" in request.body else chat("B")

    with mock_server(script) as server:
        [choice] = chosen(server, votes=3)
        assert choice.sampled == 3
        assert choice.logprobs == pytest.approx((math.log(0.5 / 4), math.log(3.5 / 4)))
        # Twenty, five, then votes.
        assert len(server.bodies) == 5


def test_one_empty_answer_does_not_turn_a_server_that_tells_them_to_votes():
    listed = chat("A", logprobs=chat_form(LISTED))
    told = iter([listed, chat("", "stop", logprobs={"content": []}), *[chat("")] * 2, listed])
    with mock_server(lambda request: next(told)) as server:
        before, empty, after = chosen(server, times=3, votes=2)
        assert (before.sampled, empty.sampled, after.sampled) == (None, 2, None)
        assert empty.logprobs == (None, None)


def test_many_at_once_step_down_together():
    def script(request: Received) -> Told:
        number = request.body["top_logprobs"]
        return error(400, "top_logprobs: too many") if number > 5 else chat("A", logprobs=chat_form(LISTED))

    with mock_server(script) as server:

        async def ask() -> list[Choice]:
            async with engine_at(server) as engine:
                return await asyncio.gather(*(engine.choose(user("?"), "AB", seed) for seed in range(20)))

        assert {choice.sampled for choice in asyncio.run(ask())} == {None}
        assert len(server.bodies) <= 40


def test_other_refusals_stay_what_they_are():
    with mock_server(lambda request: error(400, "max_tokens must be more than 15")) as server:
        with pytest.raises(CallError, match="more than 15"):
            chosen(server)
        assert len(server.received) == 1
    with mock_server(lambda request: error(403, "no")) as server, pytest.raises(ModelError):
        chosen(server)


def test_a_failed_vote_fails_the_call():
    def script(request: Received) -> Told:
        return chat("A") if "logprobs" in request.body else error(400, "too hot")

    with mock_server(script) as server, pytest.raises(CallError, match="too hot"):
        chosen(server)


def test_control_strings_are_counted_in_choices_too():
    with mock_server(lambda request: chat("A", logprobs=chat_form(LISTED))) as server:

        async def ask() -> Choice:
            async with engine_at(server) as engine:
                return await engine.choose(user("<|im_end|> A or B?"), ["A", "B"], 0)

        assert asyncio.run(ask()).control_strings == 1
        assert server.bodies[0]["messages"][0]["content"] == "< |im_end|> A or B?"


def listed(*pairs: tuple[str, float]) -> list[Listed]:
    return [Listed(token, math.log(share)) for token, share in pairs]


def shares(values: Sequence[float | None]) -> list[float]:
    return [math.exp(value) for value in values if value is not None]


def test_an_option_that_is_not_listed_gets_the_most_it_can_have():
    # The least of those listed, where they leave more than that.
    assert shares(from_listed(listed(("A", 0.5), ("x", 0.1)), "AB")) == pytest.approx([0.5, 0.1])
    # What the listed ones leave, where that is less.
    assert shares(from_listed(listed(("A", 0.7), ("x", 0.29)), "AB")) == pytest.approx([0.7, 0.01])


def test_nothing_listed_is_no_answer():
    assert from_listed(listed(("C", 0.5), (" ", 0.1), ("", 0.1)), ["A", "B"]) == (None, None)


def test_an_option_of_several_tokens_is_begun_by_tokens_that_begin_no_other():
    got = from_listed(listed(("Resp", 0.5), ("Fir", 0.2), ("First", 0.1), ("F", 0.05)), ["First", "Second", "Fourth"])
    # "F" begins two of them.
    assert shares(got) == pytest.approx([0.3, 0.05, 0.05])


def test_a_token_equal_to_one_option_is_not_the_beginning_of_a_longer_one():
    assert shares(from_listed(listed(("A", 0.5), ("AB", 0.2)), ["A", "AB"])) == pytest.approx([0.5, 0.2])


def test_labels_may_begin_with_a_space():
    assert shares(from_listed(listed((" A", 0.5), ("A", 0.1), (" B", 0.2)), [" A", " B"])) == pytest.approx([0.6, 0.2])
    assert shares(from_votes(["A", " A", "B"], [" A", " B"])) == pytest.approx([2.5 / 4, 1.5 / 4])


def test_votes_are_for_whole_words():
    assert from_votes(["As an AI", "Both", ""], ["A", "B"]) == (None, None)
    assert shares(from_votes(["**A**", '"A"', "(A) since", "b"], ["A", "B"])) == pytest.approx([3.5 / 5, 0.5 / 5])
    assert shares(from_votes(["(B)"], ["(A)", "(B)"])) == pytest.approx([0.5 / 2, 1.5 / 2])
