"""What a server says when it does not answer: errors in the forms of the many servers, sorted by what helps."""

import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from constitution.errors import CallError, ContextOverflow

SHOWN_CHARACTERS = 500
# These may pass by themselves: timeout, conflict, too early, too many requests; and whatever is 500 or more.
PASSING = frozenset({408, 409, 425, 429})
NO_MONEY = 402

_NO_MONEY = re.compile(r"insufficient[_ ](?:quota|balance|credit|funds)|billing", re.IGNORECASE)
_LATER = re.compile(r"rate[_ ]limit|RESOURCE_EXH|try again (?:in|after|later)", re.IGNORECASE)
_NEVER_FITS = re.compile(r"request too large|must be reduced in order to run", re.IGNORECASE)
# OpenAI, vLLM, SGLang, llama.cpp, TGI, and vendors, in this order as far as they differ.
_OVERFLOW = re.compile(
    r"context[_ ](?:length|window|size)|maximum model length|exceed the configured limit"
    r"|inputs`? (?:tokens \+ `?max_new_tokens`? must be|must have less than)|prompt is too long|too many tokens",
    re.IGNORECASE,
)
_CONTEXT = re.compile(
    r"(?:context (?:length|window|size)|model length|configured limit)\D{0,20}(\d+)|(?:<=|less than|tokens >) (\d+)"
)


class Fault(Exception):
    """Something that may pass: the request is sent again.

    Args:
        said: What happened.
        status: HTTP status; 0 if there was no answer.
        wait: Seconds that the server asks to wait, or None.
        overload: Whether fewer requests at once may help.
        unreachable: Whether nobody listened at the address.
        timed_out: Whether its time was up.
    """

    def __init__(
        self,
        said: str,
        status: int = 0,
        wait: float | None = None,
        overload: bool = False,
        unreachable: bool = False,
        timed_out: bool = False,
    ) -> None:
        super().__init__(said)
        self.said = said
        self.status = status
        self.wait = wait
        self.overload = overload
        self.unreachable = unreachable
        self.timed_out = timed_out


class Refused(CallError):
    """A request that would be refused every time.

    Args:
        status: HTTP status; `NO_MONEY` for an exhausted quota, whatever the server calls it.
        said: The server's own words.
        kind: The type, code and parameter that it names, if any.

    Attributes:
        about: All that it tells.
    """

    def __init__(self, status: int, said: str, kind: str = "") -> None:
        super().__init__(f"the server refused the request ({status}): {said}")
        self.status = status
        self.said = said
        self.about = f"{kind} {said}"


class TooLong(ContextOverflow):
    """The messages and their answer do not fit, in the server's own words.

    Args:
        said: What the server says.
        needed: The largest number that it names, if that is more than the context; else 0.
        context: The context length that it names; else 0.
    """

    def __init__(self, said: str, needed: int, context: int) -> None:
        super().__init__(needed, context)
        self.args = (said,)
        self.message = said


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def parse(reply: Reply) -> dict[str, Any]:
    """The JSON object that a good answer is.

    Raises:
        Fault: The request may be sent again.
        Refused: It may not.
        TooLong: It is beyond the model's context.
    """
    if reply.status != 200:
        raise explain(reply)
    try:
        answer = json.loads(reply.body)
    except ValueError:
        raise Fault(f"the answer is not JSON: {_shown(reply.body)!r}") from None
    if not isinstance(answer, dict):
        raise Fault(f"the answer is not a JSON object: {_shown(reply.body)!r}")
    if answer.get("error") and "choices" not in answer:
        # Gateways pass an error on under status 200.
        code = answer["error"].get("code") if isinstance(answer["error"], dict) else None
        status = code if isinstance(code, int) and 400 <= code < 600 else 502
        raise explain(Reply(status, reply.headers, reply.body))
    return answer


def explain(reply: Reply) -> Fault | Refused | TooLong:
    """What an answer with an error status means."""
    status, said, kind = reply.status, *_words(reply.body)
    wait = retry_after(reply.headers)
    if 300 <= status < 400:
        return Refused(status, f"it redirects to {reply.headers.get('Location', 'nowhere')}")
    if status == 429 and _is_no_money(said, kind, wait):
        return Refused(NO_MONEY, said)
    # Some servers call an overlong prompt a server error.
    if (status < 429 or status >= 500) and status not in (401, 403, 404) and _OVERFLOW.search(f"{kind} {said}"):
        return _too_long(said)
    if status >= 500 or (status in PASSING and not _NEVER_FITS.search(said)):
        return Fault(f"{status}: {said}", status, wait, overload=status >= 500 or status in (408, 429))
    return Refused(status, said, kind)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait (RFC 9110: a number or a date; some name milliseconds), or None."""
    for name, unit in (("retry-after-ms", 1000.0), ("Retry-After", 1.0)):
        value = headers.get(name, "").strip()
        try:
            seconds = float(value) / unit
        except ValueError:
            continue
        if math.isfinite(seconds):
            return max(seconds, 0.0)
    try:
        return max(parsedate_to_datetime(headers.get("Retry-After", "")).timestamp() - time.time(), 0.0)
    except ValueError:
        return None


def _words(body: bytes) -> tuple[str, str]:
    """The message in an error's body, and the kinds (type, code, parameter) that it names, joined."""
    try:
        found = json.loads(body)
    except ValueError:
        return _shown(body), ""
    if isinstance(found, list) and found:
        found = found[0]
    # {"error": {"message": …}}, {"error": "…"}, {"message": …} or {"detail": …}.
    error = (found.get("error") or found) if isinstance(found, dict) else found
    if not isinstance(error, dict):
        return _shown(str(error)), ""
    kinds = [error.get(name) for name in ("type", "code", "param", "status")]
    said = error.get("message") or error.get("detail") or error
    return _shown(said if isinstance(said, str) else json.dumps(said)), " ".join(str(kind) for kind in kinds if kind)


def _is_no_money(said: str, kind: str, wait: float | None) -> bool:
    # Ordinary rate limits speak of billing too, to sell higher ones; a wait would end nobody's debt.
    later = wait is not None or _LATER.search(f"{kind} {said}")
    return bool(_NO_MONEY.search(kind) or (_NO_MONEY.search(said) and not later))


def _too_long(said: str) -> TooLong:
    match = _CONTEXT.search(said)
    context = int(match[1] or match[2]) if match else 0
    needed = max((int(number) for number in re.findall(r"\d+", said)), default=0)
    return TooLong(said, needed if needed > context else 0, context)


def _shown(text: str | bytes) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    words = " ".join(words.split()) or "(nothing)"
    return words if len(words) <= SHOWN_CHARACTERS else words[:SHOWN_CHARACTERS] + "…"
