"""The JSON Schema of a principles file, for editors: what `load_file` takes, but for what a schema cannot say.

Ids that are there twice, signs in them that are no letters, and limits of what YAML may hold, are told by
`constitution principles lint` only. In one thing it is stricter: numbers in quotes are taken for numbers when a file is
loaded, and marked in an editor.
"""

from typing import Any

from constitution.principles import PrincipleSet

DESCRIPTIONS = {
    "PrincipleSet": {
        "name": "What the file is called in runs and reports.",
        "version": "Raise it when the meaning of a principle changes.",
        "description": "What the principles are for, in a sentence or two.",
        "principles": "Each is drawn by its weight: the model criticises its response by it, and rewrites it.",
        "rules": "Propositions that are true or false of one response, for constitution score.",
    },
    "Principle": {
        "id": "Unique in the file: letters, digits, `.`, `_` and `-`. It stands in every row that was made with it.",
        "critique_request": "Asks the model to criticise its last response.",
        "revision_request": "Asks the model to rewrite its last response.",
        "comparison": "Asks a judge which of two responses is better. The RL stage needs one in each principle.",
        "weight": "How often it is drawn, relative to the others: 2 is twice as often as 1, the default.",
        "tags": "Free labels, to select by.",
    },
    "Rule": {
        "id": "Unique among the file's principles and rules: letters, digits, `.`, `_` and `-`.",
        "proposition": "A statement about one response that is true or false of it.",
        "weight": "What its probability counts for in the score: below 0 where it should not be true, never 0.",
        "tags": "Free labels, to select by.",
    },
}
# Editors' regular expressions have no common word for the letters of all scripts: what has one is ASCII's other signs.
ID_PATTERN = r"^[^\s!-/:-@\[-`{-~][^\s!-,/:-@\[-^`{-~]*$"
OBJECTS = {
    "PrincipleSet": "Principles for Constitutional AI, rules for scoring responses, or both.",
    "Principle": "Two requests in plain words, and for the RL stage a question to a judge.",
    "Rule": "A proposition and what it counts for.",
}


def principle_schema() -> dict[str, Any]:
    """The schema: JSON Schema, draft 2020-12."""
    schema = PrincipleSet.model_json_schema()
    objects = {"PrincipleSet": schema, **schema["$defs"]}
    for name, fields in DESCRIPTIONS.items():
        objects[name]["description"] = OBJECTS[name]
        for field, text in fields.items():
            objects[name]["properties"][field]["description"] = text
    # A text of white space alone is empty once its ends are taken off.
    for made in objects.values():
        for field in made["properties"].values():
            _not_blank(field)
    schema["properties"]["version"] = {
        **schema["properties"]["version"],
        "type": ["string", "number"],
    }
    schema["$defs"]["Rule"]["properties"]["weight"]["not"] = {"const": 0}
    principle = schema["$defs"]["Principle"]
    # A key without a value is as good as none, so it is not enough that the keys are there.
    requests = ("critique_request", "revision_request")
    principle["anyOf"] = [
        {"required": list(requests), "properties": {key: {"type": "string"} for key in requests}},
        {
            "required": ["comparison"],
            "properties": {"comparison": {"type": "string"}} | {key: {"type": "null"} for key in requests},
        },
    ]
    for kind in ("Principle", "Rule"):
        schema["$defs"][kind]["properties"]["id"]["pattern"] = ID_PATTERN
    filled = [{"required": [key], "properties": {key: {"minItems": 1}}} for key in ("principles", "rules")]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Principles file",
        "anyOf": filled,
    }


def _not_blank(field: dict[str, Any]) -> None:
    """Ask texts with a least length for a character that is no white space, however deep they are."""
    if "minLength" in field:
        field["pattern"] = r"\S"
    for inner in (field.get("items"), *field.get("anyOf", ())):
        if isinstance(inner, dict):
            _not_blank(inner)
