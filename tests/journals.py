"""Journals as they are compared with one another."""

import re
from pathlib import Path

# A call's line ends with when it was made and how long it took, who answered, how many tokens were at hand, whether
# another run paid, and the checksum of that: two runs share the answering model at most.
_ENDS = re.compile(
    rb',"began":[^,]*,"seconds":[^,]*(,"model":[^,]*),"reused_tokens":[^,]*,"lent":[^,]*,"crc":"[0-9a-f]{8}"\}$'
)


def sorted_lines(path: Path) -> list[bytes]:
    """The lines of a journal, in an order that two runs share; of calls all but their times."""
    return sorted(_ENDS.sub(rb"\1", line) for line in path.read_bytes().splitlines())
