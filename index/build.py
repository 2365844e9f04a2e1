"""Make a new revision of the library from a folder of articles: read, chunk, embed, build, check, switch.

Until the switch nobody sees a difference; whatever stops a build leaves the served revision as it was, and the
embeddings made so far for the next try.
"""

import datetime as dt
import hashlib
import logging
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from index import extract, lexicon, sources, vectors
from index.chunk import Sizes, chunk
from index.embed import DEFAULT_MODEL, Embedder, Vectors
from index.errors import Cancelled, Damaged, SourceError
from index.ledger import Ledger, Revision, digest_of, key_of
from index.records import Article, ArticleId, Failure, PassageId, Progress, Report
from index.seal import opened
from index.snapshot import SEGMENTS

EXTRACTOR = b"1"
"""Raised when `extract` reads the same bytes differently, so that the next reindex reads every file again."""

_WINDOW = 1_024
"""Passages sorted by length together. Enough for batches of like length; the vectors are stored after each window."""

Watch = Callable[[Progress], None]
Stop = Callable[[], bool]

log = logging.getLogger(__name__)


Parse = Callable[[], Article]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An article that may have to be indexed. `load` gives its digest, and the parsing that only a change needs."""

    id: ArticleId
    load: Callable[[], tuple[str, Parse]]


@dataclass(slots=True)
class _Plan:
    """What a build has found out so far."""

    revision: int
    known: dict[ArticleId, str]
    again: bool
    seen: dict[ArticleId, str] = field(default_factory=dict)
    added: int = 0
    changed: int = 0
    kept: int = 0
    texts: dict[bytes, str] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    @property
    def removed(self) -> list[ArticleId]:
        return [id_ for id_ in self.known if id_ not in self.seen]

    @property
    def changes(self) -> bool:
        return bool(self.added or self.changed or self.removed or self.again)


class Builder:
    """Builds revisions in one data directory. The caller holds the writer's lock."""

    def __init__(
        self, data: Path, *, ledger: Ledger, embedder: Embedder, sizes: Callable[[], Sizes], chunking: str, largest: int
    ) -> None:
        """Build in `data`; `sizes` is asked only when something must be chunked, because it loads the model."""
        self._data = data
        self._ledger = ledger
        self._embedder = embedder
        self._sizes = sizes
        self._chunking = chunking
        self._largest = largest

    def build(self, folder: Path, *, watch: Watch, stop: Stop) -> Report:
        """Bring the library in step with a folder, or with one JSONL file of articles.

        Raises:
            SourceError: the folder is missing, or holds no article; nothing was changed.
            Cancelled: `stop` said so.
        """
        started = time.monotonic()
        found, failures = candidates(folder, largest=self._largest)
        current = self._ledger.current()
        plan = self._read(found, failures, current, watch=watch, stop=stop)
        if not plan.seen:
            raise SourceError(_nothing(folder, plan.failures))
        if plan.changes or current is None:
            embedded = self._embed(plan, watch=watch, stop=stop)
            current = self._finish(plan, folder, watch=watch, stop=stop)
        else:
            embedded = 0
            self._ledger.remember(current.number, folder=str(folder))
        return _report(plan, current, embedded=embedded, seconds=time.monotonic() - started)

    def rebuild(self, revision: Revision) -> None:
        """Build the segment of a revision again from what the ledger holds. Needs no model."""
        segment = self._segment(revision.number, fingerprint=revision.fingerprint)
        self._ledger.point(revision.number, segment=segment)
        self._clear()

    def problem(self, revision: Revision) -> str:
        """Return what is wrong with the segment of a revision in words, or nothing. Takes seconds."""
        folder = self._data / SEGMENTS / revision.segment
        try:
            for part in ("vectors", "words"):
                opened(folder / part, thoroughly=True)
            audit(self._data, revision=revision.number, segment=revision.segment, fingerprint=revision.fingerprint)
        except Damaged as damage:
            return str(damage)
        return ""

    def _read(
        self,
        found: Sequence[Candidate],
        failures: Sequence[Failure],
        current: Revision | None,
        *,
        watch: Watch,
        stop: Stop,
    ) -> _Plan:
        """Read what is new or changed into the ledger, where no reader looks yet.

        With another model or other sizes every article is cut and embedded again. Whether a model of the same name is
        still the same model is known only once it had to be loaded.
        """
        if current is None:
            return self._read_into(_Plan(1, {}, again=False), found, failures, watch=watch, stop=stop)
        known = self._ledger.digests(current.number)
        again = current.model != self._embedder.name or current.chunking != self._chunking
        plan = self._read_into(_Plan(current.number + 1, known, again=again), found, failures, watch=watch, stop=stop)
        # The default model cannot change under its name: its checksum is in the code. Any other one can.
        may_differ = bool(plan.texts) or self._embedder.name != DEFAULT_MODEL
        if may_differ and not again and self._embedder.fingerprint != current.fingerprint:
            plan = self._read_into(
                _Plan(current.number + 1, known, again=True), found, failures, watch=watch, stop=stop
            )
        return plan

    def _read_into(
        self, plan: _Plan, found: Sequence[Candidate], failures: Sequence[Failure], *, watch: Watch, stop: Stop
    ) -> _Plan:
        self._ledger.discard_unfinished(plan.revision - 1)
        meter = _Meter("reading", len(found), watch)
        for candidate in found:
            _check(stop)
            self._take(candidate, plan)
            meter.tick()
        for failure in failures:
            plan.failures.append(failure)
            for id_ in [i for i in plan.known if i not in plan.seen and f"{i}/".startswith(f"{failure.name}/")]:
                self._keep_last_good(id_, plan, reason=failure.reason)  # below a folder that cannot be listed today
        gone = [id_ for id_, digest in plan.known.items() if plan.again or plan.seen.get(id_) != digest]
        self._ledger.retire(gone, revision=plan.revision)
        return plan

    def _take(self, candidate: Candidate, plan: _Plan) -> None:
        before = plan.known.get(candidate.id)
        try:
            digest, parse = candidate.load()
            if before != digest or plan.again:
                self._stage(parse(), digest, plan)
        except SourceError as error:
            plan.failures.append(Failure(candidate.id, self._keep_last_good(candidate.id, plan, reason=str(error))))
            return
        plan.seen[candidate.id] = digest
        plan.added += before is None
        plan.changed += before not in (None, digest)
        plan.kept += before == digest

    def _stage(self, article: Article, digest: str, plan: _Plan) -> None:
        pieces = chunk(article, count=self._embedder.count, sizes=self._sizes())
        if not pieces:
            message = "has headings but no text"
            raise SourceError(message)
        self._ledger.stage(article, digest, pieces, revision=plan.revision)
        plan.texts.update((key_of(piece.embedded), piece.embedded) for piece in pieces)

    def _keep_last_good(self, id_: ArticleId, plan: _Plan, *, reason: str) -> str:
        """Keep the version that is served: a file broken today must not take away the article it was yesterday."""
        before = plan.known.get(id_)
        if before is None:
            return reason
        last_good = self._ledger.article(id_, plan.revision - 1)
        if plan.again and last_good is not None:
            self._stage(last_good, before, plan)
        plan.seen[id_] = before
        plan.kept += 1
        return f"{reason} (its last good version stays)"

    def _embed(self, plan: _Plan, *, watch: Watch, stop: Stop) -> int:
        """Embed the texts that have no embedding yet; return how many that were."""
        if not plan.texts:
            return 0
        model = self._embedder.fingerprint
        known = self._ledger.known_keys(plan.texts, model=model)
        missing = [(key, text) for key, text in plan.texts.items() if key not in known]
        meter = _Meter("embedding", len(missing), watch)
        for at in range(0, len(missing), _WINDOW):
            window = sorted(missing[at : at + _WINDOW], key=lambda item: -len(item[1]))
            for keys, made in self._in_batches(window, meter=meter, stop=stop):
                self._ledger.keep(keys, made, model=model)
        return len(missing)

    def _in_batches(
        self, window: Sequence[tuple[bytes, str]], *, meter: "_Meter", stop: Stop
    ) -> Iterator[tuple[list[bytes], Vectors]]:
        size = self._embedder.batch
        for at in range(0, len(window), size):
            _check(stop)
            batch = window[at : at + size]
            yield [key for key, _ in batch], self._embedder.passages([text for _, text in batch])
            meter.tick(len(batch))

    def _finish(self, plan: _Plan, folder: Path, *, watch: Watch, stop: Stop) -> Revision:
        articles, passages = self._ledger.counts(plan.revision)
        fingerprint = self._fingerprint(plan)
        meter = _Meter("building", 1, watch)
        segment = self._segment(plan.revision, fingerprint=fingerprint, stop=stop)
        meter.tick()
        revision = Revision(
            number=plan.revision,
            made_at=dt.datetime.now(dt.UTC),
            segment=segment,
            model=self._embedder.name,
            fingerprint=fingerprint,
            chunking=self._chunking,
            folder=str(folder),
            articles=articles,
            passages=passages,
        )
        self._ledger.switch(revision)
        self._ledger.sweep(revision.number)
        self._clear()
        return revision

    def _fingerprint(self, plan: _Plan) -> str:
        """Return the model's fingerprint; a build that only removed articles need not load the model for it."""
        current = self._ledger.current()
        if current is not None and not plan.again and not plan.texts:
            return current.fingerprint
        return self._embedder.fingerprint

    def _segment(self, revision: int, *, fingerprint: str, stop: Stop = lambda: False) -> str:
        """Build and check the segment of a revision in a new folder; return the folder's name."""
        name = f"{revision:06d}-{secrets.token_hex(4)}"
        folder = self._data / SEGMENTS / name
        folder.mkdir(parents=True)
        try:
            lexicon.build(folder / "words", self._ledger.stored(revision))
            _check(stop)
            vectors.build(folder / "vectors", lambda: self._vectors(revision, fingerprint, stop))
            audit(self._data, revision=revision, segment=name, fingerprint=fingerprint)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return name

    def _vectors(self, revision: int, fingerprint: str, stop: Stop) -> Iterator[tuple[list[PassageId], Vectors]]:
        ids: list[PassageId] = []
        for passage in self._ledger.stored(revision):
            ids.append(passage.id)
            if len(ids) == _WINDOW:
                _check(stop)
                yield ids, self._known(ids, fingerprint)
                ids = []
        if ids:
            yield ids, self._known(ids, fingerprint)

    def _known(self, ids: Sequence[PassageId], fingerprint: str) -> Vectors:
        known = self._ledger.vectors(ids, model=fingerprint)
        if len(known) < len(ids):
            message = "The ledger lacks embeddings of served passages. Run `footnote index`: they are made again."
            raise Damaged(message)
        return np.stack([known[i] for i in ids])

    def _clear(self) -> None:
        """Remove segment folders that no revision names."""
        named = self._ledger.segments()
        for folder in (self._data / SEGMENTS).iterdir():
            if folder.name not in named:
                shutil.rmtree(folder, ignore_errors=True)


