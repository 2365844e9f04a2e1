"""Make a new revision of the library from a collection of articles: read, chunk, embed, build, check, publish, merge.

Until it is published nobody sees a difference; whatever stops a build leaves the served revision as it was, and the
embeddings made so far for the next try. The caller holds the writer's lock.
"""

import datetime as dt
import logging
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Collection as Some
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from itertools import takewhile

from config import Library as Settings
from index.articles.collection import Collection
from index.building.read import Cut, Reader, Tally, list_all
from index.errors import Damaged, Died, FootnoteError, SourceError, TooMuchGone
from index.models.embed import Embedder
from index.progress import Meter, Stop, Watch, check
from index.records import Facts, Failure, Plan, Report, Revision
from index.segments.snapshot import SEGMENTS
from index.segments.store import Embedded, Store
from index.segments.tiers import DIRECT, merging, staying
from index.segments.worker import Job, Place, Worker
from index.segments.worker import Vectors as MakeVectors
from index.segments.worker import Words as MakeWords
from index.stories.copies import compare
from index.text.chunk import Sizes
from index.truth.draft import Draft, Unembedded, sweep
from index.truth.ledger import Ledger

MEGABYTE = 1_000_000

ROOM = 4 * MEGABYTE
"""Bytes of disk that must be free when something is made current: 0.2 were too few to open it, 0.5 enough."""

WINDOW = 1_024
"""Passages sorted by length together. Enough for batches of like length; the vectors are stored after each window."""

log = logging.getLogger(__name__)


Ready = Callable[[Revision, Sequence[Facts]], AbstractContextManager[None]]
"""Opens a revision, some of whose segments the ledger does not know yet, and lets it be made current meanwhile."""


@dataclass(frozen=True, slots=True)
class Ways:
    """How this library makes passages: the model, the sizes (asked only when needed: they load it), and their names."""

    embedder: Embedder
    sizes: Callable[[], Sizes]
    chunking: str


