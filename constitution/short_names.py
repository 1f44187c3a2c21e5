"""A setting that stands for others: `best_of: N` is `samples: N` with `match: best-worst`.

Where nothing is sampled it says nothing: revisions and the pairs of a file are matched as they are without it.
"""

from pathlib import Path
from typing import Any

from constitution.errors import ConfigError
from constitution.yamlfile import line_of

BEST_OF = "--best-of N is --samples N --match best-worst"


def spelt_out(
    section: dict[str, Any], flags: dict[str, Any], file: Path | None, data: dict[str, Any]
) -> dict[str, Any]:
    """The section with its `best_of` put so that flags win.

    It stands for two settings: as a flag it takes the place of the file's two, and the file's gives way to flags for
    either of them.

    Args:
        section: Settings of a comparison, as the file has them.
        flags: Those that the user typed.
        file: Where they stand.
        data: All of the file, which knows the lines.

    Raises:
        ConfigError: The file's `best_of` and what it has for the two contradict each other.
    """
    if flags.get("pairs", section.get("pairs", "samples")) != "samples":
        return section
    if "best_of" in flags:
        return {name: value for name, value in section.items() if name not in ("samples", "match")}
    number = section.get("best_of")
    # What is no number is told by the check of the whole.
    if not isinstance(number, int):
        return section
    meant = {"samples": number, "match": "best-worst"}
    for name, value in meant.items():
        if name not in flags and section.get(name, value) != value:
            where = f"{file}:{line_of(data, ('compare', name))}"
            rule = "best_of: N is samples: N with match: best-worst"
            raise ConfigError(
                f"{where}: best_of: {number} with {name}: {section[name]}: {rule}", "Leave one of them out."
            )
    return {**section, **meant, "best_of": None} if flags.keys() & meant.keys() else section
