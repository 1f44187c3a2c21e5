"""Where reviews are given: what is asked, what was answered, and one answer at a time."""

import math
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Literal

from constitution.errors import ConstitutionError, RunError
from constitution.manifest import COMPARE, REVISE
from constitution.records import Comparison, Transcript
from constitution.reviews import Review, append, writing
from constitution.view.answering import review_of, same
from constitution.view.answers import Answers, name_of
from constitution.view.forms import Answer, Refused
from constitution.view.item import Item
from constitution.view.queue import COMPARISONS, REVISIONS, Queue, Sample
from constitution.view.sides import button_of

# Seconds of reading that a page waits for, and between two of them, so that others get their turn.
READING, TURN = 0.05, 0.005
# Seconds that whoever wants to be asked waits until all is read: who comes first is known only then.
ORDERING = 3.0
KindName = Literal["comparison", "revision"]


class Contradicted(Exception):
    """Another page has answered meanwhile: nothing is saved.

    Args:
        standing: What counts now; None if nothing does any more.
        given: What was to be saved.
    """

    def __init__(self, standing: Review | None, given: Review) -> None:
        super().__init__()
        self.standing = standing
        self.given = given


@dataclass(frozen=True)
class Progress:
    """How far a reviewer is with one kind.

    Attributes:
        items: How many there are.
        reading: Whether there may be more, which are not read yet.
        done: How many they have answered, those left out that they skipped.
        skipped: How many they skipped.
        outdated: How many answers are about texts that are not there any more: these are asked again.
        buttons: How often which answer, by the form's buttons.
        fault: Why there may be more that cannot be read.
    """

    items: int
    reading: bool
    done: int
    skipped: int
    outdated: int
    buttons: Mapping[str, int]
    fault: RunError | None

    @property
    def left(self) -> int:
        """How many are not answered yet."""
        return self.items - self.done - self.skipped


class Desk:
    """One run's queues and answers, kept up with the files; several requests may ask at once.

    Args:
        run: The run's folder.
        sample: What is reviewed; None: everything.
    """

    def __init__(self, run: Path, sample: Sample | None) -> None:
        self._run = run
        self._sample = sample
        self._queues: dict[KindName, Queue[Comparison] | Queue[Transcript]] = {
            "comparison": Queue(run / COMPARE.outcomes, COMPARISONS, sample),
            "revision": Queue(run / REVISE.outcomes, REVISIONS, sample),
        }
        self._answers = Answers(run)
        self._lock = Lock()

    def warm(self) -> None:
        """Read what is there before somebody asks, who seldom waits then; what is wrong with it, pages tell."""
        for kind in self._queues:
            with suppress(ConstitutionError):
                self._read(kind, math.inf)

    def progress(self, kind: KindName, reviewer: str) -> Progress:
        """How far a reviewer is.

        Raises:
            RunError: The reviews are damaged; so do all others.
        """
        with self._lock:
            self._refresh(kind)
            queue = self._queues[kind]
            theirs = [key for key in self._answers.keys(reviewer) if key in queue]
            current = [review for key in theirs if (review := self._answers.on(reviewer, key, queue.shown(key)))]
            skipped = sum(review.verdict == "skip" for review in current)
            return Progress(
                items=len(queue),
                reading=queue.reading,
                done=len(current) - skipped,
                skipped=skipped,
                outdated=len(theirs) - len(current),
                buttons=Counter(map(button_of, current)),
                fault=queue.fault,
            )

    def left_out(self) -> int:
        """How many ids of the sample nobody is asked about; 0 while that is not known.

        Raises:
            RunError: A journal is damaged.
        """
        if self._sample is None:
            return 0
        with self._lock:
            for kind in self._queues:
                self._refresh(kind)
            queues = self._queues.values()
            asked = {place for queue in queues for place in queue.sampled}
            known = not any(queue.reading or queue.fault for queue in queues)
            return len(self._sample) - len(asked) if known else 0

    def next(self, kind: KindName, reviewer: str, after: str = "", again: bool = False) -> str | None:
        """The first item that the reviewer has not answered; with `again`, the next behind it that they skipped.

        Always the first of all, so that reviewers judge the same ones however few each of them judges.

        Returns:
            Its key; None if there is none, or not all is read yet.
        """
        self._read(kind, ORDERING)
        with self._lock:
            queue, theirs = self._queues[kind], self._answers.keys(reviewer)
            if queue.reading:
                return None

            def answer(key: str) -> Review | None:
                return self._answers.on(reviewer, key, queue.shown(key)) if key in theirs else None

            def open_(key: str) -> bool:
                return answer(key) is None

            def skipped(key: str) -> bool:
                # What is skipped a second time is not asked a third time in the same round.
                ahead = not after or after not in queue or queue.place(key) > queue.place(after)
                return ahead and (said := answer(key)) is not None and said.verdict == "skip"

            return queue.first(skipped if again else open_)

    def item(self, kind: KindName, reviewer: str, key: str) -> Item:
        """What a page shows.

        Raises:
            Refused: There is no such item.
        """
        with self._lock:
            self._refresh(kind)
            return self._item(kind, reviewer, key)

    def save(self, kind: KindName, reviewer: str, answer: Answer) -> None:
        """Keep an answer; it is on the disk when this returns. The same answer twice is kept once.

        Raises:
            RunError: It cannot be written, or another process does not let go of the reviews.
            Refused: It cannot be kept.
            Contradicted: The reviewer has answered on another page since this one was made.
            Unsaved: An edit would be lost.
        """
        # Other servers may ask the same reviewer: what is checked here stays so until the answer is kept.
        with writing(self._run):
            with self._lock:
                self._refresh(kind)
                item = self._item(kind, reviewer, answer.item)
            if answer.shown != item.shown:
                raise Refused("The texts have changed since the page was made: read them again.", 409)
            review = review_of(item, reviewer, answer)
            if item.standing and same(item.standing, review):
                return
            if answer.standing != item.name:
                raise Contradicted(item.standing, review)
            append(self._run, review)

    def _read(self, kind: KindName, seconds: float) -> None:
        """Read for so long, or to the end."""
        end = time.monotonic() + seconds
        while True:
            with self._lock:
                self._refresh(kind)
                if not self._queues[kind].reading or time.monotonic() > end:
                    return
            time.sleep(TURN)

    def _refresh(self, kind: KindName) -> None:
        self._queues[kind].refresh(READING)
        self._answers.refresh()

    def _item(self, kind: KindName, reviewer: str, key: str) -> Item:
        queue = self._queues[kind]
        if key not in queue and queue.reading:
            queue.refresh()
        if key not in queue:
            raise Refused("There is no such item in this run. It may have been made anew since the page was made.", 404)
        theirs = self._answers.keys(reviewer)
        history = [answered for answered in theirs if answered in queue]
        before = history[: history.index(key)] if key in theirs else history
        shown, record = queue.shown(key), queue.read(key)
        standing = self._answers.on(reviewer, key, shown)
        return Item(
            key=key,
            place=queue.place(key),
            record=record,
            shown=shown,
            standing=standing,
            outdated=key in theirs and standing is None,
            told=isinstance(record, Comparison) and self._answers.told(reviewer, key, shown),
            name=name_of(standing),
            back=before[-1] if before else None,
        )
