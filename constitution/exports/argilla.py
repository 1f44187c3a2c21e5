"""Records that people judge in Argilla (read in its client and server 2.8.0: `Record.from_dict`, `Settings.from_json`).

A row is a record as `Record.to_dict` writes it; `KIND/settings.json` has the fields and the questions that go with it,
and `log.py` logs both to a server. Texts are shown as they are, never as Markdown: what a model wrote loads nothing.
"""

import json
import re
from typing import Any

from constitution.digests import derive_uniform
from constitution.exports.examples import Chain, Family, Kind, Preference, Written
from constitution.exports.messages import conversation, metadata, scalar, struct, turns
from constitution.records import Message
from constitution.reviews import revision_id

# Its server's limits: a message's characters, and those of the name of who suggests something.
LONGEST_MESSAGE, LONGEST_AGENT = 20_000, 200
UNJUDGED = "unjudged: final revision over initial response"


def comparison(example: Preference) -> dict[str, Any]:
    """Two responses; the suggested answer is their label, its score the label's probability, its agent who judged.

    With labels of people (`--labels`) the agent is `people`; `status` is that of the AI's label all the same. The
    better response is A in half of the rows, by a hash of the three texts, as `tinker.py` does it. Of a tie of the AI
    the label is the response that an export chooses, with a probability of about a half. Its server keeps one record an
    id: of copies that soft labels make, the last one.
    """
    prompt, origin = turns(example.prompt), example.origin
    chosen_is_a = derive_uniform("argilla", prompt, example.chosen, example.rejected) < 0.5
    a, b = (example.chosen, example.rejected) if chosen_is_a else (example.rejected, example.chosen)
    principles = origin.get("principles")
    return {
        "id": str(origin.get("comparison", origin.get("id", ""))),
        "fields": {"prompt": _chat(example.prompt), "response_a": a, "response_b": b},
        "suggestions": {
            "better": {
                "value": "a" if chosen_is_a else "b",
                "score": float(example.p_chosen),
                "agent": _agent(example.judge or UNJUDGED),
            }
        },
        "metadata": {
            "row": str(origin.get("id", "")),
            "status": str(origin.get("status", "unjudged")),
            "p_suggested": float(example.p_chosen),
            "principles": [str(id) for id in principles] if isinstance(principles, list) else [],
            "origin": metadata(origin),
        },
    }


def revision(example: Chain) -> dict[str, Any]:
    """The final revision beside the response that it revises; it is also the text that an edit begins with."""
    told = example.transcript
    final = told.responses[-1]
    return {
        "id": revision_id(told.id, len(told.rounds)),
        "fields": {"prompt": _chat(told.prompt), "response": told.response.text, "revision": final.text},
        "suggestions": {"edited": {"value": final.text, "score": 1.0, "agent": "final revision"}},
        "metadata": {
            "row": told.id,
            "changed": "changed" if final.text != told.response.text else "unchanged",
            "principles": [round.principle for round in told.rounds],
            "origin": metadata({"id": told.id, "finish_reason": final.finish_reason, "row": told.metadata}),
        },
    }


def _chat(prompt: tuple[Message, ...]) -> list[dict[str, str]]:
    """A conversation within the server's limits: no empty messages, and a long one as several of the same role."""
    return [
        {"role": message.role, "content": message.content[start : start + LONGEST_MESSAGE]}
        for message in prompt
        for start in range(0, len(message.content), LONGEST_MESSAGE)
    ]


def _agent(name: str) -> str:
    """A name with the characters that its server takes."""
    made = re.sub(r"[^a-zA-Z0-9\-_:./ ]", "_", name)[:LONGEST_AGENT]
    return made if any(character.isalnum() for character in made) else "judge"


def _text(name: str, title: str) -> dict[str, Any]:
    return {"name": name, "title": title, "required": True, "settings": {"type": "text", "use_markdown": False}}


def _choice(name: str, title: str, options: dict[str, str]) -> dict[str, Any]:
    told = [{"value": value, "text": text} for value, text in options.items()]
    return {
        "name": name,
        "title": title,
        "required": True,
        "settings": {"type": "label_selection", "options": told, "visible_options": len(told)},
    }


