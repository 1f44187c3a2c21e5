"""Whether several servers serve one model, as far as they tell."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from constitution.engines.openai.servers import Listing, Server, check_listed, entry
from constitution.errors import ModelError

# What lists of models tell of a model that says which one it is, or which rows fit: vLLM and SGLang, then llama.cpp.
TOLD = ("root", "max_model_len")
META = ("n_params", "n_vocab", "n_embd", "size")
ALL_THERE = (
    "All that are given must be there at the start. To do without one, leave it out; a run that is begun goes on so in "
    "a new folder, with --fork NEW."
)


async def check_all(servers: Sequence[Server]) -> list[Listing | None]:
    """Each server's models; None for one that does not say.

    Raises:
        ModelError: One is not there or does not have the model, each such one named; or they differ in what they say
            of it.
    """
    looks = [asyncio.create_task(check_listed(server)) for server in servers]
    try:
        await asyncio.wait(looks)
    finally:
        for look in looks:
            look.cancel()
    lacking = [bad for look in looks if isinstance(bad := look.exception(), ModelError)]
    for look in looks:
        if (bad := look.exception()) and bad not in lacking:
            raise bad
    if len(lacking) == 1:
        raise ModelError(lacking[0].message, f"{lacking[0].hint} {ALL_THERE}")
    if lacking:
        told = "".join(f"\n  {one.message}" for one in lacking)
        raise ModelError(f"{len(lacking)} of {len(servers)} servers cannot be used:{told}", ALL_THERE)
    listings = [look.result() for look in looks]
    _check_same([(server, told_of(server, listing)) for server, listing in zip(servers, listings, strict=True)])
    return listings


def told_of(server: Server, listing: Listing | None) -> dict[str, str]:
    """What the server tells of the model, by name; only what says which one it is."""
    model = entry(listing, server.settings.model) if listing else None
    if model is None:
        return {}
    meta = model.get("meta")
    found = {name: model.get(name) for name in TOLD}
    found |= {name: meta.get(name) for name in META} if isinstance(meta, Mapping) else {}
    return {name: str(value) for name, value in found.items() if value is not None}


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """The names of what both tell, and tell differently; who tells less may have the same model all the same."""
    return [name for name in one if name in other and not _alike(name, one[name], other[name])]


def _alike(name: str, one: str, other: str) -> bool:
    if name == "root" and (one.startswith("/") or other.startswith("/")):
        # Where a machine keeps its models is its own affair.
        one, other = (path.rstrip("/").rpartition("/")[2] for path in (one, other))
    return one == other


def _said(name: str, found: Mapping[str, str]) -> str:
    return f"{name} {found[name]}" if name in found else f"no {name}"


def _check_same(told: Sequence[tuple[Server, Mapping[str, str]]]) -> None:
    facts: dict[str, Any] = {}
    for _, found in told:
        for name, value in found.items():
            facts.setdefault(name, value)
    names = {name: None for _, found in told for name in differing(found, facts)}
    if not names:
        return
    lines = [f"\n  {server.address}: {', '.join(_said(name, found) for name in names)}" for server, found in told]
    raise ModelError(
        f"the servers do not serve the same model {told[0][0].settings.model!r}:{''.join(lines)}",
        "Start them with one model and one context length, or leave out --base-url of those that differ.",
    )
