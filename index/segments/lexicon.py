"""The lexical side: BM25 over words and pairs of words, in immutable tantivy directories.

The only module that imports tantivy.
"""

import math
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from index.errors import Damaged
from index.records import PassageId, Stored
from index.system.lock import Reading
from index.system.seal import SEAL, damage, opened, seal
from index.text import analyse
from index.text.analyse import analysis, of_language

if TYPE_CHECKING:
    import tantivy

_BODY, _CONTEXT, _NUMBER = "body", "context", "number"
_CONTEXT_BOOST = 0.5
"""A word in the title or heading counts half of one in the passage: all passages of an article share it."""

PAIR_BOOST = 0.3
"""A pair of words that follow each other in question and passage counts so much on top of the words themselves.

With it nDCG@10 of the fused ranking rose on SQuAD from 0.892 to 0.906, and the right passage came first for 0.708 of
the questions instead of 0.672; it stayed on CLAPnq (0.987) and fell on SciFact from 0.736 to 0.733, whose claims share
few pairs with abstracts. 0.5 and 0.8 gave SQuAD 0.002 more and SciFact 0.001 less.
"""

GAP = 1
"""Words that may stand between the two of a pair: a stop word ("Duke of Normandy") leaves a gap. 0 and 2 did worse."""

FORM = 2
"""Of a word index on the disk; raised when an older one cannot be asked any more, which is then built again."""

NONE: Mapping[str, float] = MappingProxyType({})
"""No words beside those of the question."""

BACKGROUND = 1_000
"""Passages about something else that word weights imagine beside the collection."""


