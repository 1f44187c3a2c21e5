"""Labels of the paper that people left in the requests of another system's file."""

import json

import foreign_files as files

from constitution.principle_formats import READERS
from constitution.principle_formats.source import parse


def test_labels_of_the_paper_are_taken_off_requests_and_told() -> None:
    critique, revision = "CritiqueRequest: Say\n\nwhat.\n\nCritique:", "\n\nRevisionRequest: Do it."
    rows = [{"critic": critique, "revision": revision}, {"critic": "CritiqueRequest: ", "revision": "Critique: x"}]
    asked = [{"name": "a", "critique_request": critique, "revision_request": revision}]
    for contents in (
        READERS["huggingface"].read(parse(json.dumps({"constitutions": rows}))),
        READERS["langchain"].read(parse(json.dumps(asked))),
    ):
        one = contents.principles[0]
        assert (one.critique_request, one.revision_request) == ("Say\n\nwhat.", "Do it.")
        assert contents.notes == ("From 2 texts the labels CritiqueRequest: and RevisionRequest: were taken off.",)
    assert READERS["huggingface"].read(parse(files.HUGGINGFACE)).notes == ()
