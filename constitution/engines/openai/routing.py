"""Which of several servers a request goes to: one that has its beginning at hand, unless others have less to do.

Servers keep what they computed of a text (keys and values of its tokens), and a request that begins with the same text
costs only its end. So a chain's critique belongs where its response was made, and a judge's next question about two
responses where the one before was asked. Followed without a bound, that would leave servers idle: so loads are bounded,
as in consistent hashing with bounded loads (Mirrokni et al. 2016), with a memory of what went where in place of a hash.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from constitution.records import Message

# Characters between two marks of a text: about 64 tokens.
STEP = 256
# Marks remembered of each server, for some millions of tokens: more than the caches of most hold.
MARKS = 32_768
# A server may have this many times the requests of the least busy one, and these more, and still be sent another.
TIMES, MORE = 1.25, 4

# A beginning of a conversation: its length in characters, and its hash.
Mark = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Load:
    """What one server has to do, as seen from one request.

    Attributes:
        in_flight: Requests that it was given and has not answered.
        places: How many it is sent at once.
        shared: Characters of this request's beginning that it was sent before.
        sent: All requests that it was ever given.
        silent: Whether it has long answered nothing, with requests under way.
    """

    in_flight: int
    places: int
    shared: int = 0
    sent: int = 0
    silent: bool = False


def pick(loads: Sequence[Load]) -> int:
    """The place, among the servers that may be asked, of the one to ask.

    One that answers comes before one that is silent, one with a free place before one without. Among these, of those
    that have at most `TIMES` the requests of the least busy one and `MORE`, the one that shares the longest beginning;
    beginnings that differ by no more than a mark are as good as each other, and then the least busy one is asked.
    """
    able = [place for place, load in enumerate(loads) if not load.silent] or list(range(len(loads)))
    able = [place for place in able if loads[place].in_flight < loads[place].places] or able
    bound = TIMES * min(loads[place].in_flight for place in able) + MORE
    near = [place for place in able if loads[place].in_flight <= bound]
    longest = max(loads[place].shared for place in near)
    near = [place for place in near if loads[place].shared > longest - STEP]
    return min(near, key=lambda place: (loads[place].in_flight, -loads[place].shared, loads[place].sent))


def marks(messages: Sequence[Message]) -> list[Mark]:
    """The beginnings of a conversation by which it is known again: at each `STEP` characters of a turn, and its end."""
    found: list[Mark] = []
    length, running = 0, blake2b(digest_size=8)
    for message in messages:
        running.update(f"\0{message.role}\0".encode())
        for begin in range(0, len(message.content), STEP):
            piece = message.content[begin : begin + STEP]
            running.update(piece.encode("utf-8", "surrogatepass"))
            length += len(piece)
            found.append((length, running.digest()))
    return found


class Sent:
    """The beginnings of what one server was sent lately: those of the last `most` marks.

    Args:
        most: Marks that are remembered.
    """

    def __init__(self, most: int = MARKS) -> None:
        self._most = most
        # In the order in which they were last sent.
        self._known: dict[bytes, None] = {}

    def add(self, marked: Sequence[Mark]) -> None:
        """Remember a conversation."""
        # The longest first: of a conversation that is half forgotten, the beginning is left.
        for _, mark in reversed(marked):
            self._known.pop(mark, None)
            self._known[mark] = None
        while len(self._known) > self._most:
            del self._known[next(iter(self._known))]

    def shared(self, marked: Sequence[Mark]) -> int:
        """Characters of the longest beginning that this conversation shares with one that is remembered."""
        longest = 0
        for length, mark in marked:
            if mark not in self._known:
                break
            longest = length
        return longest
