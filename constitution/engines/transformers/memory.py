"""How many sequences' keys and values fit into memory."""

import ctypes
import math
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

# glibc's malloc.h: its names for the knobs, and the most that it takes for the second.
M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -3, -1
LARGEST_KEPT = 32 << 20
KEPT = 1 << 30
CGROUP = Path("/sys/fs/cgroup")
# Shares of what is free; the rest is for passes, for what else runs here, and for growing buffers.
SHARE = {"cpu": 0.6}
SHARE_ELSEWHERE = 0.85
# A sequence is expected to hold so many tokens, prompt and answer.
TYPICAL = 1024


@dataclass(frozen=True)
class Memory:
    """Room for keys and values.

    Attributes:
        room: Bytes.
        bytes_per_token: Of one token, over all layers.
        where: The device's name, for messages.
    """

    room: int
    bytes_per_token: int
    where: str

    def slots(self, columns: int) -> int:
        """How many sequences of so many tokens fit."""
        return self.room // (self.bytes_per_token * columns)

    def too_long(self, columns: int) -> str:
        """What to say of a sequence that does not fit even alone."""
        needed = columns * self.bytes_per_token
        return (
            f"{columns} tokens need {needed / 1e9:.1f} GB of keys and values; {self.where} has {self.room / 1e9:.1f} GB"
        )


def keep_freed_memory() -> None:
    """Have the C library keep what a pass frees for the next one.

    By default it gives every large block back to the system at once and gets it anew, page by page: a fifth of the time
    of a prompt. Only glibc has these knobs; elsewhere this does nothing.
    """
    try:
        tune = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    tune(M_MMAP_THRESHOLD, LARGEST_KEPT)
    tune(M_TRIM_THRESHOLD, KEPT)


def free_memory(device: torch.device, bytes_per_token: int, promised: int = 0) -> Memory:
    """What is free on a device now, once the model is loaded; `promised` bytes of it are another model's."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
    else:
        free = min(psutil.virtual_memory().available, _left_to_container())
    room = max(0, int((free - promised) * SHARE.get(device.type, SHARE_ELSEWHERE)))
    return Memory(room, max(1, bytes_per_token), str(device))


def _left_to_container() -> float:
    """What a container's own limit leaves (cgroup v2), in bytes; infinite without one. Cached files give way."""
    try:
        most = CGROUP.joinpath("memory.max").read_text(encoding="ascii").strip()
        if most == "max":
            return math.inf
        lines = CGROUP.joinpath("memory.stat").read_text(encoding="ascii").splitlines()
        stat = {name: int(value) for name, value in map(str.split, lines)}
        used = int(CGROUP.joinpath("memory.current").read_text(encoding="ascii"))
        return int(most) - used + stat["inactive_file"]
    except (OSError, ValueError, KeyError):
        return math.inf
