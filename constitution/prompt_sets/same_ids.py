"""Ids that several kept rows have: `generate` would refuse the file that was written."""

from constitution.fingerprints import Fingerprints, fingerprint


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
        if not self._seen.add(fingerprint(id)):
            self.rows += 1
            self.first = self.first or id
