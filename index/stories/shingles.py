"""Whether two texts are one story: by the runs of words they share, and by what stands in between. Pure.

A text is its words, in order, and its shingles: every SIZE words that follow each other (Broder 1997, "On the
resemblance and containment of documents"). Signatures of the shingles tell cheaply which texts are worth comparing.
The only module that imports rensa.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIZE = 4
"""Words of a shingle."""

SLOTS = 128
"""Numbers of a signature: the share in which two agree is their Jaccard similarity, 0.035 off by its deviation."""

SEED = 1997

CONTAINED = 0.5
"""Share of the shorter text's shingles that the other one of two copies has at least."""

ALIKE = 0.2
"""Jaccard similarity of shingles that copies have at least: a story told in a round-up of ten is no copy of it."""

CHANGED = 5.0
"""Places with other words, in a hundred shared shingles, that copies have at most. Of copies with one word of 80
exchanged 98 in 100 have fewer; of reports made from one template nearly all have more."""

TELLING = 3
"""A place counts so often where no more than SHORT words stand and one of them is a name, a number or a denial."""

SHORT = 4

FEW = 12
"""Shingles below which two texts are copies only if they are equal."""

ENOUGH = 9
"""Articles of an outlet from which can be told what it puts under each."""

Marks = NDArray[np.uint64]
Signatures = NDArray[np.uint32]


