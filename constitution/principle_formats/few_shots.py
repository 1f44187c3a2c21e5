"""Examples as the YAML that a template set reads: `few_shots.yaml` and `compare_few_shots.yaml`."""

from collections.abc import Sequence
from textwrap import indent

from constitution.judging import JudgeExample
from constitution.principle_files.writing import field_text
from constitution.records import Message
from constitution.templating import FewShot


def examples_text(examples: Sequence[FewShot] | Sequence[JudgeExample], comment: str) -> str:
    """A whole file.

    Args:
        examples: What it holds.
        comment: Its first line, without `#`.
    """
    return f"# {comment}\n" + "\n".join(_example(example) for example in examples)


def _example(example: FewShot | JudgeExample) -> str:
    fields = [field_text(name, value) for name, value in example if name != "before" and value is not None]
    before = "before:\n" + "".join(_turn(turn) for turn in example.before) if example.before else ""
    return _item(before + "".join(fields))


def _turn(turn: Message) -> str:
    return indent(_item(field_text("role", turn.role) + field_text("content", turn.content)), "  ")


def _item(lines: str) -> str:
    return "- " + indent(lines, "  ")[2:]