def audit(data: Path, *, revision: int, segment: str, fingerprint: str) -> None:
    """Check a segment in a child process: a damaged one can take the process down that asks it.

    Raises:
        Damaged: with what was wrong.
    """
    # -P: a folder `index` where the program was started must not be taken for ours.
    command = [sys.executable, "-P", "-m", "index.audit", str(data), str(revision), segment, fingerprint]
    child = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own module
    if child.returncode:
        reason = child.stdout.strip() or f"the check ended with code {child.returncode}"
        log.error("segment %s failed its check: %s %s", segment, reason, child.stderr[-2_000:])
        message = (
            f"The index that was built failed its check ({reason}); the old one stays. Run `footnote index` again."
        )
        raise Damaged(message)


def candidates(folder: Path, *, largest: int) -> tuple[list[Candidate], list[Failure]]:
    """Find the articles of a folder, or of one JSONL file. `largest` is in bytes a file."""
    if folder.suffix == ".jsonl" and folder.is_file():
        items = list(sources.jsonl_articles(folder))
        failures = [item for item in items if isinstance(item, Failure)]
        first = {item.id: item for item in reversed(items) if isinstance(item, Article)}
        articles = [item for item in items if isinstance(item, Article)]
        failures += [Failure(a.id, "has the id of an earlier article") for a in articles if first[a.id] is not a]
        return [_of_article(article) for article in articles if first[article.id] is article], failures
    origins, failures = sources.scan(folder)
    return [_of_file(origin, largest=largest) for origin in origins], failures


