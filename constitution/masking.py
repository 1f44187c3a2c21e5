"""What must not be written down or shown: passwords and keys in addresses, and whatever a server echoes of them."""

import re
from collections.abc import Iterable

MASK = "***"
# What a query may hold that is no secret: Azure's servers are called with it.
PLAIN = frozenset({"api-version"})
# Placeholders for servers that want no key ("EMPTY", "not-needed") are words that answers hold too. Keys hold
# digits, or are longer than words.
SHORTEST, LONGER_THAN_WORDS = 8, 20

_USER = re.compile(r"^(\w+://)?.*@", re.DOTALL)
_NAME = re.compile(r"[A-Za-z][\w.-]{0,40}")
_ESCAPED = {'"': "quot", "&": "amp", "<": "lt", ">": "gt", "'": "apos"}


def holds_user(address: str) -> bool:
    """Whether an address may hold a user and a password: any @ may end them, as people forget to escape them."""
    return "@" in address


def masked_address(address: str) -> str:
    """An address, or what was meant to be one, without user and password, and without the values of its query."""
    head, _, query = _USER.sub(rf"\1{MASK}@", address).partition("#")[0].partition("?")
    return f"{head}?{'&'.join(map(_masked_field, query.split('&')))}" if query else head


def any_spelling(secrets: Iterable[str]) -> re.Pattern[bytes] | None:
    """What finds these secrets in bytes of UTF-8, plain or escaped as URLs, JSON and HTML do it.

    Character by character, as each of them may be escaped or not. None if there are no secrets, or only words.
    """
    long = {secret for secret in secrets if _is_no_word(secret)}
    patterns = ["".join(map(_spellings, secret)) for secret in sorted(long, key=len, reverse=True)]
    return re.compile("|".join(patterns).encode()) if patterns else None


def _is_no_word(secret: str) -> bool:
    digits = any(character.isdigit() for character in secret)
    return len(secret) >= (SHORTEST if digits else LONGER_THAN_WORDS)


def _masked_field(field: str) -> str:
    name, _, value = field.partition("=")
    if name in PLAIN:
        return field
    # A key without a name may end in a = of its own.
    return f"{name}={MASK}" if _NAME.fullmatch(name) and value.strip("=") else MASK


def _spellings(character: str) -> str:
    """A pattern for one character; each branch begins with a byte that `re` can look for quickly."""
    plain = re.escape(character)
    percent = "".join(f"%{_hex(byte, 2)}" for byte in character.encode())
    units = character.encode("utf-16-be")
    pairs = [int.from_bytes(units[place : place + 2], "big") for place in range(0, len(units), 2)]
    json = "".join(rf"\\\\*u{_hex(unit, 4)}" for unit in pairs)
    html = rf"&(?:amp;)*#(?:0*{ord(character)}|[xX]0*{_hex(ord(character), 1)});"
    branches = [plain, percent, json, html]
    if not character.isalnum():
        branches.append(rf"\\\\*{plain}")
    if name := _ESCAPED.get(character):
        branches.append(f"&{name};")
    return f"(?:{'|'.join(branches)})"


def _hex(number: int, digits: int) -> str:
    """A number in hexadecimal digits, in capitals or not."""
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in f"{number:0{digits}x}")
