"""A set of 64-bit fingerprints in 16 to 32 bytes each; a set of Python's takes 90."""

import hashlib
from array import array


def fingerprint(text: str) -> int:
    """A text as a number in [0, 2^64)."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


class Fingerprints:
    """A hash table with open addressing.

    Args:
        expected: How many there will be: room for so many is made at once, so that memory does not grow as they come.
    """

    def __init__(self, expected: int = 0) -> None:
        self._held = 0
        self._make_room(max(expected, 512))

    def add(self, fingerprint: int) -> bool:
        """Add one in [0, 2^64); whether it was not there yet."""
        # 0 marks a free place.
        fingerprint = fingerprint or 1
        mask, places = self._mask, self._places
        place = fingerprint & mask
        while found := places[place]:
            if found == fingerprint:
                return False
            place = (place + 1) & mask
        places[place] = fingerprint
        self._held += 1
        if 2 * self._held > mask:
            self._make_room(2 * self._held)
            for old in places:
                if old:
                    self._held -= 1
                    self.add(old)
        return True

    def __contains__(self, fingerprint: int) -> bool:
        """Whether it was added."""
        fingerprint = fingerprint or 1
        place = fingerprint & self._mask
        while found := self._places[place]:
            if found == fingerprint:
                return True
            place = (place + 1) & self._mask
        return False

    def _make_room(self, expected: int) -> None:
        self._mask = (1 << (2 * expected).bit_length()) - 1
        self._places = array("Q", bytes(8 * (self._mask + 1)))