class Story:
    """A text as it is compared. Holds eight bytes for each of its words, and the words."""

    def __init__(self, text: str) -> None:
        """Read a text."""
        self.written = _WORD.findall(unicodedata.normalize("NFKC", text))

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Its words in lower case."""
        return tuple(map(str.casefold, self.written))

    @cached_property
    def marks(self) -> Marks:
        """A number for each of its shingles, in order, the same in every process; one where it has less than SIZE."""
        words = _numbered(self.words)
        last = len(words) - SIZE + 1
        if last <= 0:
            return _mixed(words.sum(keepdims=True, dtype=np.uint64)) if len(words) else words
        joined = np.zeros(last, dtype=np.uint64)
        for at in range(SIZE):
            joined = joined * _STEP + words[at : at + last]
        return _mixed(joined)

    @cached_property
    def different(self) -> Marks:
        """Its shingles, each once, in the order of their numbers."""
        return _once(self.marks)

    def without(self, common: Marks) -> "Story":
        """Leave out shingles that do not count, given in order; where hardly any other is left, none is left out."""
        kept = ~_among(self.marks, common)
        if kept.all() or kept.sum() < FEW:
            return self
        other = Story("")
        other.written, other.marks = self.written, np.where(kept, self.marks, 0)
        other.different = _once(self.marks[kept])
        return other


def is_copy(one: Story, other: Story) -> bool:
    """Whether two texts are one story: cut, reordered, with other lines around it, with few words exchanged."""
    few, more = sorted((len(one.different), len(other.different)))
    if few < FEW:
        return one.words == other.words and few > 0
    common = int(_among(one.different, other.different).sum())
    if common < CONTAINED * few or common < ALIKE * (few + more - common):
        return False
    return min(changed(one, other), changed(other, one)) <= CHANGED * common / 100


def changed(one: Story, other: Story) -> int:
    """Count the places of a text at which another one has other words, not those where it only lacks some.

    A place is a run of shingles that the other lacks, of at least SIZE: where only the order differs, or something is
    left out, SIZE - 1 are lacking.
    """
    places = 0
    for first, last in _runs(~_among(one.marks, other.different) & (one.marks != 0)):
        words = last - first - SIZE + 1
        if words > 0 and first > 0 and last < len(one.marks):
            short = words <= SHORT and _tell(one.written, first + SIZE - 1, last)
            places += TELLING if short else 1
    return places


def said(text: str) -> str:
    """Return all that a sentence says, to be compared with what another one says; "" where it says nothing.

    These are its words in their order, with signs that change them. Capitals, quotation marks, commas and dashes are
    typography; any other word, or the same ones in another order, may say the opposite in some language.
    """
    found: list[str] = _SAID.findall(unicodedata.normalize("NFKC", text))
    return " ".join(found).casefold().translate(_MINUS)


def marks_in_many(stories: Iterable[Story]) -> Marks:
    """Return the shingles that a third of an outlet's articles have, in order: what it puts under each, or a template.

    None where these are fewer than ENOUGH, of which a third may well be one story. Holds one story at a time.
    """
    found = [story.different for story in stories]
    if len(found) < ENOUGH:
        return np.empty(0, dtype=np.uint64)
    marks, counts = np.unique(np.concatenate(found), return_counts=True)
    return np.asarray(marks[counts * 3 >= len(found)])


def signatures(stories: Sequence[Story]) -> Signatures:
    """Return the signatures of texts, shape (n, SLOTS)."""
    hashed = [story.different.tolist() for story in stories]
    rows = _hasher().digest_matrix_from_token_hash_sets(hashed, SLOTS, SEED).to_rows()
    return np.array(rows, dtype=np.uint32).reshape(len(stories), SLOTS)


def form() -> str:
    """Return what signatures depend on besides the text: those of another form cannot be compared."""
    return f"rensa-{_hasher().ALGORITHM_VERSION}/{SIZE}/{SLOTS}"


def _hasher() -> Any:  # noqa: ANN401  rensa has no types
    from rensa import RMinHash  # noqa: PLC0415

    return RMinHash


def _numbered(words: Sequence[str]) -> Marks:
    """Return a number for each word, made of its letters as digits."""
    letters = np.frombuffer("".join(words).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    lengths = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
    starts = np.cumsum(lengths) - lengths
    places = np.arange(len(letters)) - np.repeat(starts, lengths)
    digits = letters * np.power(_STEP, places.astype(np.uint64) + np.uint64(1))
    return np.asarray(np.add.reduceat(digits, starts)) if len(words) else letters


def _once(marks: Marks) -> Marks:
    """Return numbers in order, each once: five times as fast as NumPy's `unique`."""
    ordered = np.sort(marks)
    first = np.ones(len(ordered), dtype=np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return np.asarray(ordered[first])


def _among(some: Marks, ordered: Marks) -> NDArray[np.bool_]:
    """Return which numbers are among others, which are in order."""
    if not len(ordered):
        return np.zeros(len(some), dtype=np.bool_)
    return np.asarray(ordered[np.searchsorted(ordered, some).clip(max=len(ordered) - 1)] == some)


def _runs(lacking: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield where runs of what is lacking begin and end, the end excluded."""
    edges = np.flatnonzero(np.diff(lacking.astype(np.int8), prepend=0, append=0))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _tell(words: Sequence[str], first: int, last: int) -> bool:
    """Whether a word of a place tells, or letters there, of which others may have one, deny."""
    return any(map(_tells, words[first:last])) or bool(_DENYING.search("".join(words[first - 1 : last + 1])))


def _tells(word: str) -> bool:
    """Whether a word is written like a name or a number, or denies something."""
    return word[0].isupper() or any(map(str.isdigit, word)) or word in _DENIALS or not _WITHIN.isdisjoint(word)


def _mixed(numbers: Marks) -> Marks:
    """Spread numbers over all bits, as splitmix64 does (Steele, Lea, Flood 2014)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


_STEP = np.uint64(0x9E3779B97F4A7C15)

_DENIALS = frozenset(
    "not no never none without neither nor nobody nothing nowhere cannot t cant dont wont didnt doesnt isnt wasnt "
    "لا لم لن ليس ليست ليسوا غير بدون دون ikke ikkje ej ingen intet ingenting aldrig aldri uden uten hverken verken "
    "nei nej nicht kein keine keinen keinem keiner keines nie niemals niemand nichts nirgends ohne weder "
    "δεν δε μην μη όχι χωρίς ούτε ποτέ κανείς κανένας καμία κανένα τίποτα "
    "ni nunca jamás sin nadie nada ningún ninguno ninguna tampoco ei emme ette eivät eikä älä ilman koskaan "
    "ne n pas jamais sans rien aucun aucune personne nem se sem nincs nincsenek nélkül soha senki semmi "
    "non né mai senza nessuno nessuna niente nulla niet geen nooit zonder niets não ninguém nenhum nenhuma "
    "nu nici niciodată fără nimeni nimic niciun nicio не нет ни никогда без нельзя никто ничего нету "
    "inte icke inget inga utan varken இல değil yok hiç asla hayır "
    "不 没 沒 未 無 无 非 否 别 別 勿 莫 안 못".split()
)
"""In each language that has a stemmer, and in those without spaces. The "t" is that of "didn't", the "n" of "n'a"; the
Tamil one is as far as its first vowel sign. Finnish "en" and "et" are left out: they mean "in" and "and" to others."""

_WITHIN = frozenset("않없못")
"""Syllables that deny within a Korean word."""

_DENYING = re.compile("ない|なかっ|なく|ません|ไม่")
"""Denials of several letters, each of which is a word to us."""

_LONE = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
_WORD = re.compile(rf"{_LONE}|[^\W_]+")
"""A word; or a letter of those scripts that put no spaces between words."""

_MARKS = "".join(letter for letter in map(chr, range(0x300, 0x1B00)) if unicodedata.category(letter)[0] == "M")
_SAID = re.compile(rf"{_LONE}|(?:[^\W_][{_MARKS}]*)+|[$€£¥₽₹₺₩%‰°+±<>=≈≤≥?؟]|(?<!\w)[-\u2212\u2013](?=\d)")
"""A word with the marks that are its vowels; a sign that changes a number; what makes a question of a sentence."""

_MINUS = str.maketrans("\u2212\u2013", "--")