class Lexicon:
    """A tantivy directory opened for reading. Safe to share between threads."""

    def __init__(self, directory: Path) -> None:
        """Open it.

        Raises:
            Damaged: it is missing or tantivy cannot read it.
        """
        import tantivy  # noqa: PLC0415

        self.directory = directory
        self.analyses = check(directory)
        try:
            self._index = tantivy.Index.open(str(directory))
            self._index.register_tokenizer("words", analysis(analyse.ENGLISH).analyzer)
            self._searcher = self._index.searcher()
        except Exception as error:
            raise Damaged(damage(directory, str(error))) from error

    @property
    def count(self) -> int:
        """How many passages it holds."""
        return int(self._searcher.num_docs)

    def numbers(self) -> Iterator[int]:
        """Yield the numbers of all passages."""
        import tantivy  # noqa: PLC0415

        hits = self._searcher.search(tantivy.Query.all_query(), max(1, self.count), count=False).hits
        yield from (int(number or 0) for number in self._searcher.fast_field_values(_NUMBER, [at for _, at in hits]))

    def best(self, question: str, *, limit: int, beside: Mapping[str, float] = NONE) -> dict[PassageId, float]:
        """Return the passages with the highest BM25 for the words of a question, best first.

        `beside` are further analysed words, and what each counts against one of the question.
        """
        query = self._query(question, beside)
        return self._scores(query, limit) if query is not None else {}

    def scores(
        self, question: str, ids: Sequence[PassageId], *, beside: Mapping[str, float] = NONE
    ) -> dict[PassageId, float]:
        """Return the BM25 of given passages, as `best`; those that share no word with the question are left out."""
        import tantivy  # noqa: PLC0415

        query = self._query(question, beside)
        if query is None or not ids:
            return {}
        among = tantivy.Query.term_set_query(self._index.schema, _NUMBER, [int(i) for i in ids])
        silent = tantivy.Query.const_score_query(among, 0.0)
        both = tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.Must, silent)])
        return self._scores(both, len(ids))

    def weights(self, words: Sequence[str]) -> dict[str, float]:
        """Return the inverse document frequency of analysed words: ln(1 + (N - n + 0.5) / (n + 0.5)), as in BM25.

        N counts BACKGROUND passages more than there are: in a collection of four, one passage more or less would
        otherwise make a word telling or mute.
        """
        return {word: _idf(self.count + BACKGROUND, self._frequency(word)) for word in words}

    def telling(self, words: Sequence[str]) -> dict[str, float]:
        """Return the `weights` of analysed words, 0 for those that no passage has."""
        return {word: weight if self.knows(word) else 0.0 for word, weight in self.weights(words).items()}

    def knows(self, word: str) -> bool:
        """Whether any passage, title or heading has this analysed word."""
        return self._frequency(word) > 0

    def asked(self, question: str, *, language: str | None = None) -> dict[str, str]:
        """Return the words of a question that carry meaning, as {analysed: as written}.

        They are analysed as passages in a `language` are; without one, as fits the question.
        """
        own = analyse.best(question, self.analyses)
        return analyse.words(question, own if language is None else of_language(language), own=own)

    def unknown(self, question: str) -> tuple[str, ...]:
        """Return the words of a question that no passage, title or heading has in any form, as they are written."""
        own = analyse.best(question, self.analyses)
        if own == analyse.UNSPACED:
            return tuple(part for run in analyse.runs(question) for part in analyse.left(run, known=self.knows))
        lacking = [
            [written for term, written in analyse.words(question, name, own=own).items() if not self.knows(term)]
            for name in self.analyses
        ]
        return tuple(written for written in lacking[0] if all(written in others for others in lacking[1:]))

    def _frequency(self, word: str) -> int:
        body = self._searcher.doc_freq(_BODY, word)
        return int(body or self._searcher.doc_freq(_CONTEXT, word))

    def _query(self, question: str, beside: Mapping[str, float]) -> "tantivy.Query | None":
        import tantivy  # noqa: PLC0415

        schema = self._index.schema
        clauses = []
        own = analyse.best(question, self.analyses)
        sequences = [analyse.sequence(question, name, own=own) for name in self.analyses]
        for pair in dict.fromkeys(pair for words in sequences for pair in pairwise(words)):
            phrase = tantivy.Query.phrase_query(schema, _BODY, list(pair), slop=GAP)
            clauses.append((tantivy.Occur.Should, tantivy.Query.boost_query(phrase, PAIR_BOOST)))
        alike = analyse.variants(question, self.analyses, own=own)
        shares = {name: self._shares(alike, name) for name in (_BODY, _CONTEXT)}
        for word, weight in {**beside, **dict.fromkeys(chain(*sequences), 1.0)}.items():
            for name, boost in ((_BODY, weight), (_CONTEXT, weight * _CONTEXT_BOOST)):
                query = tantivy.Query.term_query(schema, name, word, "freq")
                boosted = tantivy.Query.boost_query(query, boost * shares[name].get(word, 1.0))
                clauses.append((tantivy.Occur.Should, boosted))
        return tantivy.Query.boolean_query(clauses) if clauses else None

    def _shares(self, alike: Iterable[Collection[str]], name: str) -> dict[str, float]:
        """Return what forms of one word count, so that all weigh as if they were one: a rare one else weighs most.

        That is the form which another language than the passage's has of it, and which means something else there.
        """
        shares: dict[str, float] = {}
        for forms in alike:
            known = {form: int(self._searcher.doc_freq(name, form)) for form in forms}
            whole = _idf(self.count, min(sum(known.values()), self.count))
            for form, n in known.items():
                shares[form] = max(shares.get(form, 0.0), whole / _idf(self.count, n))
        return shares

    def _scores(self, query: "tantivy.Query", limit: int) -> dict[PassageId, float]:
        try:
            hits = self._searcher.search(query, limit, count=False).hits
            numbers = self._searcher.fast_field_values(_NUMBER, [address for _, address in hits])
        except Exception as error:  # as above
            raise Damaged(damage(self.directory, str(error))) from error
        return {PassageId(int(number or 0)): score for (score, _), number in zip(hits, numbers, strict=True)}


def build(directory: Path, passages: Iterable[Stored]) -> None:
    """Write a word index of passages into a new directory."""
    import tantivy  # noqa: PLC0415

    directory.mkdir(parents=True)
    _fill(directory, tantivy.Index(_schema(), path=str(directory)), passages)


