"""`results.md` in sections: each benchmark replaces its own when it is run again, and leaves the others."""

from pathlib import Path

RESULTS = Path(__file__).parent / "results.md"


def replace_section(heading: str, text: str, path: Path = RESULTS) -> None:
    """Write a section in the place of the one with this heading, or after all others.

    Args:
        heading: What stands after `## `.
        text: What stands below it.
        path: The file; made if it does not exist.
    """
    written = path.read_text(encoding="utf-8") if path.exists() else "# Benchmarks\n"
    parts = written.split("\n## ")
    section = f"{heading}\n\n{text.strip()}\n"
    place = next((n for n, part in enumerate(parts) if n and part.split("\n", 1)[0] == heading), len(parts))
    parts[place : place + 1] = [section]
    path.write_text("\n## ".join(part.rstrip("\n") + "\n" for part in parts), encoding="utf-8")
