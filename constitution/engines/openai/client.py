"""One request to one server, and what went wrong with it if nothing came back."""

from ipaddress import ip_address
from typing import Literal, Protocol
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from constitution.engines.openai.refusals import Fault, Reply

CONNECT_SECONDS = 30.0


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

    Args:
        address: Of the server; decides whether a proxy is used.
        key: Sent with every request, and masked in all that comes back; None sends none.
    """

    def __init__(self, address: URL, key: str | None) -> None:
        self._key = (key or "").encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=_proxy(address),
        )

    async def send(self, method: Literal["GET", "POST"], url: URL, payload: bytes | None = None) -> Reply:
        """As `Transport.send`."""
        try:
            # A redirected POST would become a GET, and the key would go elsewhere.
            async with self._session.request(method, url, data=payload, allow_redirects=False) as response:
                body = await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as bad:
            reason = bad.strerror or bad
            raise Fault(f"no connection to {url.origin()}: {reason}", overload=True, unreachable=True) from None
        except (aiohttp.ClientError, OSError) as bad:
            raise Fault(f"the connection broke: {bad or type(bad).__name__}", overload=True) from None
        if self._key and self._key in body:
            body = body.replace(self._key, b"***")
        return Reply(response.status, response.headers, body)

    async def aclose(self) -> None:
        """As `Transport.aclose`."""
        await self._session.close()


def below(address: URL, path: str) -> URL:
    """A path below the server's address, whose query, if it has one, goes along."""
    return address.joinpath(*path.split("/")).with_query(address.query)


def _proxy(address: URL) -> str | None:
    """The proxy that the environment names for this address; asked once, not at every request."""
    host = address.host or ""
    if _is_loopback(host) or proxy_bypass(host):
        return None
    return getproxies().get(address.scheme)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
