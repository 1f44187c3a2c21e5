"""Where a server is, the key to it, which models it says it has, and what its refusals mean for a run."""

import asyncio
import contextlib
import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from yarl import URL

from constitution.engines.openai.client import Transport, below
from constitution.engines.openai.pacing import Pace
from constitution.engines.openai.refusals import NO_MONEY, Fault, Refused, Reply, explain
from constitution.engines.openai.retrying import GO_ON, Retrying
from constitution.errors import CallError, ConfigError, ModelError
from constitution.masking import MASK, holds_user, masked_address
from constitution.model_settings import ModelSettings
from constitution.yamlfile import read_text

VENDOR = "https://api.openai.com/v1"
LOOK_TRIES = 3
# The most that is waited for a list of models; less if requests are given less.
LOOK_SECONDS = 30.0
PROBE_SECONDS = 5.0
SHOWN_MODELS = 10
READY = "Is the server ready? Its own log tells."
WHOLE_ADDRESS = "Give the whole address with --base-url, or in the environment variable OPENAI_BASE_URL."
# What people paste that is more than the address.
ENDPOINT = re.compile(r"(?:/chat)?/completions$|/models$")
# A vendor forbids this text, not this user.
_MODERATED = re.compile(r"moderat|flagged|safety|content[ _](?:policy|filter)", re.IGNORECASE)


@dataclass(frozen=True)
class Server:
    """One server, as far as it is known before the first request.

    Attributes:
        settings: The model.
        address: E.g. `http://localhost:8000/v1`; without its query, which may be a key and goes with the transport.
        has_key: Whether requests carry a key.
        transport: Sends them.
    """

    settings: ModelSettings
    address: URL
    has_key: bool
    transport: Transport


@dataclass(frozen=True)
class Listing:
    """The models of a server.

    Attributes:
        names: As requests name them.
        owners: Who made them, the server says; some put their own name there.
        entries: All that it says of each model, by name.
    """

    names: tuple[str, ...]
    owners: frozenset[str]
    entries: Mapping[str, Mapping[str, Any]]


def find_address(given: str | None) -> URL:
    """A server's address: the one that is given, else the environment variable `OPENAI_BASE_URL`, else OpenAI's.

    Raises:
        ConfigError: It is no address, it holds a password, or it lacks what was masked in a run's folder.
    """
    text, elsewhere = given, os.environ.get("OPENAI_BASE_URL", "").strip()
    if text is None or (MASK in text and masked_address(elsewhere) == text):
        text = elsewhere or VENDOR
    if holds_user(text):
        raise ConfigError(
            f"the base URL {masked_address(text)} holds a user or a password",
            "Give a key in an environment variable (--key-env) or a file (--key-file); write another @ as %40.",
        )
    if MASK in text:
        raise ConfigError(f"the base URL {masked_address(text)} lacks what is masked in it", WHOLE_ADDRESS)
    try:
        address = URL(text)
    except ValueError:
        address = URL()
    if address.scheme not in ("http", "https") or not address.host:
        raise ConfigError(
            f"the base URL {masked_address(text)!r} is no address", "One looks like http://localhost:8000/v1."
        )
    return address


def endpoint(address: URL) -> URL:
    """An address without its query and what else is not part of where requests go."""
    return address.origin().with_path(address.raw_path.rstrip("/"), encoded=True)


def read_key(settings: ModelSettings, address: URL) -> SecretStr | None:
    """The key, from `key_file`, else from the environment variable `key_env`; None if there is none.

    Raises:
        ConfigError: The file cannot be read or is empty, or what is there is no key.
        ModelError: There is none, for a server that is known to want one.
    """
    if settings.key_file is not None:
        where, key = settings.key_file, read_text(Path(settings.key_file).expanduser(), ConfigError).strip()
        if not key:
            raise ConfigError(f"{where}: the key file is empty")
    else:
        where, key = f"the environment variable {settings.key_env}", os.environ.get(settings.key_env, "").strip()
    if not key and address.host == URL(VENDOR).host:
        raise _lacks_key(settings, address)
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigError(f"{where} holds something else than a key: a key is one word, in ASCII")
    return SecretStr(key) if key else None


async def list_models(server: Server) -> Listing | None:
    """The models that the server says it has, or None if it does not say.

    Raises:
        ModelError: Nobody listens there, or none of the kind, with the address that may be meant; or no entry.
    """

    async def look() -> Reply:
        try:
            return await server.transport.send("GET", below(server.address, "models"))
        except Fault as bad:
            if bad.unreachable:
                raise ModelError(
                    f"no server at {server.address}: {bad.said}", "Check --base-url, and that the server is up."
                ) from None
            raise

    def read(reply: Reply) -> Reply:
        if reply.status != 200 and isinstance(fault := explain(reply), Fault):
            raise fault
        return reply

    seconds = _look_seconds(server)
    try:
        async with asyncio.timeout(seconds):
            reply = await Retrying(Pace(1), math.inf, patience=seconds).send(look, read, LOOK_TRIES)
    except TimeoutError:
        raise ModelError(f"{server.address}/models: no answer in {seconds:g} seconds", READY) from None
    except CallError as bad:
        raise ModelError(f"{server.address}/models: {bad.message}", READY) from None
    if (listing := _listing(reply)) is not None:
        return listing
    if reply.status in (200, 404, 405):
        if better := await _better_address(server):
            raise _no_server(server, reply, f"There is one at {better}: --base-url {better}")
        if reply.status != 200 and _json(reply) is not None:
            return None
        raise _no_server(server, reply, "Check --base-url; most servers' addresses end in /v1.")
    refused = explain(reply)
    if isinstance(refused, Refused) and isinstance(error := await meaning(server, refused), ModelError):
        raise error
    raise ModelError(f"{server.address}/models: {refused}")


