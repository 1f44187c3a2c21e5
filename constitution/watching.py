"""Try principles again whenever their file is saved, with the models kept loaded."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from watchfiles import Change, awatch

from constitution.config import Settings
from constitution.engines.pool import Engines
from constitution.errors import ConfigError, ConstitutionError, ModelError
from constitution.principles import find_principles, load_principles
from constitution.records import Prompt
from constitution.rendering import find_set
from constitution.templating import load_templates
from constitution.trial import Pass, Show, Trials, chosen

# Editors save in several steps: what changes within so many milliseconds of each other is one save.
SETTLE_MS = 50
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
        try:
            async with asyncio.TaskGroup() as group:
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
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None


async def _pass(settings: Settings, trials: Trials, only: Sequence[str], show: Show) -> Pass:
    principles = chosen(load_principles(settings.principles), only, find_principles(settings.principles))
    templates = load_templates(settings.templates, settings.few_shots, settings.system_prompt)
    return await trials.go(templates, principles, show)


async def _notice(settings: Settings, saved: asyncio.Event) -> None:
    """Tell of every change of the file, also where it is a link, and of the template set's files.

    Their folders are watched: most editors write a new file and give it the name of the old one, which a watch of the
    old file itself would not survive.

    Raises:
        ConfigError: The system watches no more files.
    """
    file, templates = find_principles(settings.principles).absolute(), find_set(settings.templates).absolute()
    files, folders = {file, file.resolve()}, {templates, templates.resolve()}

    def ours(_: Change, name: str) -> bool:
        path = Path(name)
        return path in files or (path.parent in folders and path.suffix in TEMPLATE_FILES)

    watched = {*folders, *(file.parent for file in files)}
    try:
        async for _ in awatch(*watched, watch_filter=ours, step=SETTLE_MS, recursive=False):
            saved.set()
    except (OSError, RuntimeError) as bad:
        raise ConfigError(f"--watch: {file.parent} cannot be watched: {bad}", "Leave out --watch.") from None
