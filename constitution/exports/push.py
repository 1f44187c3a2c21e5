"""An export on the Hugging Face Hub."""

import shlex
from pathlib import Path

from constitution.errors import ExportError, first_line


def check_push(name: str) -> None:
    """Refuse what cannot be pushed to, before anything is exported.

    Raises:
        ExportError: The name is not one of a dataset, the Hub is switched off, or nobody is logged in.
    """
    from huggingface_hub import constants, get_token
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
        valid = name.count("/") == 1
    except HFValidationError:
        valid = False
    if not valid:
        raise ExportError(
            f"--push {name!r}: not a dataset's name on the Hub", "Give OWNER/NAME, for example --push me/harmless-pairs"
        )
    if constants.HF_HUB_OFFLINE:
        raise ExportError(f"--push {name}: the Hub is switched off by HF_HUB_OFFLINE", "Unset it, or leave out --push.")
    if get_token() is None:
        raise ExportError(
            f"--push {name}: not logged in to the Hugging Face Hub", "Log in with `hf auth login`, or set HF_TOKEN."
        )


def push(folder: Path, name: str, private: bool = False) -> str:
    """Upload an export as a dataset; made if it does not exist, files of the same path replaced.

    Args:
        folder: The export.
        name: `OWNER/NAME`.
        private: Whether a new dataset is hidden from others; one that is there stays as it is.

    Returns:
        Its address.

    Raises:
        ExportError: It cannot be uploaded; the export stays where it is.
    """
    from huggingface_hub import HfApi

    # The base of what its HTTP library raises, whichever that is.
    from huggingface_hub.errors import HfHubHTTPError, HTTPError

    check_push(name)
    upload = shlex.join(["hf", "upload", name, str(folder), ".", "--repo-type", "dataset"])
    again = f"The export is in {folder}. To upload it later: {upload}"
    api = HfApi()
    try:
        made = api.create_repo(name, repo_type="dataset", private=private, exist_ok=True)
        api.upload_folder(
            repo_id=name, repo_type="dataset", folder_path=folder, commit_message="Export of constitution"
        )
    except HfHubHTTPError as bad:
        status = bad.response.status_code
        if status == 401:
            raise ExportError(
                f"--push {name}: the Hub does not know this token", f"Log in with `hf auth login`. {again}"
            ) from None
        if status == 403:
            raise ExportError(
                f"--push {name}: this token may not write there",
                f"Use a token with write access, and a name of your own or your organisation's. {again}",
            ) from None
        raise ExportError(f"--push {name}: the Hub refused ({status}): {first_line(bad)}", again) from None
    except ValueError as bad:
        # The Hub looked at the card before it took anything: its answer is in the lines after the first.
        raise ExportError(f"--push {name}: the Hub refused the card: {' '.join(str(bad).split())}", again) from None
    except (HTTPError, OSError) as bad:
        raise ExportError(f"--push {name}: the Hub cannot be reached: {first_line(bad)}", again) from None
    return str(made)
