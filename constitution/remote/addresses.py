"""URLs of files and folders, and the file systems behind them."""

import re
from typing import TYPE_CHECKING

from constitution.errors import ConstitutionError, first_line
from constitution.masking import masked_address

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# Two letters at least: `C://` is a drive.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://[^\s'\"<>]+")
# Protocols whose whole address is the name: a ? in it begins a query, and is no pattern.
WEB = ("http", "https")
# What brings the protocols that fsspec knows and does not speak by itself.
PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "az": "adlfs",
    "adl": "adlfs",
    "oss": "ossfs",
    "oci": "ocifs",
    "sftp": "paramiko",
    "ssh": "paramiko",
    "smb": "smbprotocol",
    "webdav": "webdav4[fsspec]",
    "dropbox": "dropboxdrivefs requests dropbox",
    "gdrive": "gdrive_fsspec",
}


def is_url(name: str) -> bool:
    """Whether a name is a URL, and no path."""
    return bool(_URL.match(name))


def protocol_of(url: str) -> str:
    """What stands before `://`, in small letters."""
    return url.partition("://")[0].lower()


def masked(name: str) -> str:
    """A URL without user, password and the values of its query; a path as it is."""
    if not is_url(name):
        return name
    scheme, _, rest = name.partition("://")
    # In other protocols, @ and what stands after # are letters of a file's name as good as any.
    if scheme.lower() in WEB or "@" in rest.partition("/")[0]:
        return masked_address(name)
    head, mark, query = name.partition("?")
    return masked_address(f"x?{query}").replace("x?", f"{head}?", 1) if mark else head


def reason(bad: BaseException) -> str:
    """The first line of what a file system's error says, the URLs in it masked."""
    return _IN_TEXT.sub(lambda found: masked(found[0]), first_line(bad))


def filesystem(url: str, error: type[ConstitutionError]) -> tuple["AbstractFileSystem", str]:
    """The file system that a URL belongs to, and its path there.

    Args:
        url: Of a file or folder.
        error: What is raised.

    Raises:
        ConstitutionError: Nobody knows the protocol, or a package is missing (with what to install).
    """
    from fsspec.core import url_to_fs

    protocol = protocol_of(url)
    try:
        files, path = url_to_fs(url)
    except ImportError as bad:
        package = PACKAGES.get(protocol)
        hint = f"pip install {package}" if package else f"Install what it says: {reason(bad)}"
        raise error(f"{masked(url)}: the protocol {protocol}:// needs a package that is not installed", hint) from None
    except ValueError as bad:
        raise error(
            f"{masked(url)}: cannot be used: {reason(bad)}", "For example s3://BUCKET/…, gs://BUCKET/…, file:///…"
        ) from None
    except Exception as bad:
        # Each package has errors of its own, for credentials that are missing among other things.
        raise error(f"{masked(url)}: cannot be opened: {reason(bad)}", credentials_hint(protocol)) from None
    # A listing that was kept in memory tells nothing of what others have written since.
    files.invalidate_cache()
    return files, str(path)


def credentials_hint(protocol: str) -> str:
    """Where the file system of a protocol looks for credentials."""
    where = {
        "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, AWS_ENDPOINT_URL",
        "gs": "GOOGLE_APPLICATION_CREDENTIALS",
        "gcs": "GOOGLE_APPLICATION_CREDENTIALS",
        "abfs": "AZURE_STORAGE_CONNECTION_STRING",
        "az": "AZURE_STORAGE_CONNECTION_STRING",
        "hf": "HF_TOKEN",
    }.get(protocol)
    return f"Check the name, the network and the credentials ({where})." if where else "Check the name and the network."