class Builder:
    """Builds revisions in one data directory."""

    def __init__(
        self, ledger: Ledger, store: Store, *, place: Place, ways: Ways, settings: Settings, ready: Ready
    ) -> None:
        """Build at `place`, whose vectors are kept in `store`; let whoever reads get `ready` before a switch."""
        self._ledger = ledger
        local = Embedded(place.data / SEGMENTS)
        self._stores: Sequence[Store] = (local,) if isinstance(store, Embedded) else (local, store)
        self._place = place
        self._ways = ways
        self._settings = settings
        self._ready = ready

    def plan(self, survey: Collection, *, failed: Sequence[Failure], trusted: bool, watch: Watch, stop: Stop) -> Plan:
        """Find out what `build` would do; changes nothing. `failed` is what could not be fetched.

        Raises:
            SourceError: the folder is missing, or holds no article.
            Cancelled: `stop` said so.
        """
        draft, again = Draft(self._ledger), self.again()
        tally = list_all(survey, draft)
        tally.failures.extend(failed)
        with survey.parsers as parsers:
            reader = Reader(self._ledger, draft, cut=None, parsers=parsers, again=again, room=0)
            reader.read(survey, tally, watch=watch, stop=stop)
        if not tally.added + tally.changed + tally.kept:
            raise SourceError(_nothing(survey, tally))
        served = self._ledger.counts(draft.before)[0]
        removed = draft.missing()
        return Plan(
            folder=str(survey.places),
            served=served,
            added=tally.added,
            changed=tally.changed,
            removed=removed,
            unchanged=tally.kept,
            failures=tuple(tally.failures),
            again=again,
            consent=not trusted and removed > self._settings.confirm_removal * served,
        )

    def build(self, survey: Collection, *, failed: Sequence[Failure], agreed: bool, watch: Watch, stop: Stop) -> Report:
        """Bring the library in step with a collection. `failed` is what could not be fetched of it.

        What changed is published first; where the segments have become many or hollow, they are merged after that.

        Raises:
            SourceError: the folder is missing, or holds no article; nothing was changed.
            TooMuchGone: much would be removed, and nobody `agreed`; nothing was changed.
            Cancelled: `stop` said so.
        """
        started = time.monotonic()
        draft, again = Draft(self._ledger), self.again()
        tally = list_all(survey, draft)
        tally.failures.extend(failed)
        removed = draft.missing()
        served = self._ledger.counts(draft.before)[0]
        if (tally.found or removed < served) and not agreed:  # where nothing is left at all, that is said below
            self._guard(survey, removed=removed, served=served)
        embedded, current = 0, self._ledger.current()
        with self._hand() as hand:
            cut = Cut(self._ways.embedder.count, self._ways.sizes, hand.start)
            room = self._settings.batch_mb * MEGABYTE
            with survey.parsers as parsers:
                reader = Reader(self._ledger, draft, cut=cut, parsers=parsers, again=again, room=room)
                reader.read(survey, tally, watch=watch, stop=stop)
            if not tally.added + tally.changed + tally.kept:
                raise SourceError(_nothing(survey, tally))
            folder = str(survey.places.folder or "")
            held = current is not None and current.held and survey.only is not None  # nobody has read the folder again
            if current is None or again or tally.added or tally.changed or removed:
                draft.retire()
                compare(self._ledger, draft.number, watch=watch, stop=stop)
                embedded = self._embed(draft, watch=watch, stop=stop)
                worker = hand.start()
                current = self._publish(draft, folder, worker, again=again, held=held, watch=watch, stop=stop)
            else:
                self._ledger.remember(current.number, folder=folder, held=held)
        report = Report(
            revision=current.number,
            added=tally.added,
            changed=tally.changed,
            removed=removed,
            unchanged=tally.kept,
            failures=tuple(tally.failures),
            passages=current.passages,
            embedded=embedded,
            seconds=time.monotonic() - started,
        )
        self._merge(current, watch=watch, stop=stop)
        return report

    def problems(self, revision: Revision) -> dict[str, str]:
        """Return what is wrong with the segments of a revision, by their names. Takes seconds.

        If the check dies, which a broken segment can bring about, nobody knows over which: all are taken for broken.
        """
        with Worker(self._place) as worker:
            try:
                return worker.check(revision.number)
            except Died as death:
                return dict.fromkeys([*revision.segments, revision.words], str(death))

    def rebuild(self, revision: Revision, broken: Some[str]) -> None:
        """Build segments of a revision again from the ledger, without the model; until then the old ones stay.

        From the first broken segment on, all are one new one: their ranges follow on each other.
        """
        known = self._ledger.facts(revision.segments)
        sound = takewhile(lambda name: name in known and name not in broken, revision.segments)
        words = revision.words not in ("", *broken)
        self._remake(revision, [known[name] for name in sound], words=words, watch=lambda *_: None, stop=lambda: False)

    def clear(self) -> None:
        """Remove the segments that no revision names; those that somebody reads still stay until the next time.

        Raises:
            Busy: the writer's lock was lost, so that they may be another's who makes them now.
        """
        with self._ledger.still_alone():
            named = self._ledger.named()
            for store in self._stores:
                for name in store.names() - named:
                    store.remove(name)

    @contextmanager
    def _hand(self) -> Iterator["_Hand"]:
        """Give a child process to whoever needs one; whatever it leaves unfinished is removed at the end."""
        hand = _Hand(self._place)
        try:
            yield hand
        finally:
            if hand.close():
                self.clear()

    def again(self) -> bool:
        """Whether the model or the sizes of passages are others than those of the served revision."""
        current = self._ledger.current()
        if current is None:
            return False
        ways = self._ways
        if (current.model, current.chunking) != (ways.embedder.name, ways.chunking):
            return True
        return current.fingerprint != ways.embedder.fingerprint

    def _guard(self, survey: Collection, *, removed: int, served: int) -> None:
        if removed > self._settings.confirm_removal * served:
            message = (
                f"This would remove {removed} of {served} articles, because {survey.places} does not hold them any "
                "more. Nothing was changed. If a disk or a network folder is missing, bring it back; if it is meant, "
                "run `footnote index --yes`, or send /reindex to the bot and agree."
            )
            raise TooMuchGone(message)

    def _embed(self, draft: Draft, *, watch: Watch, stop: Stop) -> int:
        """Embed the texts that have no embedding yet; return how many that were."""
        model = self._ways.embedder.fingerprint
        meter = Meter("embedding", draft.without_embedding(model=model), watch)
        embedded = after = 0
        while some := draft.unembedded(model=model, after=after, limit=WINDOW):
            after = some[-1].row
            different = {item.key: item for item in some}
            for batch in self._batches(list(different.values())):
                check(stop)
                made = self._ways.embedder.passages([item.text for item in batch])
                draft.keep([item.key for item in batch], made, model=model)
                meter.tick(len(batch))
            meter.tick(len(some) - len(different))
            embedded += len(different)
        if embedded >= WINDOW:
            self._ledger.count_up()
        return embedded

    def _batches(self, window: Sequence[Unembedded]) -> Iterator[Sequence[Unembedded]]:
        """Yield batches of texts of like length: the model reads as many word pieces of each as the longest has."""
        ordered = sorted(window, key=lambda item: -len(item.text))
        size = self._ways.embedder.batch
        for at in range(0, len(ordered), size):
            yield ordered[at : at + size]

    def _publish(  # noqa: PLR0913  what a revision is made of, and how
        self, draft: Draft, folder: str, worker: Worker, *, again: bool, held: bool, watch: Watch, stop: Stop
    ) -> Revision:
        """Make and check what the draft needs to be searched, then make it current."""
        before = None if again else self._ledger.current()
        articles, passages = self._ledger.counts(draft.number)
        old = self._facts(before)
        kept = self._staying(old, draft, passages=passages)
        anew = not kept
        vectors = MakeVectors(_name(draft.number, "base" if anew else "delta"), after=kept[-1].last if kept else 0)
        words = MakeWords(_name(draft.number, "words"), previous="" if anew or before is None else before.words)
        needed = anew or len(kept) < len(old) or draft.fresh() > 0
        job = Job(draft.number, self._ways.embedder.fingerprint, vectors if needed else None, words)
        made = worker.make(job, watch=Meter("building", passages, watch).reach, stop=stop)
        revision = Revision(
            number=draft.number,
            made_at=dt.datetime.now(dt.UTC),
            segments=(*(facts.name for facts in kept), *([vectors.name] if needed else [])),
            words=words.name,
            model=self._ways.embedder.name,
            fingerprint=job.fingerprint,
            chunking=self._ways.chunking,
            folder=folder,
            articles=articles,
            passages=passages,
            held=held,
        )
        self._room()
        with self._ready(revision, made):
            draft.publish(revision, made)
        self._sweep(thoroughly=anew)
        return revision

    def _staying(self, old: Sequence[Facts], draft: Draft, *, passages: int) -> Sequence[Facts]:
        """Return the segments that the draft keeps; a small collection is made anew where it would soon be merged."""
        fresh = draft.fresh()
        if not fresh or not old:
            return old
        kept = staying(old, fresh=fresh)
        tail = Facts("", draft.number, kept[-1].last, kept[-1].last, fresh, fresh)
        due = merging([*kept, tail], dead=self._dead(old, draft.number), share=self._settings.delta_share)
        return kept if due is None or passages > DIRECT else due

    def _merge(self, revision: Revision, *, watch: Watch, stop: Stop) -> None:
        """Merge segments where they have become many or hollow. Meanwhile the revision is served as it was."""
        old = self._facts(revision)
        kept = merging(old, dead=self._dead(old, revision.number), share=self._settings.delta_share)
        if kept is None:
            return
        meter = Meter("merging", revision.passages, watch)
        try:
            self._remake(revision, kept, words=bool(kept), watch=meter.reach, stop=stop)
        except FootnoteError as error:  # everything new is published; the next reindex merges
            log.warning("the segments were not merged: %s", error)

    def _remake(
        self, revision: Revision, kept: Sequence[Facts], *, words: bool, watch: Callable[[int, int], None], stop: Stop
    ) -> None:
        """Make one segment of all that lies behind those that are kept, and the word index anew unless it is sound."""
        vectors = MakeVectors(_name(revision.number, "delta" if kept else "base"), after=kept[-1].last if kept else 0)
        needed = len(kept) < len(revision.segments) or not kept
        fresh = MakeWords(_name(revision.number, "words"))
        job = Job(revision.number, revision.fingerprint, vectors if needed else None, None if words else fresh)
        with self._hand() as hand:
            made = hand.start().make(job, watch=watch, stop=stop)
            self._room()
            names = [*(facts.name for facts in kept), *([vectors.name] if needed else [])]
            pointed = replace(revision, segments=tuple(names), words=revision.words if words else fresh.name)
            with self._ready(pointed, made):
                self._ledger.point(revision.number, names=names, words=pointed.words, made=made)
            self._sweep(thoroughly=not kept)

    def _room(self) -> None:
        """Refuse to make current what nobody could open, because Chroma writes when it opens a segment."""
        if shutil.disk_usage(self._place.data).free < ROOM:
            message = (
                f"The disk that holds {self._place.data} is almost full, and the new index could not be used; the old "
                f"one stays. Free {ROOM // MEGABYTE} MB more and try again."
            )
            raise Damaged(message)

    def _sweep(self, *, thoroughly: bool) -> None:
        try:
            sweep(self._ledger, thoroughly=thoroughly)
        except Damaged as error:  # such as a full disk; what was made is current all the same
            log.warning("what nobody needs any more was not removed: %s", error)

    def _facts(self, revision: Revision | None) -> list[Facts]:
        known = self._ledger.facts(revision.segments) if revision else {}
        return [known[name] for name in (revision.segments if revision else ()) if name in known]

    def _dead(self, segments: Sequence[Facts], revision: int) -> int:
        return sum(len(self._ledger.dead(facts, revision)) for facts in segments)


class _Hand:
    """A child process that starts when it is first wanted, because it takes half a second to get ready."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._worker: Worker | None = None

    def start(self) -> Worker:
        """Start it, unless it was."""
        if self._worker is None:
            self._worker = Worker(self._place)
        return self._worker

    def close(self) -> bool:
        """End it; say whether there was one."""
        if self._worker is not None:
            self._worker.close()
        return self._worker is not None


def _name(revision: int, kind: str) -> str:
    return f"{revision:06d}-{kind}-{secrets.token_hex(4)}"


def _nothing(survey: Collection, tally: Tally) -> str:
    seen = "".join(f" {failure.name} {failure.reason}." for failure in tally.failures[:3])
    return f"There are no articles in {survey.places}.{seen} Put .txt, .md or .html files there; nothing was changed."
