"""Try principles again whenever their file is saved, with the models kept loaded."""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path

from watchfiles import Change, awatch

from constitution.config import Settings
from constitution.engines.pool import Engines
from constitution.errors import ConfigError, ConstitutionError, ModelError
from constitution.principles import find_principles, load_principles
from constitution.records import Prompt
from constitution.rendering import find_set
from constitution.tasks import task_group
from constitution.templating import load_templates
from constitution.trial import Pass, Show, Trials, chosen

# Editors save in several steps: what changes within so many milliseconds of each other is one save.
SETTLE_MS = 50
# How often it is looked whether the folders are the same ones as before.
LOOK_MS = 500
# The others in a template set's folder are an editor's own.
TEMPLATE_FILES = {".jinja", ".yaml"}


async def try_principles(
    settings: Settings, prompt: Prompt, only: Sequence[str], show: Show, watch: bool = False
) -> Pass:
    """Put a prompt through a file's principles; with `watch` again whenever the file or its template set is saved.

    A pass that is under way is finished before what was saved meanwhile is tried.

    Args:
        settings: Name the file, the template set and the models.
        prompt: What is asked.
        only: Ids of principles; all, if there are none.
        show: Told what is found; while watching, also what is wrong with a file as it was saved.
        watch: Never return.

    Raises:
        ConstitutionError: The file or the template set is broken at the start; the model cannot be loaded.
    """
    async with Engines() as engines:
        trials = Trials(settings, prompt, engines)
        if not watch:
            return await _pass(settings, trials, only, show)
        saved = asyncio.Event()
        async with task_group() as group:
            group.create_task(_notice(settings, saved))
            # From here on every save is noticed: so the file is read after that.
            await asyncio.sleep(0)
            await _pass(settings, trials, only, show)
            while True:
                await saved.wait()
                saved.clear()
                try:
                    await _pass(settings, trials, only, show)
                except ModelError:
                    raise
                except ConstitutionError as bad:
                    show.refused(bad)


async def _pass(settings: Settings, trials: Trials, only: Sequence[str], show: Show) -> Pass:
    principles = chosen(load_principles(settings.principles), only, find_principles(settings.principles))
    templates = load_templates(settings.templates, settings.few_shots, settings.system_prompt)
    return await trials.go(templates, principles, show)


async def _notice(settings: Settings, saved: asyncio.Event) -> None:
    """Tell of every change of the file, also where it is a link, and of the template set's files.

    Their folders are watched: most editors write a new file and give it the name of the old one, which a watch of the
    old file itself would not survive. A folder that is removed, or moved, is watched again once one of its name is
    there, as after a checkout of another branch.

    Raises:
        ConfigError: The system watches no more files.
    """
    file, templates = find_principles(settings.principles).absolute(), find_set(settings.templates).absolute()
    files, folders = {file, file.resolve()}, {templates, templates.resolve()}

    watched = {*folders, *(path.parent for path in files)}

    def ours(_: Change, name: str) -> bool:
        path = Path(name)
        return path in files or path in watched or (path.parent in folders and path.suffix in TEMPLATE_FILES)

    anew = False
    while True:
        try:
            await _notice_in(watched, ours, saved, anew)
        except (OSError, RuntimeError) as bad:
            # Folders that are made anew may be gone again by now.
            if not anew or all(map(os.path.isdir, watched)):
                raise ConfigError(f"--watch: {file.parent} cannot be watched: {bad}", "Leave out --watch.") from None
        anew = True
        await asyncio.sleep(LOOK_MS / 1000)
        while not all(map(os.path.isdir, watched)):
            await asyncio.sleep(LOOK_MS / 1000)


async def _notice_in(watched: set[Path], ours: Callable[[Change, str], bool], saved: asyncio.Event, anew: bool) -> None:
    """Tell of changes until one of the folders is gone: the system's watch ends with it, without a word.

    Told is also that the watch has begun, if it has `anew`: what was saved before it was not noticed.
    """
    before = _identities(watched)
    events = awatch(
        *watched, watch_filter=ours, step=SETTLE_MS, recursive=False, rust_timeout=LOOK_MS, yield_on_timeout=True
    )
    async with aclosing(events):
        async for changes in events:
            if changes or anew:
                saved.set()
            anew = False
            # A folder made anew may have the number of the one that is gone; then that one's end was told.
            gone = any(change is Change.deleted and Path(name) in watched for change, name in changes)
            if gone or _identities(watched) != before:
                return


def _identities(folders: set[Path]) -> set[object]:
    """What a folder of the same name that was made anew does not share."""
    found: set[object] = set()
    for folder in folders:
        try:
            there = folder.stat()
        except OSError:
            found.add(folder)
        else:
            found.add((folder, there.st_dev, there.st_ino))
    return found
