"""What a file of another system holds, in this program's records, and what of it has no place here."""

from collections.abc import Iterable, Mapping

from pydantic import Field

from constitution.judging import JudgeExample
from constitution.principles import Principle, Rule
from constitution.records import Record
from constitution.templating import FewShot

# Of an error's text: it may quote the file, and the file may be anything.
MOST_SHOWN = 200
# Of one file. A principles file of more would be beyond the limits of YAML files.
MOST_ENTRIES = 5_000
# Of one principle.
MOST_TAGS = 100


class Misfit(Exception):
    """Why a text is not of a format: where in it, and the rule it breaks."""

    def __init__(self, why: str) -> None:
        super().__init__(why if len(why) <= MOST_SHOWN else f"{why[:MOST_SHOWN]}…")


def check_number(entries: int) -> None:
    """Refuse more than a principles file holds, before anything is made of them.

    Raises:
        Misfit: There are more.
    """
    if entries > MOST_ENTRIES:
        raise Misfit(f"{entries:,} entries, where a principles file has at most {MOST_ENTRIES:,}")


class Dropped(Record):
    """A field that the other side has no place for.

    Attributes:
        field: Its name; a dot where it is inside another.
        count: In how many entries it said something.
    """

    field: str
    count: int = Field(gt=0)


class Question(Record):
    """A prompt that comes with a principle."""

    prompt: str
    principle: str


class Contents(Record):
    """What was read.

    Attributes:
        shape: Which of the format's files it is, for people.
        principles: With ids that are unique together with those of the rules.
        rules: Propositions.
        examples: Critiques and revisions, for `few_shots.yaml`.
        judged: Judged pairs, for `compare_few_shots.yaml`.
        questions: Prompts that come with the principles.
        dropped: What is in the file and in none of these.
        notes: What else its reader should know, in sentences.
        name: Of the file, where it says one.
        version: Likewise.
        description: Likewise.
    """

    shape: str
    principles: tuple[Principle, ...] = ()
    rules: tuple[Rule, ...] = ()
    examples: tuple[FewShot, ...] = ()
    judged: tuple[JudgeExample, ...] = ()
    questions: tuple[Question, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()
    name: str = ""
    version: str = ""
    description: str = ""


class Written(Record):
    """A file for another system.

    Attributes:
        text: The file.
        entries: How many principles, rules or examples are in it.
        dropped: What has no place in it.
        notes: What else its reader should know, in sentences.
    """

    text: str
    entries: int
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()


def counted(counts: Mapping[str, int]) -> tuple[Dropped, ...]:
    """What was dropped, those that count something."""
    return tuple(Dropped(field=field, count=count) for field, count in counts.items() if count)


def unheld(principles: Iterable[Principle], *fields: str) -> dict[str, int]:
    """In how many principles each of these fields says something."""
    shown = list(principles)
    usual = {"id": None, "weight": 1.0, "tags": ()}
    return {name: sum(getattr(one, name) != usual.get(name) for one in shown) for name in fields}
