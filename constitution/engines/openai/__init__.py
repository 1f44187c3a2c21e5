"""Any server that speaks OpenAI's API: vLLM, TGI, llama.cpp, Ollama, SGLang, Ray Serve, the vendor.

`--api chat` sends a conversation, and the server applies its model's chat template. `--api completions` sends a text,
written with the template set's chat template, for base models. `choose` reads the log-probabilities of the answer's
first token; where the server tells none, it asks for `votes` sampled answers and takes their shares (`Choice.sampled`).

One package, one thing a file: `engine` is one server as an engine; `client` sends a request, `retrying` sends it again,
`pacing` says how many at once, `refusals` and `answers` read what comes back, `servers` knows addresses, keys and
models. Of several servers, `fleet` makes one engine: `routing` says which one a request goes to, `lanes` which of them
answer, `same_model` whether they serve one model.
"""

from constitution.engines.openai.chat_template import ChatTemplate
from constitution.engines.openai.client import Client
from constitution.engines.openai.engine import OPEN_SERVERS, OpenAIEngine
from constitution.engines.openai.fleet import Fleet
from constitution.engines.openai.same_model import check_all
from constitution.engines.openai.servers import Listing, Server, check_listed, endpoint, find_address, read_key
from constitution.errors import ConfigError
from constitution.model_settings import ModelSettings, each_address


async def open_engine(settings: ModelSettings, chat_template: str | None = None) -> OpenAIEngine | Fleet:
    """Find the server, or all of them, and see that it has the model.

    Args:
        settings: The model and how to reach it.
        chat_template: Jinja source from the template set; `--api completions` needs one, `chat` takes none.

    Raises:
        ConfigError: The address or the key is none, two addresses are one place, or the API and the template set do
            not go together.
        ModelError: Nobody listens there, the key is missing or refused, there is no such model, or several servers
            differ in it.
        TemplateError: The chat template is broken.
    """
    if settings.api == "completions" and chat_template is None:
        raise ConfigError(
            "--api completions needs a template set with a chat_template.jinja: the server is sent one text",
            "Use --templates transcript, or put a chat_template.jinja into your set.",
        )
    if settings.api == "chat" and chat_template is not None:
        raise ConfigError(
            "the template set brings a chat template, and with --api chat the server applies its own",
            "Use --api completions with this set, or a set without a chat_template.jinja.",
        )
    template = None if chat_template is None else ChatTemplate(chat_template)
    servers = _reach(settings)
    try:
        listings = await _look(servers)
    except BaseException:
        await _close(servers)
        raise
    engines = [
        OpenAIEngine(server, template, listing is not None and bool(listing.owners & OPEN_SERVERS), len(servers) == 1)
        for server, listing in zip(servers, listings, strict=True)
    ]
    return engines[0] if len(engines) == 1 else Fleet(engines, listings)


async def check_model(settings: ModelSettings) -> None:
    """See that the server is there, or all of them are, and has the model.

    Raises:
        ConfigError: An address or the key is none, or two addresses are one place.
        ModelError: As `open_engine`.
    """
    servers = _reach(settings)
    try:
        await _look(servers)
    finally:
        await _close(servers)


async def _look(servers: list[Server]) -> list[Listing | None]:
    return [await check_listed(servers[0])] if len(servers) == 1 else await check_all(servers)


async def _close(servers: list[Server]) -> None:
    for server in servers:
        await server.transport.aclose()


def _reach(settings: ModelSettings) -> list[Server]:
    addresses = [find_address(given) for given in each_address(settings.base_url) or (None,)]
    _check_places([str(endpoint(address)) for address in addresses])
    keys = [read_key(settings, address) for address in addresses]
    return [
        Server(settings, endpoint(address), has_key=key is not None, transport=Client(address, key))
        for address, key in zip(addresses, keys, strict=True)
    ]


def _check_places(places: list[str]) -> None:
    for number, place in enumerate(places):
        if place in places[:number]:
            raise ConfigError(
                f"two of the base URLs are one place, {place}", "Give each server once: --base-url URL --base-url URL"
            )
