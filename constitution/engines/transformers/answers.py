"""When an answer has ended, and what its text is."""

from collections.abc import Sequence

from constitution.engines.transformers.model import LoadedModel
from constitution.engines.transformers.requests import GenerateRequest
from constitution.records import Completion, FinishReason

# What a decoder writes for bytes that are no character.
NO_CHARACTER = "\ufffd"


def ended(request: GenerateRequest, loaded: LoadedModel) -> Completion | None:
    """The completion, if the last token ended it: an end of turn, a stop string, or no room for more."""
    answer, stops = request.answer, request.sampling.stop
    reason: FinishReason = "stop"
    text = None
    if answer[-1] in loaded.ends:
        text = _decode(answer[:-1], loaded)
    elif stops:
        # A stop string spans at most as many tokens as it has bytes, the one that completes it included.
        reach = max(len(stop.encode()) for stop in stops)
        tail = _decode(answer[-reach:], loaded)
        if any(stop in tail for stop in stops):
            text = _decode(answer, loaded)
    if text is None:
        if len(answer) < request.sampling.max_tokens:
            return None
        # Cut within a character (most of Chinese takes several tokens), its first bytes are no text.
        reason, text = "length", _decode(answer, loaded).rstrip(NO_CHARACTER)
    for stop in stops:
        text = text.split(stop)[0]
    return Completion(
        text=text.strip(),
        finish_reason=reason,
        prompt_tokens=len(request.tokens),
        completion_tokens=len(answer),
        reused_tokens=request.reused,
    )


def _decode(tokens: Sequence[int], loaded: LoadedModel) -> str:
    text: str = loaded.tokenizer.decode(tokens, skip_special_tokens=True)
    return text
