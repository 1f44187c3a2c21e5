"""An engine whose every word is hostile: the scripted one, with the payload of its row and another in each answer."""

import re
from collections.abc import Sequence

from browser.payloads import PAYLOADS
from constitution.engines.base import Identity
from constitution.engines.scripted import ScriptedEngine
from constitution.errors import CallError
from constitution.model_settings import ModelSettings
from constitution.records import Completion, Message, Sampling


class HostileEngine(ScriptedEngine):
    """Rows are told apart by the `Q00` to `Q59` in them; those that end in 9 fail at the first revision."""

    def __init__(self, model: str) -> None:
        super().__init__()
        self.identity = Identity(engine="hostile", model=model, revision="")

    async def generate(self, messages: Sequence[Message], sampling: Sampling, seed: int) -> Completion:
        """As the scripted engine, with other words."""
        answer = await super().generate(messages, sampling, seed)
        found = re.search(r"Q(\d\d)", "".join(message.content for message in messages))
        number = int(found[1]) if found else 0
        payload, other = PAYLOADS[number], PAYLOADS[(number + len(messages)) % len(PAYLOADS)]
        if number % 10 == 9 and len(messages) > 3:
            raise CallError(f"the server said: {payload}")
        return answer.model_copy(update={"text": f"{payload} I say {other}"})


async def open_engine(settings: ModelSettings, chat_template: str | None = None) -> HostileEngine:
    """As `engines.base` asks for it."""
    return HostileEngine(settings.model)


async def check_model(settings: ModelSettings) -> None:
    """Any name will do."""
