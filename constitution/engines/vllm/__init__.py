"""vLLM in this process, for large models on GPUs.

starting.py   from settings to a running vLLM, and what can go wrong on the way
guard.py      ends vLLM's processes when this one is killed

The model itself runs in processes that vLLM starts; here conversations become tokens, as for the transformers engine,
so row text never becomes a control token. A script that uses the library with this engine needs
`if __name__ == "__main__":`, because those processes import it. A `dtype` of `auto` is vLLM's: 16 bits also for what
was saved in 32.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from constitution.engines.base import Determinism, Usage
from constitution.engines.vllm.starting import Started, look, start
from constitution.errors import CallError, ConfigError, ContextOverflow, ModelError, first_line
from constitution.records import Choice, Completion, Message, Sampling

if TYPE_CHECKING:
    from constitution.model_settings import ModelSettings

# vLLM's seeds are signed, and -1 stands for none.
SEEDS = 1 << 63


@dataclass(frozen=True)
class _Weighed:
    """One request's log-probabilities by token, in nats, and what it took."""

    weights: dict[int, float]
    prompt_tokens: int
    reused_tokens: int


class VllmEngine:
    """Answers many conversations at once: vLLM batches them.

    Args:
        started: vLLM with a model.
        timeout: Seconds without an answer after which its process is asked for a sign of life, which may take as many.
    """

    # Each request has its own seed, but batch shapes move the last bits of a logit, and with them, rarely, a token.
    determinism: Determinism = "best effort"

    def __init__(self, started: Started, timeout: float) -> None:
        self.identity = started.identity
        self.usage = Usage()
        self._started = started
        self._timeout = timeout
        self._encoder = started.encoder
        self._numbers = count()
        self._asking: set[asyncio.Task[Any]] = set()

    async def generate(self, messages: Sequence[Message], sampling: Sampling, seed: int) -> Completion:
        """See `Engine.generate`."""
        tokens = self._encoder.encode(messages)
        self._check(len(tokens) + sampling.max_tokens)
        output = await self._ask(
            tokens,
            max_tokens=sampling.max_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            min_p=sampling.min_p,
            stop=list(sampling.stop),
            seed=seed % SEEDS,
        )
        answer = output.outputs[0]
        if answer.finish_reason not in ("stop", "length"):
            raise CallError(f"vLLM ended the answer with the reason {answer.finish_reason!r}")
        self.usage += Usage(completion_tokens=len(answer.token_ids))
        return Completion(
            text=answer.text.strip(),
            finish_reason=answer.finish_reason,
            prompt_tokens=len(tokens),
            completion_tokens=len(answer.token_ids),
            reused_tokens=output.num_cached_tokens or 0,
        )

    async def choose(self, messages: Sequence[Message], options: Sequence[str], seed: int) -> Choice:
        """See `Engine.choose`. One request for each different beginning of an option; the first has them all in common.

        vLLM's log-probabilities of prompts would take one request for an option, but computes the whole prompt again.
        """
        tokens = self._encoder.encode(messages)
        targets = [self._encoder.encode_option(option) for option in options]
        self._check(len(tokens) + max(len(target) for target in targets))
        following: dict[tuple[int, ...], set[int]] = {}
        for target in targets:
            for place, token in enumerate(target):
                following.setdefault(tuple(target[:place]), set()).add(token)
        found = await asyncio.gather(*(self._weigh([*tokens, *begun], nexts) for begun, nexts in following.items()))
        weights = {begun: one.weights for begun, one in zip(following, found, strict=True)}
        return Choice(
            logprobs=tuple(
                sum(weights[tuple(target[:n])][token] for n, token in enumerate(target)) for target in targets
            ),
            prompt_tokens=sum(one.prompt_tokens for one in found),
            completion_tokens=len(found),
            reused_tokens=sum(one.reused_tokens for one in found),
        )

    def count(self, messages: Sequence[Message]) -> int:
        """Prompt tokens of a call."""
        return len(self._encoder.encode(messages))

    async def aclose(self) -> None:
        """Stop vLLM's processes; unanswered calls are cancelled."""
        for task in list(self._asking):
            task.cancel()
        await asyncio.to_thread(self._started.end)

    async def _weigh(self, tokens: list[int], nexts: set[int]) -> "_Weighed":
        """What may come next: the model's own log-probabilities, before anything that sampling does."""
        output = await self._ask(tokens, max_tokens=1, temperature=0, logprob_token_ids=sorted(nexts), detokenize=False)
        told = output.outputs[0].logprobs
        if not told:
            raise CallError("vLLM told no log-probabilities")
        weights = {token: told[0][token].logprob for token in nexts}
        return _Weighed(weights, len(tokens), output.num_cached_tokens or 0)

    async def _ask(self, tokens: list[int], **sampling: Any) -> Any:
        """One request's `vllm.RequestOutput`; given up if whoever awaits it is cancelled."""
        from vllm import SamplingParams
        from vllm.exceptions import VLLMClientError, VLLMError
        from vllm.sampling_params import RequestOutputKind
        from vllm.v1.engine.exceptions import EngineDeadError

        try:
            params = SamplingParams(output_kind=RequestOutputKind.FINAL_ONLY, **sampling)
        except VLLMClientError as bad:
            raise ConfigError(f"vLLM takes no such sampling: {first_line(bad)}") from None
        task = asyncio.current_task()
        assert task
        self._asking.add(task)
        try:
            request = self._started.llm.generate({"prompt_token_ids": tokens}, params, str(next(self._numbers)))
            output = await self._finished(request)
            self.usage += Usage(prompt_tokens=len(tokens), reused_tokens=output.num_cached_tokens or 0)
            return output
        except EngineDeadError:
            raise ModelError(
                "vLLM has stopped working",
                "Why is told above. Run the same command again: nothing finished is lost.",
            ) from None
        except VLLMError as bad:
            raise CallError(f"vLLM: {first_line(bad.__cause__ or bad)}") from None
        finally:
            self._asking.discard(task)

    async def _finished(self, request: AsyncIterator[Any]) -> Any:
        """A request's last output, as long as vLLM lives.

        Raises:
            ModelError: Its process gives no sign of life; vLLM itself would wait for it for ever.
        """

        async def read() -> Any:
            # Read to its end: to leave it earlier is to give the request up.
            return [output async for output in request][-1]

        reading = asyncio.ensure_future(read())
        try:
            while not (await asyncio.wait([reading], timeout=self._timeout))[0]:
                # Answered between two steps of the model, however long the answers themselves are.
                async with asyncio.timeout(self._timeout):
                    await self._started.llm.is_sleeping()
            return reading.result()
        except TimeoutError:
            raise ModelError(
                f"vLLM hangs: no answer and no sign of life in {self._timeout:g} seconds",
                "If its steps take longer than that, raise --timeout. "
                "Run the same command again: nothing finished is lost.",
            ) from None
        finally:
            reading.cancel()

    def _check(self, needed: int) -> None:
        if needed > self._started.context:
            raise ContextOverflow(needed, self._started.context)


async def open_engine(settings: "ModelSettings", chat_template: str | None = None) -> VllmEngine:
    """Start vLLM on the model that the settings name.

    Raises:
        ConfigError: vLLM is not installed.
        ModelError: The model cannot be found or run, or has no chat template and none is given.
    """
    return VllmEngine(await start(settings, chat_template), settings.timeout)


async def check_model(settings: "ModelSettings") -> None:
    """Look for vLLM, and for the model without loading it.

    Raises:
        ConfigError: vLLM is not installed.
        ModelError: The model is not there, or of a kind that it does not read.
    """
    look(settings)
