"""What goes over the line between a worker and the driver: frames of a kind and a body.

A worker's bodies are JSON, checked like a journal's lines: the driver never unpickles. The driver's are pickles, for
rows and jobs are what Python made of the input; a worker trusts the driver, which has given it its code already.
"""

import asyncio
import hashlib
import hmac
import pickle
import secrets
import struct
from enum import IntEnum
from typing import Any

_HEAD = struct.Struct("!BQ")
# A row's calls come in one frame, and a prompt may be as long as a model's context.
MOST_BYTES = 1 << 31
_NONCE = 32


class Kind(IntEnum):
    """What a frame says."""

    # A worker's.
    HELLO = 1
    CALL = 2
    ROW = 3
    USAGE = 4
    FAULT = 5
    HALTED = 6
    # The driver's.
    JOB = 16
    ROWS = 17
    KEPT = 18
    HALT = 19
    LEAVE = 20
    # The token is right: the models are to be opened.
    WELCOME = 21


def load(body: bytes) -> Any:
    """What the driver sent."""
    return pickle.loads(body)


class LineBroken(Exception):
    """The other end is gone, or is no end of ours."""


class Line:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @property
    def peer(self) -> str:
        """The address of the other end."""
        name = self._writer.get_extra_info("peername")
        return f"{name[0]}:{name[1]}" if name else "unknown"

    def send(self, kind: Kind, body: bytes = b"") -> None:
        """Queue a frame; what a broken line does not take is told by `read`."""
        if not self._writer.is_closing():
            self._writer.write(_HEAD.pack(kind, len(body)) + body)

    def send_object(self, kind: Kind, value: Any) -> None:
        """Queue a frame of the driver's."""
        self.send(kind, pickle.dumps(value))

    async def drain(self) -> None:
        """Wait until the other end has taken most of what was sent."""
        try:
            await self._writer.drain()
        except OSError as bad:
            raise LineBroken(str(bad)) from None

    async def read(self) -> tuple[Kind, bytes]:
        """The next frame.

        Raises:
            LineBroken: There is none to come.
        """
        try:
            kind, length = _HEAD.unpack(await self._reader.readexactly(_HEAD.size))
            if length > MOST_BYTES:
                raise LineBroken("a frame that is too long")
            return Kind(kind), await self._reader.readexactly(length)
        except (OSError, EOFError, ValueError) as bad:
            raise LineBroken(str(bad) or type(bad).__name__) from None

    def close(self) -> None:
        """Hang up; what was sent still goes out."""
        self._writer.close()

    async def prove(self, token: bytes, first: bool) -> None:
        """Both ends show that they know the token, without saying it.

        Args:
            token: The run's secret.
            first: Whether this is the end that speaks first: the driver.

        Raises:
            LineBroken: The other end does not know it.
        """
        nonce = secrets.token_bytes(_NONCE)
        self._writer.write(nonce)
        try:
            other = await self._reader.readexactly(_NONCE)
            self._writer.write(_proof(token, other, first))
            proof = await self._reader.readexactly(hashlib.sha256().digest_size)
        except (OSError, EOFError) as bad:
            raise LineBroken(str(bad) or type(bad).__name__) from None
        if not hmac.compare_digest(proof, _proof(token, nonce, not first)):
            raise LineBroken("the other end does not know the run's token")


def _proof(token: bytes, nonce: bytes, first: bool) -> bytes:
    return hmac.digest(token, nonce + (b"driver" if first else b"worker"), "sha256")