async def check_listed(server: Server) -> Listing | None:
    """The server's models, the settings' among them, unless it does not say.

    Raises:
        ModelError: The model is not among them, or as in `list_models`.
    """
    listing = await list_models(server)
    if listing is not None and entry(listing, server.settings.model) is None:
        raise _lacks_model(server, listing)
    return listing


async def lives(server: Server) -> bool:
    """Whether the server answers anything at all, be it an error."""
    try:
        async with asyncio.timeout(min(server.settings.timeout, PROBE_SECONDS)):
            await server.transport.send("GET", below(server.address, "models"))
    except (Fault, TimeoutError):
        return False
    return True


async def meaning(server: Server, bad: Refused) -> CallError | ModelError:
    """What a refusal means: the end of one row, or of the run, as no other call would fare better."""
    if bad.status == 401 and not server.has_key:
        return _lacks_key(server.settings, server.address)
    if bad.status in (401, 403) and not (bad.status == 403 and _MODERATED.search(bad.said)):
        settings = server.settings
        where = settings.key_file or f"the environment variable {settings.key_env}"
        key = f"the key from {where}" if server.has_key else "requests without a key"
        return ModelError(f"{server.address} refuses {key} ({bad.status}): {bad.said}", GO_ON)
    if bad.status == NO_MONEY:
        return ModelError(f"the account at {server.address.host} is used up: {bad.said}", GO_ON)
    if bad.status == 404:
        listing = await list_models(server)
        if listing is not None and entry(listing, server.settings.model) is None:
            return _lacks_model(server, listing)
        api, other = ("chat", "completions") if server.settings.api == "chat" else ("completions", "chat")
        return ModelError(f"{server.address} does not answer --api {api}: {bad.said}", f"It may know --api {other}.")
    if 300 <= bad.status < 400:
        return ModelError(f"{server.address} is not the server's address: {bad.said}", "Give that one: --base-url ...")
    return bad


def _lacks_key(settings: ModelSettings, address: URL) -> ModelError:
    return ModelError(
        f"{address} wants a key, and the environment variable {settings.key_env} is not set",
        f"export {settings.key_env}=..., or name another variable with --key-env, or a file with --key-file.",
    )


def _lacks_model(server: Server, listing: Listing) -> ModelError:
    name = server.settings.model
    nearest = sorted(listing.names, key=lambda known: SequenceMatcher(None, name, known).ratio(), reverse=True)
    more = f" and {len(nearest) - SHOWN_MODELS} more" if len(nearest) > SHOWN_MODELS else ""
    has = f"It has {', '.join(nearest[:SHOWN_MODELS])}{more}" if nearest else "It has none"
    return ModelError(f"the server at {server.address} has no model {name!r}", f"{has}; name one with --model.")


def _no_server(server: Server, reply: Reply, hint: str) -> ModelError:
    answer = "something that is no list of models" if reply.status == 200 else f"status {reply.status}"
    said = f"{server.address} looks like no OpenAI-compatible server: {server.address}/models answers with {answer}"
    return ModelError(said, hint)


async def _better_address(server: Server) -> URL | None:
    """An address near this one where models are listed."""
    whole = URL(ENDPOINT.sub("", str(server.address)))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_look_seconds(server)):
            for address in (below(server.address, "v1"), whole, below(whole, "v1")):
                with contextlib.suppress(Fault):
                    reply = await server.transport.send("GET", below(address, "models"))
                    if _listing(reply) is not None:
                        return address
    return None


def _look_seconds(server: Server) -> float:
    return min(server.settings.timeout, LOOK_SECONDS)


def entry(listing: Listing, name: str) -> Mapping[str, Any] | None:
    """What the server says of the model; None if it does not have it."""
    # Ollama adds a tag, Google a folder.
    spellings = (name, f"{name}:latest", f"models/{name}")
    return next((listing.entries[known] for known in spellings if known in listing.entries), None)


def _listing(reply: Reply) -> Listing | None:
    found = _json(reply) if reply.status == 200 else None
    if isinstance(found, dict) and "data" in found:
        # Ollama without a model says null.
        found = found["data"] or []
    if not isinstance(found, list):
        return None
    models = [model for model in found if isinstance(model, dict) and isinstance(model.get("id"), str)]
    aliases = {str(alias): model for model in models for alias in model.get("aliases") or []}
    entries = aliases | {model["id"]: model for model in models}
    return Listing(
        names=tuple(dict.fromkeys([*(model["id"] for model in models), *aliases])),
        owners=frozenset(str(model.get("owned_by")) for model in models),
        entries=entries,
    )


def _json(reply: Reply) -> Any:
    try:
        return json.loads(reply.body)
    except ValueError:
        return None
