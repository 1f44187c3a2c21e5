"""Keep a URL up to date with a run's folder while it is written."""

import threading
import time
from collections.abc import Callable
from itertools import groupby
from pathlib import PurePosixPath

from filelock import FileLock

from constitution.errors import RunError, first_line
from constitution.remote.copies import Copy, mirror_lock
from constitution.remote.folder import HOLDER, Piece, RemoteFolder, content_digest
from constitution.remote.holder import SIGN_SECONDS, Holder, check_free, read_holder, this_process, write_holder
from constitution.remote.pieces import form_of, piece_of, put, whole_lines
from constitution.remote.restoring import matching, moved_to, restore, was_moved

# Seconds between two uploads; at most, where the URL fails.
PAUSE, LONGEST_PAUSE = 30.0, 60.0
# Seconds before each attempt of the last upload.
LAST_PAUSES = (0.0, 1.0, 4.0)


class Mirror:
    """Uploads what a working copy has more than its URL, on a thread of its own.

    A failed upload is tried again and again; the run goes on, as its folder on this machine is whole.

    Args:
        copy: The working copy.
        form: How pieces of outcomes are stored: `jsonl` or `parquet`.
        tell: Prints a line.
        pause: Seconds between two uploads.

    Raises:
        Unreachable: The URL cannot be written.
        RunError: Another process is writing there, or the copy and the URL went different ways.
    """

    def __init__(self, copy: Copy, form: str, tell: Callable[[str], None], pause: float = PAUSE) -> None:
        self._copy, self._form, self._tell, self._pause = copy, form, tell, pause
        self._fault: RunError | OSError | None = None
        self._ended = threading.Event()
        self._finished = False
        self._late: RunError | None = None
        lock = mirror_lock(copy)
        if lock is None:
            raise RunError(
                f"{copy.url}: another process of this machine is writing this run", "Wait until it is done, or stop it."
            )
        self._lock: FileLock = lock
        try:
            self._folder = RemoteFolder(copy.url)
            self._holder = self._take_hold()
            listing = self._folder.listing()
        except BaseException:
            lock.release()
            raise
        self._pieces: dict[str, list[Piece]] = {name: list(pieces) for name, pieces in listing.journals.items()}
        # What may lie there beside them: covered by longer pieces, or of a put that failed and yet may have landed.
        self._stray: dict[str, list[Piece]] = {name: list(pieces) for name, pieces in listing.covered.items()}
        # What the small files' digests are there; unknown yet.
        self._files: dict[str, str] = dict.fromkeys(listing.files, "")
        self._inodes: dict[str, int] = {}
        self._thread = threading.Thread(target=self._run, name="mirror", daemon=True)
        self._thread.start()

    def _take_hold(self) -> Holder:
        found = check_free(self._folder, read_holder(self._folder), self._copy.link.writer, self._tell)
        own = this_process(self._copy.link.writer)
        self._folder.probe()
        restore(self._copy, self._folder, found.writer if found else "")
        self._copy.save()
        if (now := read_holder(self._folder)) != found:
            # Two began at once.
            check_free(self._folder, now, own.writer)
        return write_holder(self._folder, own)

    def finish(self) -> RunError | None:
        """Upload the rest and let others write; returns why the URL is not up to date, if it is not.

        It may be called again, and then only tells it again.
        """
        if self._finished:
            return self._late
        self._finished = True
        # Until it is known better: whoever interrupts the rest asks once more.
        self._late = self._not_up_to_date(RunError("interrupted while the rest was uploaded"))
        self._ended.set()
        try:
            self._thread.join()
            for pause in LAST_PAUSES:
                time.sleep(pause)
                if self._upload():
                    break
            if not self._fault:
                self._let_go()
        except RunError as bad:
            self._fault = bad
        finally:
            self._lock.release()
        self._late = self._not_up_to_date(self._fault) if self._fault else None
        return self._late

    def _let_go(self) -> None:
        self._give_sign(SIGN_SECONDS)
        if not self._pieces and not self._files:
            # The run did not begin.
            self._folder.remove(HOLDER)
            return
        write_holder(self._folder, self._holder.model_copy(update={"state": "done"}))
        self._copy.save(files=self._copy.states(), listing=self._folder.listing().digest)

    def _not_up_to_date(self, bad: RunError | OSError) -> RunError:
        told = bad.message.removeprefix(f"{self._folder}: ") if isinstance(bad, RunError) else first_line(bad)
        return RunError(
            f"{self._folder}: not up to date: {told}",
            f"Nothing is lost: all is in {self._copy.folder}. When the URL can be written again, the same command "
            "uploads the rest.",
        )

    def _run(self) -> None:
        pause = self._pause
        while not self._ended.wait(pause):
            pause = self._pause if self._upload() else min(2 * pause, LONGEST_PAUSE)

    def _upload(self) -> bool:
        """Upload what there is; whether all of it is there."""
        before, self._fault = self._fault, None
        try:
            while not self._one_pass():
                # A stage was begun anew meanwhile.
                time.sleep(0.01)
        except (RunError, OSError) as bad:
            self._fault = bad
            if not before and not self._finished:
                told = bad.message if isinstance(bad, RunError) else first_line(bad)
                self._tell(f"warning: {told}; the run goes on, and uploading is tried again")
            return False
        if before:
            self._tell(f"{self._folder}: up to date again")
        return True

    def _one_pass(self) -> bool:
        """Upload what there is, the deepest folders first: what is moved aside is there before it is taken away.

        Within a folder, outcomes of a stage that was begun anew are taken away before its new manifest comes, so that
        whatever a stop leaves is a state that the folder could have been left in, too.
        """
        self._give_sign(0.0)
        self._clear_strays()
        names = self._copy.names()
        every = {*names, *self._pieces, *self._files}
        ordered = sorted(every, key=lambda name: (-name.count("/"), name.rpartition("/")[0], name))
        if gone := [name for name in every - {*names} if not self._was_moved(name)]:
            raise RunError(
                f"{self._copy.folder / sorted(gone)[0]}: gone, and nothing is taken away from {self._folder}",
                "End the run; the same command brings it back.",
            )
        for _, group in groupby(ordered, key=lambda name: name.rpartition("/")[0]):
            here = list(group)
            journals = [name for name in here if PurePosixPath(name).suffix == ".jsonl"]
            stale = [name for name in journals if self._pieces.get(name) and not self._goes_on(name)]
            if stale and self._copy.names() != names:
                return False
            for name in stale:
                self._take_away(name)
            for name in here:
                if name not in journals and not self._upload_file(name):
                    return False
            for name in journals:
                if name in names and not self._upload_lines(name):
                    return False
        return True

    def _goes_on(self, name: str) -> bool:
        """Whether a journal is the one whose pieces lie at the URL, grown or not."""
        path, pieces = self._copy.folder / name, self._pieces[name]
        try:
            told = path.stat()
            if told.st_size < pieces[-1].end:
                return False
            if self._inodes.setdefault(name, told.st_ino) != told.st_ino:
                self._inodes[name] = told.st_ino
                return matching(path, pieces) == pieces[-1].end
            last = pieces[-1]
            with path.open("rb") as file:
                file.seek(last.start)
                return content_digest(file.read(last.end - last.start)) == last.digest
        except FileNotFoundError:
            return False

    def _was_moved(self, name: str) -> bool:
        if name in self._pieces:
            return was_moved(self._copy.folder, name, self._pieces[name])
        return bool(moved_to(self._copy.folder, name))

    def _take_away(self, name: str) -> None:
        """Remove a journal's pieces, the last one first, so that what is left is always its beginning."""
        pieces = self._pieces[name]
        while pieces:
            self._give_sign(SIGN_SECONDS)
            self._folder.remove(f"{name}.d/{pieces[-1].name}")
            pieces.pop()
        del self._pieces[name]
        self._inodes.pop(name, None)

    def _clear_strays(self) -> None:
        """Remove the pieces that may lie there and are not the journal's: when it is begun anew, they would be."""
        for name, strays in self._stray.items():
            while strays:
                if strays[-1] not in self._pieces.get(name, []):
                    self._folder.remove(f"{name}.d/{strays[-1].name}")
                strays.pop()

    def _upload_file(self, name: str) -> bool:
        """Bring a small file up to date; false if it was moved meanwhile."""
        path = self._copy.folder / name
        if name in self._files and not path.exists():
            self._give_sign(SIGN_SECONDS)
            self._folder.remove(name)
            del self._files[name]
            return True
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return False
        if self._files.get(name) != content_digest(content):
            self._give_sign(SIGN_SECONDS)
            self._folder.write(name, content)
            self._files[name] = content_digest(content)
        return True

    def _upload_lines(self, name: str) -> bool:
        """Upload a journal's new lines; false if it was moved meanwhile."""
        pieces = self._pieces.get(name, [])
        start = pieces[-1].end if pieces else 0
        form = form_of(name, self._form)
        try:
            for content in whole_lines(self._copy.folder / name, start):
                self._give_sign(SIGN_SECONDS)
                piece = piece_of(start, content, form)
                try:
                    put(self._folder, name, piece, content)
                except BaseException:
                    self._stray.setdefault(name, []).append(piece)
                    raise
                self._pieces.setdefault(name, []).append(piece)
                start = piece.end
        except FileNotFoundError:
            return False
        return True

    def _give_sign(self, seconds: float) -> None:
        """See that nobody else writes there; tell others that this process goes on, if it did not for so long.

        Called before whatever is changed there: who was taken for gone, and is not, must not go on.

        Raises:
            RunError: Another machine has begun to write.
        """
        found = read_holder(self._folder)
        if found and found.writer != self._holder.writer:
            raise RunError(
                f"{self._folder}: process {found.pid} on {found.host} writes this run since {found.since}",
                "Stop one of them.",
            )
        if time.time() - self._holder.seen >= seconds:
            self._holder = write_holder(self._folder, self._holder)
