"""How a report writes times and names."""


def duration(seconds: float) -> str:
    """`0.42 s`, `38 s`, `12 min 5 s`, `3 h 20 min`, `2 d 4 h`."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    for large, small, unit, part in (("min", "s", 60, 1), ("h", "min", 3600, 60), ("d", "h", 86400, 3600)):
        if whole < unit * (60 if unit < 3600 else 24) or large == "d":
            return f"{whole // unit} {large} {whole % unit // part} {small}"
    raise AssertionError(seconds)


def short(text: str, most: int = 100) -> str:
    """One line of at most so many characters, for names that others gave."""
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most and len(text) <= 4 * most else line[: most - 1] + "…"
