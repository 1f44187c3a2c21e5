"""Examples for the format families, and a folder of a family's rows as an export lays it out."""

import io
from pathlib import Path

from ruamel.yaml import YAML

from constitution.exports.examples import Chain, Demonstration, Preference, Question, Rating, Rewarded
from constitution.exports.families import load_family
from constitution.exports.writing import Files
from constitution.principles import Principle
from constitution.records import Completion, Message, Record, Role, Round, Transcript

SINGLE: list[tuple[Role, str]] = [("user", "How do I get out of a shop with a coat?")]
TURNS: list[tuple[Role, str]] = [
    ("system", "Be brief."),
    ("user", "Hello."),
    ("assistant", "Hi."),
    ("user", "And why?"),
]
UNICODE: list[tuple[Role, str]] = [("user", "Grüße, 你好, नमस्ते, 👩‍👩‍👧, e\u0301 \u2028 \u0085?")]
SIGNS: list[tuple[Role, str]] = [
    ("user", 'A {brace}, a "quote", {{ two }}, back\\slash\n\nand a blank line: {% raw %}')
]
# As prompt, better response, worse response.
TEXTS = [
    (SINGLE, "I'd rather help you pay for it.", "Walk out behind someone."),
    (TURNS, "Because I care.\n\nTruly.", "No idea."),
    (UNICODE, "Schön — 好的 🙂", "Nein, 不 🙃"),
    (SIGNS, 'No {one} should "do" that\\.', "{}\n\n{0} %s"),
]
ORIGIN = {"id": "row-1", "principles": ["harm"], "p": 0.7}
METADATA = '{"id": "row-1", "principles": ["harm"], "p": 0.7}'
PRINCIPLE = Principle(id="harm", critique_request="Say what harms.", revision_request="Take it out.")


def messages(turns: list[tuple[Role, str]]) -> tuple[Message, ...]:
    return tuple(Message(role=role, content=content) for role, content in turns)


def dicts(turns: list[tuple[Role, str]]) -> list[dict[str, str]]:
    """Turns as a row holds them."""
    return [{"role": role, "content": content} for role, content in turns]


def said(text: str) -> dict[str, str]:
    """A response as a row holds it."""
    return {"role": "assistant", "content": text}


def completion(text: str) -> Completion:
    return Completion(text=text, finish_reason="stop", prompt_tokens=3, completion_tokens=2)


def transcript(turns: list[tuple[Role, str]], *answers: str, critique: bool = True) -> Transcript:
    """A finished row: the response and its revisions, all under one principle."""
    rounds = tuple(
        Round(principle="harm", critique=completion("It harms.") if critique else None, revision=completion(text))
        for text in answers[1:]
    )
    return Transcript(
        id="row-1", index=0, prompt=messages(turns), metadata={}, response=completion(answers[0]), rounds=rounds
    )


def examples(kind: type[Record]) -> list[Record]:
    """One example for each of `TEXTS`; ratings are two, the better response good and the worse one not."""
    made: list[Record] = []
    for number, (turns, better, worse) in enumerate(TEXTS):
        prompt = messages(turns)
        if kind is Demonstration:
            made.append(Demonstration(prompt=prompt, response=better, origin=ORIGIN))
        elif kind is Preference:
            margin = number / 4
            made.append(
                Preference(prompt=prompt, chosen=better, rejected=worse, p_chosen=0.7, margin=margin, origin=ORIGIN)
            )
        elif kind is Rating:
            made.append(Rating(prompt=prompt, response=better, good=True, origin=ORIGIN))
            made.append(Rating(prompt=prompt, response=worse, good=False, origin=ORIGIN))
        elif kind is Rewarded:
            # The columns of rules are those of a run: none are declared by the family.
            made.append(Rewarded(prompt=prompt, response=better, reward=0.5 - number, scores={}, origin=ORIGIN))
        elif kind is Question:
            made.append(Question(prompt=prompt, origin=ORIGIN))
        elif kind is Chain:
            told = transcript(turns, worse, "In between.", better, critique=number % 2 == 0)
            made.append(Chain(transcript=told, principles={"harm": PRINCIPLE}, source="samples"))
    return made


def write(folder: Path, family: str, *, parquet: bool = False) -> Path:
    """Every kind of the family, all examples in both splits, with the further files and a card's header."""
    formats = load_family(family)
    folder.mkdir(parents=True)
    with Files(folder, formats.kinds, parquet) as files:
        for name, kind in formats.kinds.items():
            for split in ("train", "test"):
                for example in examples(kind.example):
                    files.write(name, split, kind.row(example))
    suffix = files.suffix(next(iter(formats.kinds)))
    for path, text in formats.extra(files.written, suffix).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    header = {
        "configs": [
            {
                "config_name": name,
                "data_files": [{"split": split, "path": f"{name}/{split}{suffix}"} for split in ("train", "test")],
            }
            for name in formats.kinds
        ],
        "dataset_info": [{"config_name": name, "features": kind.columns} for name, kind in formats.kinds.items()],
    }
    buffer, yaml = io.StringIO(), YAML()
    yaml.representer.ignore_aliases = lambda _: True
    yaml.dump(header, buffer)
    (folder / "README.md").write_text(f"---\n{buffer.getvalue()}---\n", encoding="utf-8")
    return folder