def derive(directory: Path, *, previous: Path, passages: Iterable[Stored], dead: Iterable[PassageId]) -> None:
    """Write a word index into a new directory: the one of `previous`, without `dead`, with `passages`.

    tantivy never changes a file of an index but its list of files, so all others are shared with `previous` by hard
    links (copied where the file system has none), and the cost is that of what changed. `previous` is only read.

    Raises:
        Damaged: `previous` is missing or not what was built.
    """
    import tantivy  # noqa: PLC0415

    before = check(previous)
    directory.mkdir(parents=True)
    for path in previous.iterdir():
        if path.name in _REWRITTEN:
            shutil.copyfile(path, directory / path.name)
        elif path.name not in _LEFT_BEHIND:
            _link(path, directory / path.name)
    try:
        index = tantivy.Index.open(str(directory))
    except Exception as error:
        raise Damaged(damage(previous, str(error))) from error
    _fill(directory, index, passages, dead=dead, before=before)


_REWRITTEN = frozenset({"meta.json", ".managed.json"})
_LEFT_BEHIND = frozenset({SEAL, Reading.FILE, ".tantivy-writer.lock", ".tantivy-meta.lock"})


def _link(old: Path, new: Path) -> None:
    try:
        os.link(old, new)
    except OSError:
        shutil.copy2(old, new)


def _fill(
    directory: Path,
    index: "tantivy.Index",
    passages: Iterable[Stored],
    *,
    dead: Iterable[PassageId] = (),
    before: Iterable[str] = (),
) -> None:
    import tantivy  # noqa: PLC0415

    index.register_tokenizer("words", analysis(analyse.ENGLISH).analyzer)
    writer = index.writer(heap_size=64_000_000, num_threads=1)  # one thread: one order of equally good passages
    gone = [int(number) for number in dead]
    if gone:  # by a query: `delete_documents_by_term` looks for a signed number and finds no unsigned one
        writer.delete_documents_by_query(tantivy.Query.term_set_query(index.schema, _NUMBER, gone))
    used = set(before)
    for passage in passages:
        name = of_language(passage.language)
        used.add(name)
        writer.add_document(_document(passage, name))
    writer.commit()
    writer.wait_merging_threads()
    (directory / Reading.FILE).touch()
    files = [path for path in sorted(directory.iterdir()) if path.name not in _LEFT_BEHIND]
    seal(directory, files, form=FORM, analyses=sorted(used))


def _document(passage: Stored, name: str) -> "tantivy.Document":
    """Return a passage, analysed as its language wants it; tantivy itself analyses what is English, which is faster."""
    import tantivy  # noqa: PLC0415

    document = tantivy.Document()
    document.add_unsigned(_NUMBER, passage.id)
    for field, text in ((_BODY, passage.text), (_CONTEXT, f"{passage.title} {passage.heading}")):
        if name == analyse.ENGLISH:
            document.add_text(field, text)
        else:
            document.add_pre_tokenized_text(field, analysis(name).tokens(text))
    return document


def check(directory: Path) -> tuple[str, ...]:
    """See that a word index is whole, and that this version can ask it; return the analyses of its passages.

    Raises Damaged. An index that does not say which has only English ones, as all had before.
    """
    facts = opened(directory)
    if facts.get("form") != FORM:
        raise Damaged(damage(directory, "it was made by another version"))
    if not (directory / Reading.FILE).is_file():
        raise Damaged(damage(directory, f"{Reading.FILE} is missing, by which its readers hold it"))
    return tuple(facts.get("analyses", ())) or (analyse.ENGLISH,)


def _idf(total: int, n: int) -> float:
    return math.log(1 + (total - n + 0.5) / (n + 0.5))


def _schema() -> "tantivy.Schema":
    import tantivy  # noqa: PLC0415

    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field(_NUMBER, stored=False, indexed=True, fast=True)
    builder.add_text_field(_BODY, stored=False, tokenizer_name="words", index_option="position")
    builder.add_text_field(_CONTEXT, stored=False, tokenizer_name="words", index_option="freq")
    return builder.build()
