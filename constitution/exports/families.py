"""Families of formats by name. Importing this module imports none of them."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points

from constitution.errors import ExportError
from constitution.exports.examples import Family, Kind

# name → module:attribute
FAMILIES = {
    name: f"constitution.exports.{module}:FAMILY"
    for name, module in {
        "trl": "trl",
        "openai": "openai",
        "hh-rlhf": "hh_rlhf",
        "llama-factory": "llama_factory",
        "axolotl": "axolotl",
        "openrlhf": "openrlhf",
        "nemo-rl": "nemo_rl",
        "verl": "verl",
        "ms-swift": "ms_swift",
        "tinker": "tinker",
        "paper": "paper",
        "argilla": "argilla",
    }.items()
}


def load_family(name: str) -> Family:
    """The family of that name: one of ours, or one of the entry points `constitution.exporters`.

    Raises:
        ExportError: No family has that name; lists them.
    """
    third_party = {point.name: point for point in entry_points(group="constitution.exporters")}
    if name in FAMILIES:
        module, _, attribute = FAMILIES[name].partition(":")
        family: Family = getattr(import_module(module), attribute)
        return family
    if name in third_party:
        family = third_party[name].load()
        return family
    known = ", ".join([*FAMILIES, *sorted(third_party.keys() - FAMILIES.keys())])
    raise ExportError(f"--for {name!r}: no such family of formats", f"Give one of: {known}")


def choose_kinds(name: str, family: Family, kinds: Sequence[str]) -> Mapping[str, Kind]:
    """The family's kinds of row, or only those named.

    Raises:
        ExportError: The family has no such kind; lists them.
    """
    for kind in kinds:
        if kind not in family.kinds:
            raise ExportError(
                f"--kind {kind!r}: {name} has no such kind of row", f"Give some of: {', '.join(family.kinds)}"
            )
    return {kind: made for kind, made in family.kinds.items() if not kinds or kind in kinds}
