"""A run at a URL in a process of its own, as `generate --out URL` makes it, but with uploads as often as a test wants.

python remote_run.py URL PROMPTS RULES PAUSE [FORM]
"""

import asyncio
import sys


def main() -> None:
    """Make the run, or go on with it."""
    from constitution import Settings, generate
    from constitution.remote import mirror
    from constitution.remote.keeping import local_folder, mirrored

    url, prompts, rules, pause, *form = sys.argv[1:]
    folder = local_folder(url, new=True)
    settings = Settings(prompts=prompts, out=str(folder), engine="scripted", model=rules, rounds=1, concurrency=4)
    mirror.LAST_PAUSES = (0.0, 0.1)
    with mirrored(folder, *form, tell=lambda line: print(line, file=sys.stderr, flush=True), pause=float(pause)):
        asyncio.run(generate(settings))


if __name__ == "__main__":
    main()
