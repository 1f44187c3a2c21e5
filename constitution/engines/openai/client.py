"""One request to one server, and what went wrong with it if nothing came back."""

from base64 import b64encode
from ipaddress import ip_address
from typing import Literal, Protocol
from urllib.request import getproxies, proxy_bypass

import aiohttp
from multidict import CIMultiDict
from pydantic import SecretStr
from yarl import URL

from constitution.engines.openai.refusals import Fault, Reply
from constitution.errors import ConfigError
from constitution.masking import MASK, PLAIN, any_spelling, masked_address

CONNECT_SECONDS = 30.0
# Of one answer: beyond any that a model writes, and few enough for all that are in flight at once.
MOST_BYTES = 64 << 20


class Transport(Protocol):
    """What sends a request; retries and time limits are not its business."""

    async def send(self, method: Literal["GET", "POST"], url: URL, payload: bytes | None = None) -> Reply:
        """Send one request, once.

        Args:
            method: A POST is never repeated by the library below; a GET may be.
            url: Of the endpoint.
            payload: JSON.

        Raises:
            Fault: No answer came back.
        """

    async def aclose(self) -> None:
        """Close all connections."""


class Client:
    """Sends requests over HTTP, as many at once as it is asked to.

    What it alone knows, it masks in all that it tells: the key, the values of the address's query, and the proxy's
    password.

    Args:
        address: Of the server; decides whether a proxy is used, and its query goes along with every request.
        key: Sent with every request; None sends none.

    Raises:
        ConfigError: The proxy's address is none.
    """

    def __init__(self, address: URL, key: SecretStr | None) -> None:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        secrets = [value for name, value in address.query.items() if name not in PLAIN]
        if key:
            headers["Authorization"] = f"Bearer {key.get_secret_value()}"
            secrets.append(key.get_secret_value())
        proxy, login = _proxy(address)
        for_proxy = {"Proxy-Authorization": f"Basic {login}"} if login else {}
        if login and proxy:
            secrets += [login, proxy.password or ""]
        # A proxy passes requests without TLS on, and reads their own headers.
        tunnel = address.scheme == "https"
        self._for_proxy = for_proxy if tunnel else None
        self._query = address.query
        self._secrets = any_spelling(secrets)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            headers=headers if tunnel else headers | for_proxy,
            cookie_jar=aiohttp.DummyCookieJar(),
            # The library shows its address with connections that are left open.
            proxy=proxy and proxy.with_user(None),
        )

    async def send(self, method: Literal["GET", "POST"], url: URL, payload: bytes | None = None) -> Reply:
        """As `Transport.send`."""
        try:
            # A redirected POST would become a GET, and the key would go elsewhere.
            async with self._session.request(
                method,
                url.with_query(self._query),
                data=payload,
                allow_redirects=False,
                proxy_headers=self._for_proxy,
            ) as response:
                body = bytearray()
                async for part in response.content.iter_any():
                    body += part
                    if len(body) > MOST_BYTES:
                        raise Fault(f"the answer has more than {MOST_BYTES >> 20} MiB")
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as bad:
            reason = self._masked(str(bad.strerror or bad))
            raise Fault(f"no connection to {url.origin()}: {reason}", overload=True, unreachable=True) from None
        except (aiohttp.ClientError, OSError) as bad:
            reason = self._masked(str(bad) or type(bad).__name__)
            raise Fault(f"the connection broke: {reason}", overload=True) from None
        if self._secrets is None:
            return Reply(response.status, response.headers, bytes(body))
        headers = CIMultiDict((name, self._masked(value)) for name, value in response.headers.items())
        return Reply(response.status, headers, self._secrets.sub(MASK.encode(), body))

    def _masked(self, text: str) -> str:
        if self._secrets is None:
            return text
        return self._secrets.sub(MASK.encode(), text.encode("utf-8", "replace")).decode("utf-8", "replace")

    async def aclose(self) -> None:
        """As `Transport.aclose`."""
        await self._session.close()


def below(address: URL, path: str) -> URL:
    """A path below the server's address."""
    return address.joinpath(*path.split("/"))


def _proxy(address: URL) -> tuple[URL | None, str]:
    """The proxy that the environment names for this address, and the login for it; asked once, not at every request."""
    host = address.host or ""
    text = "" if _is_loopback(host) or proxy_bypass(host) else getproxies().get(address.scheme, "")
    if not text:
        return None, ""
    try:
        proxy = URL(text if "://" in text else f"http://{text}")
    except ValueError:
        proxy = URL()
    if proxy.scheme not in ("http", "https") or not proxy.host:
        raise ConfigError(
            f"the proxy {masked_address(text)!r}, which the environment names for {address.scheme}, is no address",
            f"One looks like http://localhost:3128; unset {address.scheme.upper()}_PROXY to do without.",
        )
    login = f"{proxy.user or ''}:{proxy.password or ''}" if proxy.user or proxy.password else ""
    return proxy, b64encode(login.encode()).decode()


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
