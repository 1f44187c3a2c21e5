"""One server of several: what it was sent, and whether it is to be sent anything at this moment."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from constitution.engines.openai.engine import OpenAIEngine
from constitution.engines.openai.refusals import Fault
from constitution.engines.openai.retrying import SHORT_HOLD_SECONDS, SHORT_SILENCE_SECONDS, backoff
from constitution.engines.openai.routing import Load, Mark, Sent
from constitution.errors import ModelError

# Faults in a row after which a server is left alone for a moment. One in a hundred is no reason.
FAULTS = 3


class Lane:
    """A server, as the others see it.

    It is left out when nobody listens there, when it hangs, or when it says what would end a run of its own (a key
    refused, no such model); whoever watches it lets it in again, on trial: one request at a time until one is answered.
    It is only left alone for some seconds when it asks for that, or after some faults in a row.

    Args:
        engine: Asks it.
        tells: What it told of the model at the start (see `same_model.told_of`).

    Attributes:
        out: Whether it is left out.
        error: What it said that would end a run of its own, if that is why it is left out.
        said: What was wrong last.
        times: How often it was left out or alone since it last answered.
        opens: The loop's time until which it is left alone.
    """

    def __init__(self, engine: OpenAIEngine, tells: Mapping[str, str]) -> None:
        self.engine = engine
        self.tells = tells
        self.out = False
        self.error: ModelError | None = None
        self.said = ""
        self.times = 0
        self.opens = -math.inf
        self._on_trial = False
        self._faults = 0
        self._in_flight = self._all = 0
        self._sent = Sent()
        # By the process's own clock, as who asks what is waited for may be outside of the loop.
        self._closed_since = self._closed_until = 0.0

    @property
    def address(self) -> str:
        """Where it is."""
        return str(self.engine.server.address)

    def takes(self, now: float) -> bool:
        """Whether it may be sent a request, at this time of the loop."""
        return not self.out and now >= self.opens and not (self._on_trial and self._in_flight)

    def load(self, marked: Sequence[Mark]) -> Load:
        """What it has to do, seen from a request with these beginnings."""
        return Load(
            in_flight=self._in_flight,
            places=self.engine.retrying.places,
            shared=self._sent.shared(marked),
            sent=self._all,
            silent=self.engine.retrying.silence > SHORT_SILENCE_SECONDS,
        )

    @contextmanager
    def asked(self, marked: Sequence[Mark]) -> Iterator[None]:
        """Within it, a request with these beginnings is under way."""
        self._in_flight += 1
        self._all += 1
        self.remember(marked)
        try:
            yield
        finally:
            self._in_flight -= 1

    def remember(self, marked: Sequence[Mark]) -> None:
        """It has this at hand."""
        self._sent.add(marked)

    def answered(self) -> None:
        """All is well again."""
        self.engine.retrying.let_in()
        self.out = self._on_trial = False
        self.error = None
        self._faults = self.times = 0

    def failed(self, fault: Fault, now: float) -> None:
        """A request met this, and it is not that nobody listens."""
        self._faults += 1
        later = fault.wait or 0.0
        told_later = fault.status == 429 or fault.wait is not None
        if not told_later and not self._on_trial and self._faults < FAULTS:
            return
        self.said = f"it says {fault.said}" if fault.status else fault.said
        if not self.out and now >= self.opens:
            # What was sent at the same time, and meets the same, is not one more reason to wait longer.
            self.times += 1
            self._closed_since = time.monotonic()
        self.opens = max(self.opens, now + later + backoff(max(self.times, 1)))
        self._closed_until = time.monotonic() + self.opens - now

    def leave_out(self, said: str, error: ModelError | None = None) -> bool:
        """Send it nothing until it is let in again; whether that is news."""
        news = not self.out
        if news:
            self.times += 1
            self._closed_since = time.monotonic()
        self.out, self.said, self.error = True, said, error
        self.engine.retrying.leave_out(said)
        return news

    def let_in(self) -> None:
        """It seems to be back."""
        self.engine.retrying.let_in()
        self.out, self._on_trial = False, True
        self.opens = self._closed_until = -math.inf
        # Whoever was restarted has nothing at hand.
        self._sent = Sent()

    @property
    def waiting(self) -> str:
        """What keeps it from working, in a line; empty if that is nothing, or new."""
        now = time.monotonic()
        if self.out or now < self._closed_until:
            told = self.said if now - self._closed_since > SHORT_HOLD_SECONDS else ""
        else:
            told = next(iter(self.engine.usage.waiting), "")
        return f"{self.address}: {told}" if told else ""
