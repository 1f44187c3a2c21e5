"""How tests of lint ask it."""

from collections.abc import Callable

from constitution.lint import Allowance, Finding, lint


def no_tokenizer(name: str) -> Callable[[str], int]:
    """Nothing should need one."""
    raise AssertionError(f"the tokenizer {name} was opened")


def words_counted(name: str) -> Callable[[str], int]:
    """A token is a word."""
    return lambda text: len(text.split())


def found_in(text: str, off: tuple[str, ...] = (), context: int = 8192) -> list[Finding]:
    """What lint finds in a file's text."""
    return lint(text, "p.yaml", Allowance(tokenizer="words", context=context), words_counted, off)
