"""Stable hashes and the numbers drawn from them; the same on every machine and Python."""

import hashlib
import json
from typing import Any


def digest(value: Any) -> str:
    """Hash any JSON-able value to 16 hex digits (64 bits); keys are sorted first."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def derive_seed(*parts: Any) -> int:
    """A seed in [0, 2^48) from the parts: small enough to pass unharmed through any JSON reader."""
    return int(digest(list(parts))[:12], 16)


def derive_uniform(*parts: Any) -> float:
    """A number in the open interval (0, 1) from the parts, 48 bits fine."""
    return (derive_seed(*parts) + 0.5) / 2**48
