"""Pairs of responses from files: hh-rlhf and other preference data, and multiple-choice evaluations.

A row is one of

    chosen, rejected            whole conversations, as hh-rlhf text or as messages
    prompt, chosen, rejected    text or messages; what the answers have in common is in `prompt`
    prompt, response_a, response_b, label    text; `label` (A, B) is what people preferred, and may be left out
    prompt, corrects, incorrects             lists of answers; every correct one is compared with every incorrect one
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any, Literal

from constitution.config import Settings
from constitution.conversations import is_transcript, parse_transcript, tidy
from constitution.digests import digest
from constitution.errors import SourceError
from constitution.readers import Row, rows_of
from constitution.records import Candidate, Message, Prompt
from constitution.remote.addresses import masked
from constitution.sources import ROLES, plain_columns

FORMS = (("chosen", "rejected"), ("response_a", "response_b"), ("corrects", "incorrects"))
# An evaluation may spell its answers out in the question, and give only their letters as the answers.
_LETTER = re.compile(r"\s*\(?([A-Z])\)?[.\s]*")
_OPTION = re.compile(r"^\s*\(([A-Z])\)\s*(.+?)\s*(?=^\s*\([A-Z]\)|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class PairRow:
    """A prompt and two responses to it.

    Attributes:
        prompt: The conversation that both answer.
        candidates: Two, or none if the row is no pair.
        gold: Which one people preferred.
        problem: Why it is no pair.
    """

    prompt: Prompt
    candidates: tuple[Candidate, ...]
    gold: Literal["first", "second"] | None
    problem: str = ""

    @property
    def id(self) -> str:
        """The prompt's."""
        return self.prompt.id

    @property
    def index(self) -> int:
        """The prompt's."""
        return self.prompt.index


def read_pairs(file: str, limit: int | None = None) -> Iterator[PairRow]:
    """The pairs of a file or dataset, in order.

    Args:
        file: What `--prompts` reads, too.
        limit: Most pairs.

    Raises:
        SourceError: A row in none of the known forms, with its place and the columns that there are.
    """
    seen: Counter[str] = Counter()
    index = 0
    for where, row in rows_of(Settings(prompts=file, out="-")):
        for prompt, first, second, gold, problem in _pairs(row, where):
            if limit is not None and index >= limit:
                return
            id = digest([[m.model_dump() for m in prompt], first, second])
            seen[id] += 1
            id = id if seen[id] == 1 else f"{id}-{seen[id]}"
            names = next(form for form in FORMS if form[0] in row)
            texts = () if problem else zip((first, second), (_singular(name) for name in names), strict=True)
            yield PairRow(
                prompt=Prompt(id=id, index=index, messages=prompt, metadata=plain_columns(row, names)),
                candidates=tuple(Candidate(text=text, source=name) for text, name in texts),
                gold=gold,
                problem=problem,
            )
            index += 1


def scan_pairs(file: str, limit: int | None = None) -> tuple[int, str]:
    """How many pairs there are, and a hash of them all; reads every row.

    Raises:
        SourceError: As `read_pairs`; also when there is no row at all.
    """
    ids = [row.id for row in read_pairs(file, limit)]
    if not ids:
        raise SourceError(f"{masked(file)}: no rows", "Give a file with at least one pair.")
    return len(ids), digest(ids)


_Pair = tuple[tuple[Message, ...], str, str, Literal["first", "second"] | None, str]


def _pairs(row: Row, where: str) -> Iterator[_Pair]:
    form = next((form for form in FORMS if form[0] in row and form[1] in row), None)
    if form is None or (form[0] != "chosen" and "prompt" not in row):
        raise SourceError(
            f"{where}: no pair of responses; there are: {', '.join(map(str, row)) or 'no columns'}",
            "A row holds chosen, rejected; or prompt, response_a, response_b; or prompt, corrects, incorrects.",
        )
    if form[0] == "corrects":
        yield from _multiple_choice(row, where)
        return
    shared = _turns(row["prompt"], f"{where}: prompt") if row.get("prompt") else []
    one, other = (_answer(row[name], shared, f"{where}: {name}") for name in form)
    gold: Literal["first", "second"] | None = "first" if form[0] == "chosen" else _gold(row.get("label"))
    # People's own data has rows that are no pair: they are counted, not repaired.
    problem = ""
    if one is None or other is None:
        problem = "a response is empty, or its turns do not alternate"
    elif one[0] != other[0]:
        problem = "the conversations differ before the last turn"
    elif not one[0]:
        problem = "no user turn with text"
    yield (one[0] if one else ()), (one[1] if one else ""), (other[1] if other else ""), gold, problem


def _answer(value: Any, shared: list[Message], where: str) -> tuple[tuple[Message, ...], str] | None:
    """The conversation before the response, and the response; None if there is no such thing."""
    if isinstance(value, str) and not is_transcript(value):
        turns = [*shared, Message(role="assistant", content=value)]
    else:
        turns = [*shared, *_turns(value, where)]
    roles = [turn.role for turn in turns]
    repeats = any(one == other for one, other in pairwise(roles))
    if not turns or roles[-1] != "assistant" or not turns[-1].content.strip() or repeats:
        return None
    return tidy(turns[:-1]), turns[-1].content.strip()


def _turns(value: Any, where: str) -> list[Message]:
    if isinstance(value, str):
        return parse_transcript(value) if is_transcript(value) else [Message(role="user", content=value)]
    turns = value if isinstance(value, list) else []
    good = [
        Message(role=ROLES[turn["role"]], content=turn["content"])
        for turn in turns
        if isinstance(turn, dict) and str(turn.get("role")) in ROLES and isinstance(turn.get("content"), str)
    ]
    if not good or len(good) != len(turns):
        raise SourceError(f"{where}: neither text nor a list of messages")
    return good


def _multiple_choice(row: Row, where: str) -> Iterator[_Pair]:
    corrects, incorrects, text = row["corrects"], row["incorrects"], row["prompt"]
    answers = [corrects, incorrects]
    if not isinstance(text, str) or not all(
        isinstance(group, list) and group and all(isinstance(answer, str) for answer in group) for group in answers
    ):
        raise SourceError(f"{where}: prompt must be text, corrects and incorrects lists of text with an entry each")
    turns = tidy(_turns(text, where))
    problem = "" if turns else "no user turn with text"
    letters = [_LETTER.fullmatch(answer) for answer in (*corrects, *incorrects)]
    if turns and all(letters):
        question = turns[-1].content
        options = {letter: option for letter, option in _OPTION.findall(question)}
        question = re.sub(r"\s*(Options|Choices):?\s*$", "", _OPTION.sub("", question).rstrip())
        turns = (*turns[:-1], Message(role="user", content=question))
        corrects, incorrects = (
            [options.get(match[1], "") for answer in group if (match := _LETTER.fullmatch(answer))] for group in answers
        )
        if not question or not all([*corrects, *incorrects]):
            problem = "the answers are letters, and the prompt does not spell them out"
    for correct, incorrect in product(corrects, incorrects):
        yield turns, correct.strip(), incorrect.strip(), "first", problem


def _gold(label: Any) -> Literal["first", "second"] | None:
    sides: dict[str, Literal["first", "second"]] = {"A": "first", "B": "second"}
    return sides.get(str(label).strip().upper())


def _singular(name: str) -> str:
    return name.removesuffix("s")