def _of_file(origin: sources.Origin, *, largest: int) -> Candidate:
    def load() -> tuple[str, Parse]:
        data = sources.read(origin, limit=largest)
        return hashlib.sha256(EXTRACTOR + data).hexdigest()[:32], lambda: extract.extract(origin.id, data)

    return Candidate(origin.id, load)


def _of_article(article: Article) -> Candidate:
    return Candidate(article.id, lambda: (digest_of(article), lambda: article))


def _nothing(folder: Path, failures: Sequence[Failure]) -> str:
    seen = "".join(f" {failure.name} {failure.reason}." for failure in failures[:3])
    return f"There are no articles in {folder}.{seen} Put .txt, .md or .html files there; nothing was changed."


def _report(plan: _Plan, current: Revision, *, embedded: int, seconds: float) -> Report:
    return Report(
        revision=current.number,
        added=plan.added,
        changed=plan.changed,
        removed=len(plan.removed),
        unchanged=plan.kept,
        failures=tuple(plan.failures),
        passages=current.passages,
        embedded=embedded,
        seconds=seconds,
    )


class _Meter:
    """Counts units of a stage and tells whoever watches."""

    def __init__(self, stage: str, total: int, watch: Watch) -> None:
        self._stage, self._total, self._watch = stage, total, watch
        self._done = 0
        self._started = time.monotonic()
        watch(Progress(stage, 0, total))

    def tick(self, units: int = 1) -> None:
        self._done += units
        rate = self._done / max(time.monotonic() - self._started, 1e-6)
        self._watch(Progress(self._stage, self._done, self._total, rate))


def _check(stop: Stop) -> None:
    if stop():
        message = "Stopped. The articles are as they were before; what was embedded is kept for the next time."
        raise Cancelled(message)
