"""`constitution merge` of shards at URLs, into a run at a URL."""

import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from constitution.remote.folder import RemoteFolder
from constitution.remote.holder import this_process, write_holder
from remote.machines import Machine

Machines = Callable[[str], Machine]


def rows_of(machine: Machine) -> list[bytes]:
    return sorted((machine.copy / "transcripts.jsonl").read_bytes().splitlines())


@pytest.fixture
def shards(machine: Machines, place: Path) -> list[str]:
    """The URLs of shards 1/3 to 3/3, each made on a machine of its own."""
    urls = [place.with_name(f"{number}").as_uri() for number in (1, 2, 3)]
    for number, url in enumerate(urls, 1):
        made = replace(machine(f"maker-{number}"), url=url).generate("--shard", f"{number}/3")
        assert (made.code, made.err) == (0, "")
    return urls


@pytest.fixture
def whole(generated: Callable[..., Path], machine: Machines) -> list[bytes]:
    """The rows of the same run, not cut, in a folder."""
    run = generated("local", model=str(machine("a").rules))
    return sorted((run / "transcripts.jsonl").read_bytes().splitlines())


def test_shards_at_urls_are_joined_into_a_run_at_a_url(
    machine: Machines, shards: list[str], whole: list[bytes]
) -> None:
    here, elsewhere = machine("here"), machine("elsewhere")
    told = here("merge", *shards, "--out", here.url)
    assert told.code == 0, told.err
    assert f"{here.url}: 3 shards joined" in told.out
    assert f"constitution export {here.url} --to DIR" in told.err
    assert elsewhere("status", here.url).code == 0
    assert elsewhere.files() == here.files()
    assert rows_of(elsewhere) == whole
    # And into a folder.
    assert here("merge", *shards, "--out", here.home / "joined").code == 0
    assert sorted((here.home / "joined" / "transcripts.jsonl").read_bytes().splitlines()) == whole


def test_a_missing_shard_is_told_by_its_url_and_what_is_pending_goes_on_at_the_url(
    machine: Machines, shards: list[str], whole: list[bytes], place: Path
) -> None:
    here, elsewhere = machine("here"), machine("elsewhere")
    refused = here("merge", shards[0], shards[2], "--out", here.url)
    assert refused.code == 2
    assert f"Make it: constitution generate --out {shards[1]} " in refused.err
    assert not list(place.rglob("*.json*"))
    told = here("merge", shards[0], shards[2], "--out", here.url, "--allow-missing")
    assert told.code == 0, told.err
    command = re.search(r"^Go on with what is pending: constitution (.+)$", told.err, re.MULTILINE)
    assert command and f"--out {here.url} " in command[1]
    assert elsewhere(*shlex.split(command[1])).code == 0
    assert rows_of(elsewhere) == whole


def test_what_cannot_be_joined_at_a_url_is_named_by_it(machine: Machines, shards: list[str], place: Path) -> None:
    here = machine("here")
    assert f"{here.url}: no run there" in here("merge", *shards, here.url, "--out", here.home / "run").err
    assert f"{shards[0]}: there already" in here("merge", *shards, "--out", shards[0]).err
    assert f"lies in {shards[0]}" in here("merge", *shards, "--out", f"{shards[0]}/run").err
    # A machine that is at work on a shard.
    holder = this_process("somebody").model_copy(update={"host": "another"})
    write_holder(RemoteFolder(shards[1]), holder)
    refused = here("merge", *shards, "--out", here.url)
    assert f"{shards[1]}: another process is writing this run" in refused.err
    assert not list(place.rglob("*.json*"))
