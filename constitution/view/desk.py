"""Where reviews are given: what is asked, what was answered, and one answer at a time."""

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Literal

from constitution.errors import ConstitutionError
from constitution.manifest import COMPARE, REVISE
from constitution.records import Comparison, Transcript
from constitution.reviews import Review, Verdict, add_review, revision_id
from constitution.view.answers import Answers, name_of
from constitution.view.forms import Answer, Refused
from constitution.view.queue import COMPARISONS, REVISIONS, Queue, Sample
from constitution.view.sides import REVISED, button_of, side_a, verdict_of

# Seconds of reading that a page waits for; what is not read by then, the next one may ask about.
READING = 0.05
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


class Unsaved(Exception):
    """An edited text would be lost with this answer.

    Args:
        given: The answer.
        text: The edit.
    """

    def __init__(self, given: Review, text: str) -> None:
        super().__init__()
        self.given = given
        self.text = text


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
    """

    items: int
    reading: bool
    done: int
    skipped: int
    outdated: int
    buttons: Mapping[str, int]

    @property
    def left(self) -> int:
        """How many are not answered yet."""
        return self.items - self.done - self.skipped


@dataclass(frozen=True)
class Item:
    """What a page asks about.

    Attributes:
        key: As addresses name it.
        place: Which one of all it is, from 1.
        record: The comparison or the transcript.
        shown: Hash of its texts.
        standing: What the reviewer has answered; None if nothing, or only about other texts.
        outdated: Whether there are only answers about other texts.
        name: Of what the reviewer has answered, as `answers.name_of` names it.
        back: The item that the reviewer answered before.
    """

    key: str
    place: int
    record: Comparison | Transcript
    shown: str
    standing: Review | None
    outdated: bool
    name: str
    back: str | None


class Desk:
    """One run's queues and answers, kept up with the files; several requests may ask at once.

    Args:
        run: The run's folder.
        sample: What is reviewed; None: everything.
    """

    def __init__(self, run: Path, sample: Sample | None) -> None:
        self._run = run
        self._queues: dict[KindName, Queue[Comparison] | Queue[Transcript]] = {
            "comparison": Queue(run / COMPARE.outcomes, COMPARISONS, sample),
            "revision": Queue(run / REVISE.outcomes, REVISIONS, sample),
        }
        self._answers = Answers(run)
        self._lock = Lock()

    def warm(self) -> None:
        """Read what is there before somebody asks, who never waits for long; what is wrong with it, pages tell."""
        for kind, queue in self._queues.items():
            reading = True
            while reading:
                with self._lock:
                    reading = False
                    with suppress(ConstitutionError):
                        self._refresh(kind)
                        reading = queue.reading
                # Whoever waits for the lock gets it.
                time.sleep(READING)

    def progress(self, kind: KindName, reviewer: str) -> Progress:
        """How far a reviewer is.

        Raises:
            RunError: A journal is damaged; so do all others.
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
            )

    def next(self, kind: KindName, reviewer: str, after: str = "", again: bool = False) -> str | None:
        """The next item that the reviewer has not answered; with `again`, the next behind it that they skipped.

        Returns:
            Its key; None if there is none.
        """
        with self._lock:
            self._refresh(kind)
            queue, theirs = self._queues[kind], self._answers.keys(reviewer)

            def answer(key: str) -> Review | None:
                return self._answers.on(reviewer, key, queue.shown(key)) if key in theirs else None

            def open_(key: str) -> bool:
                return answer(key) is None

            def skipped(key: str) -> bool:
                # What is skipped a second time is not asked a third time in the same round.
                ahead = not after or after not in queue or queue.place(key) > queue.place(after)
                return ahead and (said := answer(key)) is not None and said.verdict == "skip"

            return queue.next(skipped if again else open_, after)

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
            Refused: It cannot be kept.
            Contradicted: The reviewer has answered on another page since this one was made.
            Unsaved: An edit would be lost.
        """
        with self._lock:
            self._refresh(kind)
            item = self._item(kind, reviewer, answer.item)
            if answer.shown != item.shown:
                raise Refused("The texts have changed since the page was made: read them again.", 409)
            review = _review(item, reviewer, answer)
            if item.standing and _same(item.standing, review):
                return
            if answer.standing != item.name:
                raise Contradicted(item.standing, review)
            add_review(self._run, review)

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
        shown = queue.shown(key)
        standing = self._answers.on(reviewer, key, shown)
        return Item(
            key=key,
            place=queue.place(key),
            record=queue.read(key),
            shown=shown,
            standing=standing,
            outdated=key in theirs and standing is None,
            name=name_of(standing),
            back=before[-1] if before else None,
        )


def _review(item: Item, reviewer: str, answer: Answer) -> Review:
    """What an answer says, checked."""
    record, text = item.record, None
    verdict: Verdict | None
    if isinstance(record, Comparison):
        name, row, as_a = record.id, record.row, side_a(reviewer, record.id)
        verdict = verdict_of(answer.answer, as_a)
    else:
        name, row, as_a = revision_id(record.id, len(record.rounds)), record.id, None
        verdict = REVISED.get(answer.answer)
        text = _edited(record.responses[-1].text, answer.text)
    if verdict is None:
        raise Refused(f"There is no such answer: {answer.answer!r}.")
    if verdict == "edit" and not (answer.text or "").strip():
        raise Refused("An edited revision cannot be empty. To refuse it, reject it.")
    if verdict == "edit" and text is None:
        # Nothing was changed.
        verdict = "accept"
    review = Review(
        id=name,
        row=row,
        index=record.index,
        shown=item.shown,
        reviewer=reviewer,
        at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        verdict=verdict,
        as_a=as_a,
        note=answer.note,
        text=text if verdict == "edit" else None,
        seconds=answer.seconds,
    )
    kept = item.standing.text if item.standing else None
    if verdict != "edit" and text is not None and text != kept and text.strip() and not answer.drop:
        raise Unsaved(review, text)
    return review


def _edited(revision: str, text: str | None) -> str | None:
    """The edit; None if it is the revision."""
    # Forms keep no other line ends than line feeds.
    same = text is not None and text.strip() == revision.replace("\r\n", "\n").replace("\r", "\n").strip()
    return None if same else text


def _same(one: Review, other: Review) -> bool:
    return (one.verdict, one.note, one.text, one.shown) == (other.verdict, other.note, other.text, other.shown)