# The label is in the suggestion, for everybody to see; those who judge see no more of it.
def _hidden(name: str, settings: dict[str, Any], title: str = "") -> dict[str, Any]:
    hidden = {"visible_for_annotators": False}
    return {"name": name, "title": title or name, "settings": {**settings, **hidden}, **hidden}


_PROMPT = {
    "name": "prompt",
    "title": "Prompt",
    "required": True,
    "settings": {"type": "chat", "use_markdown": False},
}
_NOTE = {**_text("note", "Note"), "required": False}
_TERMS, _PROBABILITY = {"type": "terms"}, {"type": "float", "min": 0.0, "max": 1.0}
_SETTINGS: dict[str, dict[str, Any]] = {
    "comparisons": {
        "guidelines": "Which of the two responses to the prompt is better? The suggestion is the one that was held to "
        "be better; its agent says by whom (a model, or people), or that nobody judged.",
        "fields": [_PROMPT, _text("response_a", "Response A"), _text("response_b", "Response B")],
        "questions": [
            _choice(
                "better",
                "Which response is better?",
                {"a": "A is better", "b": "B is better", "tie": "Equally good", "both_bad": "Both are bad"},
            ),
            _NOTE,
        ],
        "metadata": [
            _hidden("status", _TERMS, "status of the AI's label"),
            _hidden("p_suggested", _PROBABILITY),
            _hidden("principles", _TERMS),
        ],
    },
    "revisions": {
        "guidelines": "Is the revision what the response should have been? If it is nearly so, edit it.",
        "fields": [_PROMPT, _text("response", "Response"), _text("revision", "Revision")],
        "questions": [
            _choice("verdict", "The revision", {"accept": "Accept", "reject": "Reject", "edit": "Edit"}),
            {**_text("edited", "The revision as it should be"), "required": False},
            _NOTE,
        ],
        "metadata": [_hidden("changed", _TERMS), _hidden("principles", _TERMS)],
    },
}
_LOG = '''"""Log these records to an Argilla server: pip install argilla, then

    ARGILLA_API_URL=... ARGILLA_API_KEY=... python log.py NAME

makes a dataset NAME-KIND for each kind of record, and logs the rows of both splits to it.
"""

import json
import sys
from pathlib import Path

import argilla

FOLDER = Path(__file__).parent
for settings in sorted(FOLDER.glob("*/settings.json")):
    kind = settings.parent
    dataset = argilla.Dataset(name=f"{sys.argv[1]}-{kind.name}", settings=argilla.Settings.from_json(settings))
    dataset.create()
    for file in sorted(kind.glob("*.jsonl")):
        with file.open(encoding="utf-8") as lines:
            dataset.records.log([argilla.Record.from_dict(json.loads(line)) for line in lines])
'''


def extra(written: Written, suffix: str) -> dict[str, str]:
    """The settings of each kind; and, as it reads JSONL, what logs the rows."""
    common = {"vectors": [], "allow_extra_metadata": True, "distribution": None, "mapping": None}
    made = {f"{name}/settings.json": json.dumps({**_SETTINGS[name], **common}, indent=2) + "\n" for name in written}
    return made | ({"log.py": _LOG} if suffix == ".jsonl" else {})


def _suggestion(question: str) -> dict[str, Any]:
    return struct("suggestions", struct(question, scalar("value"), scalar("score", "float64"), scalar("agent")))


def _terms(name: str) -> dict[str, Any]:
    return {"name": name, "list": "string"}


FAMILY = Family(
    kinds={
        "comparisons": Kind(
            Preference,
            comparison,
            [
                scalar("id"),
                struct("fields", conversation("prompt"), scalar("response_a"), scalar("response_b")),
                _suggestion("better"),
                struct(
                    "metadata",
                    scalar("row"),
                    scalar("status"),
                    scalar("p_suggested", "float64"),
                    _terms("principles"),
                    scalar("origin"),
                ),
            ],
            "which of two responses is better: records for `Record.from_dict`, `better` suggested by who judged",
        ),
        "revisions": Kind(
            Chain,
            revision,
            [
                scalar("id"),
                struct("fields", conversation("prompt"), scalar("response"), scalar("revision")),
                _suggestion("edited"),
                struct("metadata", scalar("row"), scalar("changed"), _terms("principles"), scalar("origin")),
            ],
            "accept, reject or edit a revision: records for `Record.from_dict`",
        ),
    },
    stacks="Argilla 2",
    extra=extra,
)
