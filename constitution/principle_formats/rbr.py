"""Propositions of OpenAI's rule-based rewards (Mu et al. 2024): `config/proposition_prompts.yaml`.

Each of its `simple_propositions` is a question about one response, answered with yes or no: a rule. What the file makes
of them (propositions derived from others, classes of responses, their order) weighs nothing by itself: there weights
are fitted to data and stand in no file.
"""

import json
from textwrap import indent

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from constitution.principle_files.writing import field_text
from constitution.principle_formats.contents import Contents, Misfit, Written, counted
from constitution.principle_formats.naming import Names
from constitution.principle_formats.source import Shape, Source, fit, others
from constitution.principles import PrincipleSet, Rule, Text


class _Proposition(Shape):
    prompt: Text


class _File(Shape):
    simple_propositions: dict[str, _Proposition]


def read(source: Source) -> Contents:
    """Rules, each of weight 1.

    Raises:
        Misfit: The file has no such propositions.
    """
    file: _File = fit(_File, source.as_document())
    if not file.simple_propositions:
        raise Misfit("simple_propositions: nothing in it")
    names, rules = Names(), []
    for name, proposition in file.simple_propositions.items():
        id, tags = names.of_label(name)
        rules.append(Rule(id=id, proposition=proposition.prompt, tags=tags))
    extra = file.model_extra or {}
    parts = {key: len(value) if isinstance(value, dict | list) else 1 for key, value in extra.items()}
    return Contents(
        shape="propositions",
        rules=tuple(rules),
        dropped=counted(parts | others(file.simple_propositions.values(), "simple_propositions.")),
        notes=(
            "The file has no weights: each rule counts 1. Give those that should not be true one below 0, "
            "and take out what you do not want to count.",
            *names.notes(),
        ),
    )


def write(principles: PrincipleSet) -> Written:
    """The rules as `simple_propositions`.

    Raises:
        Misfit: There is none.
    """
    if not principles.rules:
        raise Misfit("the file has no rules")
    text = "simple_propositions:\n" + "\n".join(
        f"  {_key(rule.id)}:\n{indent(field_text('prompt', rule.proposition), '    ')}" for rule in principles.rules
    )
    lost = {
        "principles": len(principles.principles),
        "weight": sum(rule.weight != 1 for rule in principles.rules),
        "tags": sum(bool(rule.tags) for rule in principles.rules),
    }
    return Written(
        text=text,
        entries=len(principles.rules),
        dropped=counted(lost),
        notes=("Their program also reads prompt_template, completion_classes and completion_class_order: add yours.",),
    )


def _key(id: str) -> str:
    try:
        if YAML(typ="safe", pure=True).load(f"{id}: 1") == {id: 1}:
            return id
    except (YAMLError, ValueError):
        pass
    return json.dumps(id)
