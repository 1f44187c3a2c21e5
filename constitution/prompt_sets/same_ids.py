"""Ids that several kept rows have: `generate` would refuse the file that was written."""

import hashlib

from constitution.fingerprints import Fingerprints


class SameIds:
    """Counts rows whose id an earlier one has; of each id some 16 to 32 bytes are held.

    Attributes:
        rows: How many they are.
        first: The first such id; None: there is none.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.first: str | None = None
        self._seen = Fingerprints()

    def see(self, id: str | None) -> None:
        """Count a row; one without an id is known by its content."""
        if id is None or not (id := id.strip()):
            return
        written = id.encode("utf-8", "surrogatepass")
        if not self._seen.add(int.from_bytes(hashlib.blake2b(written, digest_size=8).digest(), "little")):
            self.rows += 1
            self.first = self.first or id
