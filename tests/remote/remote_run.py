"""A run at a URL in a process of its own, as `generate --out URL` makes it, with faster uploads.

    python remote_run.py URL PROMPTS PAUSE SECONDS_PER_CALL [FORM]
"""

import asyncio
import sys

from constitution import Settings, generate
from constitution.engines import scripted
from constitution.remote.copies import local_folder
from constitution.remote.mirror import mirrored


def slowed(seconds: float) -> None:
    """Have every call of the scripted engine take so long."""
    answer = scripted.ScriptedEngine.generate

    async def slow(self, *args, **named):
        await asyncio.sleep(seconds)
        return await answer(self, *args, **named)

    scripted.ScriptedEngine.generate = slow


def main() -> None:
    """Make the run, or go on with it."""
    url, prompts, pause, seconds, *form = sys.argv[1:]
    slowed(float(seconds))
    folder = local_folder(url, new=True)
    with mirrored(folder, *form, tell=lambda line: print(line, file=sys.stderr, flush=True), pause=float(pause)):
        asyncio.run(generate(Settings(prompts=prompts, out=str(folder), engine="scripted", rounds=1, concurrency=4)))


if __name__ == "__main__":
    main()
