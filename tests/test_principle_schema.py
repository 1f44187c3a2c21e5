"""The JSON Schema of principles files, as an editor's validator reads it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import PROGRAM
from jsonschema import Draft202012Validator
from planted import PLANTED
from ruamel.yaml import YAML

from constitution.principle_schema import principle_schema
from constitution.principles import parse_principles
from constitution.resources import shipped

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
ONE = {"id": "a", "critique_request": "c", "revision_request": "r"}
JUDGED = {"id": "a", "comparison": "q"}
RULE = {"id": "r", "proposition": "p"}
HEAD = {"name": "n", "version": "1", "description": "d"}


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    """Of the schema that the installed program prints."""
    printed = subprocess.run([PROGRAM, "principles", "schema"], capture_output=True, text=True, check=True).stdout
    schema = json.loads(printed)
    assert schema == principle_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("path", sorted(shipped("principles").glob("*.yaml")), ids=lambda path: path.stem)
def test_it_takes_what_ships(validator: Draft202012Validator, path: Path) -> None:
    assert list(validator.iter_errors(YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")))) == []


GOOD: dict[str, Any] = {
    "principles": HEAD | {"principles": [ONE]},
    "rules alone": HEAD | {"rules": [RULE | {"weight": -0.5, "tags": ["x"]}]},
    "the greatest weights": HEAD | {"principles": [ONE | {"weight": 1e6}], "rules": [RULE | {"weight": -1e6}]},
    "a version that is a number": HEAD | {"version": 1.5, "principles": [ONE]},
    "no comparison": HEAD | {"principles": [ONE | {"comparison": None}]},
    "a judge's principle": HEAD | {"principles": [JUDGED]},
    "a judge's principle, with keys of no value": HEAD
    | {"principles": [JUDGED | {"critique_request": None, "revision_request": None}]},
    "all there is": HEAD | {"principles": [ONE | {"comparison": "q", "weight": 2, "tags": []}], "rules": [RULE]},
}
BAD: dict[str, Any] = {
    "nothing": HEAD,
    "an empty list": HEAD | {"principles": []},
    "two empty lists": HEAD | {"principles": [], "rules": []},
    "no name": {"version": "1", "description": "d", "principles": [ONE]},
    "a misspelt key": HEAD | {"principles": [ONE | {"weigth": 2}]},
    "a key of the file's own": HEAD | {"principles": [ONE], "author": "me"},
    "no revision": HEAD | {"principles": [{"id": "a", "critique_request": "c"}]},
    "a revision of no value": HEAD | {"principles": [ONE | {"revision_request": None}]},
    "a revision of no value beside a comparison": HEAD | {"principles": [ONE | {"revision_request": None} | JUDGED]},
    "a critique of no value": HEAD | {"principles": [ONE | {"critique_request": None}]},
    "a comparison of no value and nothing else": HEAD | {"principles": [{"id": "a", "comparison": None}]},
    "an id with a blank": HEAD | {"principles": [ONE | {"id": "a b"}]},
    "an empty text": HEAD | {"principles": [ONE | {"comparison": ""}]},
    "white space for a text": HEAD | {"principles": [ONE | {"critique_request": " \n"}]},
    "white space for a name": HEAD | {"name": " ", "principles": [ONE]},
    "a weight of nothing": HEAD | {"principles": [ONE | {"weight": 0}]},
    "a weight beyond all measure": HEAD | {"principles": [ONE | {"weight": 1000001}]},
    "a rule of a weight beyond all measure": HEAD | {"rules": [RULE | {"weight": -1e308}]},
    "a weight that is a switch": HEAD | {"principles": [ONE | {"weight": True}]},
    "a rule of a weight that is a switch": HEAD | {"rules": [RULE | {"weight": True}]},
    "a version that is a switch": HEAD | {"version": True, "principles": [ONE]},
    "a weight below nothing": HEAD | {"principles": [ONE | {"weight": -1}]},
    "a rule that counts for nothing": HEAD | {"rules": [RULE | {"weight": 0}]},
    "tags that are a text": HEAD | {"principles": [ONE | {"tags": "x"}]},
    "a tag of nothing": HEAD | {"rules": [RULE | {"tags": [""]}]},
    "a list at the top": [ONE],
    "a principle that is a text": HEAD | {"principles": ["be kind"]},
}


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_it_takes_what_loading_takes(validator: Draft202012Validator, data: Any) -> None:
    assert list(validator.iter_errors(data)) == []
    assert parse_principles(json.dumps(data), Path("p"))


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_it_refuses_what_loading_refuses(validator: Draft202012Validator, data: Any) -> None:
    from constitution.errors import PrinciplesError

    assert list(validator.iter_errors(data))
    with pytest.raises(PrinciplesError):
        parse_principles(json.dumps(data), Path("p"))


def test_it_refuses_the_faults_of_format_that_lint_finds(validator: Draft202012Validator) -> None:
    # What is not YAML, and ids that are there twice, are beyond a schema.
    planted = {name: one for name, one in PLANTED.items() if one.rule in ("schema", "unpaired-request")}
    refused = {
        name for name, one in planted.items() if list(validator.iter_errors(YAML(typ="safe", pure=True).load(one.text)))
    }
    assert planted.keys() - refused == {"an id twice"}


def test_every_field_is_described() -> None:
    schema = principle_schema()
    for made in (schema, *schema["$defs"].values()):
        assert made["description"]
        for name, field in made["properties"].items():
            assert len(field["description"]) > 20, name


def test_the_help_says_how_an_editor_is_told(cli: Cli) -> None:
    assert "# yaml-language-server: $schema=principles.schema.json" in cli("principles", "schema", "--help").stdout
