"""A revision in the making: what a build writes into the ledger, where no reader looks until it is published.

The caller holds the writer's lock. Whatever a crash leaves behind lies above the current revision; `begin` discards it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa

from index.models.embed import Vectors
from index.records import Article, ArticleId, Facts, Revision
from index.text.chunk import Piece, embedded_text
from index.truth.database import insert
from index.truth.ledger import Ledger, batches, discard, key_of, record, texts_of, weighed
from index.truth.tables import (
    alive,
    articles,
    copies,
    embeddings,
    passages,
    revisions,
    seen,
    segments,
    signatures,
    twins,
    versions,
)

VERSIONS = 20
"""Earlier versions of an article that are remembered."""


@dataclass(frozen=True, slots=True)
class Staged:
    """An article that was read and cut, on its way into the ledger."""

    article: Article
    digest: str
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class Unembedded:
    """A passage whose text has no embedding yet: its number, the key of its embedding, and the text to embed."""

    row: int
    key: bytes
    text: str


class Draft:
    """The next revision of a ledger, `number`, on its way from the current one, `before` (0 before the first)."""

    def __init__(self, ledger: Ledger) -> None:
        """Begin a draft; what an earlier one left behind is discarded."""
        self._ledger = ledger
        current = ledger.current()
        self.before = current.number if current else 0
        with ledger.writing() as db:
            discard(db, above=self.before)
            db.execute(seen.delete())
            highest = db.execute(sa.select(sa.func.max(revisions.c.number))).scalar() or 0
            last = db.execute(sa.select(sa.func.max(passages.c.row))).scalar() or 0
        self.number = int(highest) + 1
        self._last = int(last)

    def see(self, found: Mapping[ArticleId, int]) -> None:
        """Note articles that the folder holds, with their place in its listing. Of two with one id the first counts."""
        rows = [{"id": id_, "place": place, "kept": True} for id_, place in found.items()]
        if rows:
            with self._ledger.writing() as db:
                db.execute(insert(db, seen).on_conflict_do_nothing(), rows)

    def places(self, ids: Sequence[ArticleId]) -> dict[ArticleId, int]:
        """Return the places at which articles were noted first."""
        found: dict[ArticleId, int] = {}
        with self._ledger.reading() as db:
            for some in batches(ids):
                rows = db.execute(sa.select(seen.c.id, seen.c.place).where(seen.c.id.in_(some)))
                found.update((ArticleId(row.id), row.place) for row in rows)
        return found

    def see_below(self, name: str) -> None:
        """Note a served article, or every one below a folder of this name, as if it had been found."""
        self._see(_below(name))

    def see_from(self, origin: str) -> None:
        """Note every served article that a source brought, as if it had been found."""
        self._see(articles.c.origin == origin)

    def see_others(self, ids: Sequence[ArticleId]) -> int:
        """Note every served article but these, as if it had been found; return how many that are."""
        return self._see(articles.c.id.not_in(ids))

    def _see(self, which: sa.ColumnElement[bool]) -> int:
        these = sa.select(articles.c.id, sa.literal(0), sa.true()).where(alive(self.before), which)
        with self._ledger.writing() as db:
            return db.execute(
                insert(db, seen).from_select(["id", "place", "kept"], these).on_conflict_do_nothing()
            ).rowcount

    def served_from(self, origin: str) -> dict[ArticleId, str]:
        """Return the digests of the served articles that a source brought."""
        return self._served(articles.c.origin == origin)

    def served_below(self, name: str) -> dict[ArticleId, str]:
        """Return the digests of a served article, or of all below a folder of this name."""
        return self._served(_below(name))

    def _served(self, which: sa.ColumnElement[bool]) -> dict[ArticleId, str]:
        query = sa.select(articles.c.id, articles.c.digest).where(alive(self.before), which)
        with self._ledger.reading() as db:
            return {ArticleId(row.id): row.digest for row in db.execute(query)}

    def missing(self) -> int:
        """Return how many served articles the folder does not hold any more."""
        query = sa.select(sa.func.count()).select_from(articles)
        with self._ledger.reading() as db:
            return int(
                db.execute(query.where(alive(self.before), articles.c.id.not_in(sa.select(seen.c.id)))).scalar_one()
            )

    def digests(self, ids: Sequence[ArticleId]) -> dict[ArticleId, str]:
        """Return the digests of the served versions of articles; those that are not served are left out."""
        found: dict[ArticleId, str] = {}
        with self._ledger.reading() as db:
            for some in batches(ids):
                query = sa.select(articles.c.id, articles.c.digest).where(articles.c.id.in_(some), alive(self.before))
                found.update((ArticleId(row.id), row.digest) for row in db.execute(query))
        return found

    def stage(self, read: Sequence[Staged]) -> None:
        """Write new versions of articles; those that are served end with this revision."""
        if not read:
            return
        with self._ledger.writing() as db:
            rows = db.execute(_STAGE, [self._values(one) for one in read]).scalars().all()
            pieces = [_piece(row, piece) for row, one in zip(rows, read, strict=True) for piece in one.pieces]
            if pieces:
                db.execute(passages.insert(), pieces)
            for some in batches([one.article.id for one in read]):
                db.execute(seen.update().where(seen.c.id.in_(some)).values(kept=False))

    def retire(self) -> None:
        """Let the served versions end that were replaced or are gone. Nobody sees a difference yet."""
        kept = sa.select(seen.c.id).where(seen.c.kept)
        which = sa.and_(articles.c.until.is_(None), articles.c.since < self.number, articles.c.id.not_in(kept))
        with self._ledger.writing() as db:
            db.execute(articles.update().where(which).values(until=self.number))

    def fresh(self) -> int:
        """Return how many passages of this draft are new."""
        query = sa.select(sa.func.coalesce(sa.func.sum(articles.c.pieces), 0)).where(articles.c.since == self.number)
        with self._ledger.reading() as db:
            return int(db.execute(query).scalar_one())

    def without_embedding(self, *, model: str) -> int:
        """Return how many new passages have no embedding by this model yet."""
        with self._ledger.reading() as db:
            each = _unembedded(self.number, model).where(passages.c.row > self._last).subquery()
            return db.execute(sa.select(sa.func.count()).select_from(each)).scalar_one()

    def unembedded(self, *, model: str, after: int, limit: int) -> list[Unembedded]:
        """Return the next new passages above `after` that have no embedding by this model yet, in order."""
        behind = max(after, self._last)
        query = _unembedded(self.number, model).where(passages.c.row > behind).order_by(passages.c.row).limit(limit)
        found: list[Unembedded] = []
        with self._ledger.reading() as db:
            for some in weighed(db.execute(query).all()):
                texts = texts_of(db, [number for number, _ in some])
                for number, pieces in some:
                    text = texts[number][1]
                    for row in pieces:
                        piece = embedded_text(row.context, text[row.start : row.end])
                        found.append(Unembedded(row.row, row.embedded, piece))
        return found

    def keep(self, keys: Sequence[bytes], vectors: Vectors, *, model: str) -> None:
        """Store embeddings, so that this text never costs model time again."""
        rows = [
            {"model": model, "key": key, "vector": np.ascontiguousarray(vector, dtype=np.float32).tobytes()}
            for key, vector in zip(keys, vectors, strict=True)
        ]
        with self._ledger.writing() as db:
            db.execute(insert(db, embeddings).on_conflict_do_nothing(), rows)

    def publish(self, revision: Revision, made: Iterable[Facts]) -> None:
        """Make the draft current. The one moment at which readers see anything new."""
        values = {name: getattr(revision, name) for name in Revision.__slots__}
        values |= {"made_at": revision.made_at.isoformat(), "segments": json.dumps(list(revision.segments))}
        with self._ledger.writing() as db:
            record(db, list(made))
            db.execute(revisions.insert(), values)
            _remember_versions(db, revision)

    def _values(self, one: Staged) -> dict[str, object]:
        article = one.article
        return {
            "id": article.id,
            "digest": one.digest,
            "title": article.title,
            "date": article.date.isoformat() if article.date else "",
            "source": article.source,
            "url": article.url,
            "text": article.text,
            "headings": json.dumps([[h.start, h.end, h.level] for h in article.headings]),
            "author": article.author,
            "language": article.language,
            "pages": json.dumps([[page.start, page.number] for page in article.pages]) if article.pages else "",
            "origin": article.origin,
            "pieces": len(one.pieces),
            "since": self.number,
        }


def _remember_versions(db: sa.Connection, revision: Revision) -> None:
    """Note what was replaced by something else: a file that is only read anew by a newer program was not."""
    old, new = articles, articles.alias()
    other = sa.or_(old.c.text != new.c.text, old.c.title != new.c.title, old.c.date != new.c.date)
    moment = sa.literal(revision.made_at.isoformat()), sa.literal(revision.number)
    replaced = (
        sa.select(old.c.id, old.c.digest, old.c.title, old.c.date, *moment)
        .join(new, sa.and_(new.c.id == old.c.id, new.c.since == revision.number))
        .where(old.c.until == revision.number, old.c.digest != new.c.digest, other)
    )
    names = ["id", "digest", "title", "date", "replaced_at", "revision"]
    if db.execute(versions.insert().from_select(names, replaced)).rowcount:
        newest = sa.func.row_number().over(partition_by=versions.c.id, order_by=versions.c.row.desc()).label("place")
        fresh = sa.select(versions.c.id).where(versions.c.revision == revision.number)
        ranked = sa.select(versions.c.row, newest).where(versions.c.id.in_(fresh)).subquery()
        db.execute(
            versions.delete().where(versions.c.row.in_(sa.select(ranked.c.row).where(ranked.c.place > VERSIONS)))
        )


def sweep(ledger: Ledger, *, thoroughly: bool) -> None:
    """Forget what neither the current revision nor the one before it needs.

    Texts and embeddings go at once; the numbers of dead passages stay while a segment holds them. `thoroughly` also
    looks for embeddings that no passage has any more, which reads all of their keys.
    """
    served = ledger.current()
    kept = [revision.number for revision in (ledger.previous(), served) if revision]
    if not kept:
        return
    with ledger.writing() as db:
        db.execute(revisions.delete().where(revisions.c.number < kept[0]))
        db.execute(revisions.delete().where(revisions.c.undone, revisions.c.number < kept[-1]))
        _forget_texts(db, until=kept[0])
        _forget_segments(db)
        _forget_graves(db, until=kept[0])
        db.execute(versions.delete().where(versions.c.id.not_in(sa.select(articles.c.id))))
        models = db.execute(sa.select(revisions.c.fingerprint).distinct()).scalars().all()
        _forget_embeddings(db, models=models, thoroughly=thoroughly)
    ledger.compact()


def _forget_texts(db: sa.Connection, *, until: int) -> None:
    """Drop the text of versions that ended, and their embeddings where nothing else has the same words."""
    ended = sa.and_(articles.c.until <= until, articles.c.digest != "")
    rows = db.execute(sa.select(articles.c.row).where(ended)).scalars().all()
    for some in batches(rows):
        gone = passages.c.article.in_(some)
        keys = db.execute(sa.select(passages.c.embedded).where(gone)).scalars().all()
        db.execute(passages.update().where(gone).values(heading="", context="", embedded=b""))
        for few in batches(list(set(keys))):
            used = set(db.execute(sa.select(passages.c.embedded).where(passages.c.embedded.in_(few))).scalars())
            db.execute(embeddings.delete().where(embeddings.c.key.in_([key for key in few if key not in used])))
        for column in (signatures.c.article, copies.c.article, copies.c.other):
            db.execute(column.table.delete().where(column.in_(some)))
        db.execute(articles.update().where(articles.c.row.in_(some)).values(text="", headings="", pages="", digest=""))


def _forget_segments(db: sa.Connection) -> None:
    named: set[str] = set()
    for row in db.execute(sa.select(revisions.c.segments, revisions.c.words).where(~revisions.c.undone)):
        named |= {*json.loads(row.segments), row.words}
    for table, column in ((segments, segments.c.name), (twins, twins.c.segment)):
        db.execute(table.delete().where(column.not_in(named)))


def _forget_graves(db: sa.Connection, *, until: int) -> None:
    """Drop the rows of dead passages that no segment holds any more."""
    oldest = db.execute(sa.select(sa.func.min(segments.c.revision))).scalar()
    gone = articles.c.until <= (until if oldest is None else min(until, oldest))
    rows = sa.select(articles.c.row).where(gone)
    db.execute(passages.delete().where(passages.c.article.in_(rows)))
    db.execute(articles.delete().where(gone))


def _forget_embeddings(db: sa.Connection, *, models: Sequence[str], thoroughly: bool) -> None:
    """Drop the embeddings of models that no revision has; `models` are found one index look-up at a time."""
    model = db.execute(sa.select(sa.func.min(embeddings.c.model))).scalar()
    while model is not None:
        if model not in models:
            db.execute(embeddings.delete().where(embeddings.c.model == model))
        model = db.execute(sa.select(sa.func.min(embeddings.c.model)).where(embeddings.c.model > model)).scalar()
    if thoroughly:
        db.execute(embeddings.delete().where(embeddings.c.key.not_in(sa.select(passages.c.embedded))))


def _below(name: str) -> sa.ColumnElement[bool]:
    """Return the condition of being an article, below a folder, or inside an archive of this name."""
    inside = (articles.c.id.startswith(f"{name}{sign}", autoescape=True) for sign in "/#")
    return sa.or_(articles.c.id == name, *inside)


def _unembedded(number: int, model: str) -> sa.Select[tuple[int, int, int, int, str, bytes]]:
    there = sa.and_(embeddings.c.key == passages.c.embedded, embeddings.c.model == model)
    return (
        sa.select(
            passages.c.row,
            passages.c.article,
            passages.c.start,
            passages.c.end,
            passages.c.context,
            passages.c.embedded,
        )
        .join(articles, articles.c.row == passages.c.article)
        .outerjoin(embeddings, there)
        .where(articles.c.since + 0 == number, embeddings.c.row.is_(None))  # begins at the passages: see `alive_here`
    )


def _piece(row: int, piece: Piece) -> dict[str, object]:
    return {
        "article": row,
        "start": piece.start,
        "end": piece.end,
        "heading": piece.heading,
        "context": piece.context,
        "embedded": key_of(piece.embedded),
    }


_STAGE = articles.insert().returning(articles.c.row, sort_by_parameter_order=True)  # built once, see `ledger`
