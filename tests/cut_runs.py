"""Shards of a run that is there already, as if each had been made by itself.

python tests/cut_runs.py RUN FOLDER NUMBER
"""

import sys
from contextlib import ExitStack
from pathlib import Path

from constitution.journal import read_lines
from constitution.manifest import load_manifest, write_manifest
from constitution.shard_sets import STAGES
from constitution.shards import Shard


def cut(run: Path, into: Path, of: int) -> list[Path]:
    """Write shards 1 to `of` of a run into the folders `into`/1 to `into`/`of`.

    Args:
        run: Made by `make_run`, or by the program.
        into: Made.
        of: How many.
    """
    folders = [into / str(number) for number in range(1, of + 1)]
    for folder in folders:
        folder.mkdir(parents=True)
    for stage in STAGES:
        if not (run / stage.manifest).exists():
            continue
        for name in (stage.calls, stage.outcomes, stage.failures, stage.filtered):
            with ExitStack() as files:
                parts = [files.enter_context((folder / name).open("xb", buffering=1 << 20)) for folder in folders]
                for line in read_lines(run / name):
                    parts[line.position % of].write(line.text)
        whole = load_manifest(run, stage)
        for number, folder in enumerate(folders, 1):
            shard = Shard(number, of)
            rows = shard.rows(0, whole.input)
            settings = whole.settings | {"shard": str(shard), "out": str(folder)}
            affecting = whole.affecting | {"shard": str(shard)}
            changed = (
                {"input": rows, "whole": whole.input, "settings": settings, "affecting": affecting}
                if stage.make == "generate"
                else {"input": rows}
            )
            write_manifest(folder, stage, whole.model_copy(update=changed))
    return folders


if __name__ == "__main__":
    cut(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
