"""Measure whether copies are found, and what that costs, on copies made of other articles: the same ones in every run.

    python -m tests.bench.copies [DIR] [--articles N] [--json]

DIR is a set of questions with a `corpus.jsonl`, whose articles are cut into stories of five paragraphs; without it
stories are made of the sentences of the seeds. Outlets take over some of them: with an opening of their own, cut, their
paragraphs reordered a little, some words exchanged, and with what each puts under all of its articles. What must not be
taken for copies: neighbouring stories of one article, which share names and turns, stories with a sentence in common,
and reports made from one template.
"""

import argparse
import json
import random
import resource
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from index.articles import sources
from index.formats import extract
from index.library import seeds
from index.records import Article, ArticleId
from index.stories.copies import compare
from index.stories.shingles import SEED, SIZE, SLOTS
from index.text.sentences import sentences
from index.truth.draft import Draft, Staged
from index.truth.ledger import Ledger
from index.truth.tables import articles, copies

OUTLETS = 8

TAKEN = 0.25
"""Share of the stories that other outlets take over."""

EXCHANGED = 1 / 80
"""Words of a copy of which one is another than in the original."""

LENGTH = 5
"""Paragraphs of a story."""

_TEMPLATE = """
Weather for {place} on {day}. The day begins {sky} with {low} degrees in the early morning, and in the course of the
afternoon temperatures rise to a high of {high} degrees. The wind blows from the {wind} at about {speed} kilometres an
hour, with stronger gusts possible on the coast and in the hills. During the night it stays {night}, and the thermometer
falls to {cold} degrees. Drivers are asked to watch for fog near rivers and lakes. The outlook for the following days:
{outlook}. These figures are for {place} and the places around it, and were made by the weather service at six in the
morning; they are updated twice a day, and nobody can promise that they come true.
"""


@dataclass(frozen=True)
class Told:
    """A story as one outlet tells it; copies have the same `number`."""

    number: int
    outlet: str
    title: str
    text: str


def main() -> None:
    """Measure, and print a table or one JSON object."""
    parser = argparse.ArgumentParser(description="Whether copies are found, and what that costs.")
    parser.add_argument("set", type=Path, nargs="?")
    parser.add_argument("--articles", type=int, default=10_000, help="articles to compare, at most (default: 10000)")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    stories = told(of_set(chosen.set) if chosen.set else of_seeds(chosen.articles), most=chosen.articles)
    figures = measure(stories)
    if chosen.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:<80}{value:>12,.3f}")


def of_set(folder: Path) -> Iterator[list[str]]:
    """Yield the stories of a set: five paragraphs of an article each."""
    with (folder / "corpus.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            parts = [part for part in json.loads(line)["text"].split("\n") if part.strip()]
            yield from (parts[at : at + LENGTH] for at in range(0, len(parts), LENGTH))


def of_seeds(count: int) -> Iterator[list[str]]:
    """Yield stories of four sentences a paragraph, drawn from those of the seeds; most share some with others."""
    texts = [extract.extract(o.id, sources.read(o, limit=10**7)).text for o in sources.scan(seeds())[0]]
    pool = [span.of(text) for text in texts for span in sentences(text) if len(span) > 40]
    draw = random.Random(1)
    for _ in range(count):
        drawn = draw.sample(pool, 4 * LENGTH)
        yield [" ".join(drawn[at : at + 4]) for at in range(0, len(drawn), 4)]


def told(pieces: Iterable[list[str]], *, most: int, seed: int = 5) -> list[Told]:
    """Return at most so many articles: stories, some of them in several outlets, and reports from a template."""
    draw = random.Random(seed)
    kept = [piece for piece in pieces if len(" ".join(piece).split()) >= 80]
    pool = sorted({word for piece in kept for word in " ".join(piece).lower().split() if word.isalpha()})
    foot = [" ".join(draw.choices(pool, k=draw.randint(20, 60))).capitalize() + "." for _ in range(OUTLETS)]
    made = []
    for number, piece in enumerate(kept):
        many = draw.randint(2, 4) if draw.random() < TAKEN else 1
        for at, outlet in enumerate(draw.sample(range(OUTLETS), many)):
            text = "\n\n".join(_taken_over(piece, pool, draw) if at else piece)
            made.append(Told(number, f"Outlet {outlet}", f"Story {number}", f"{text}\n\n{foot[outlet]}"))
        if number % 20 == 0:
            made.append(Told(-1 - number, "Weather", f"Weather {number}", report(draw)))
        if len(made) >= most:
            break
    return made[:most]


def report(draw: random.Random) -> str:
    """Return a weather report, which nobody copied from another one."""
    return " ".join(_TEMPLATE.split()).format(
        place=draw.choice(["Lindholm", "Arnby", "Vessel", "Morgen", "Tarn", "Oster"]),
        day=f"{draw.randint(1, 28)} {draw.choice(['March', 'April', 'May', 'June'])}",
        sky=draw.choice(["clear", "cloudy", "with rain", "with fog", "with snow"]),
        low=draw.randint(-3, 8),
        high=draw.randint(9, 28),
        wind=draw.choice(["north", "west", "south-east", "south-west"]),
        speed=draw.randint(5, 60),
        night=draw.choice(["dry", "wet", "windy", "calm"]),
        cold=draw.randint(-6, 5),
        outlook=draw.choice(["changeable", "dry and warmer", "rain from the west", "colder, with some snow"]),
    )


def _taken_over(piece: Sequence[str], pool: Sequence[str], draw: random.Random) -> list[str]:
    """Return a story as another outlet would print it."""
    opening = f"{' '.join(draw.choices(pool, k=draw.randint(6, 25))).capitalize()}."
    words = sum(len(part.split()) for part in piece)
    kept = _cut(piece, round(words * draw.uniform(0.5, 1.0)))
    if len(kept) > 2 and draw.random() < 0.3:
        at = draw.randrange(1, len(kept) - 1)
        kept[at], kept[at + 1] = kept[at + 1], kept[at]
    return [opening, *(_edited(part, pool, draw) for part in kept)]


def _cut(piece: Sequence[str], most: int) -> list[str]:
    """Return the beginning of a story, of whole sentences."""
    kept: list[str] = []
    for part in piece:
        some = ""
        for span in sentences(part):
            sentence = span.of(part)
            if kept and most < len(sentence.split()):
                return [*kept, some] if some else kept
            some, most = f"{some} {sentence}".strip(), most - len(sentence.split())
        kept.append(some)
    return kept


def _edited(text: str, pool: Sequence[str], draw: random.Random) -> str:
    return " ".join(draw.choice(pool) if draw.random() < EXCHANGED else word for word in text.split(" "))


def known(stories: Sequence[Told]) -> set[tuple[int, int]]:
    """Return the pairs of places in the list at which the same story stands."""
    of: dict[int, list[int]] = {}
    for at, one in enumerate(stories):
        of.setdefault(one.number, []).append(at)
    return {pair for places in of.values() for pair in combinations(places, 2)}


def measure(stories: Sequence[Told]) -> dict[str, float]:
    """Return how well copies are found, and the time and memory that takes, against rensa alone."""
    with tempfile.TemporaryDirectory() as place:
        ledger = Ledger(Path(place))
        stage(ledger, stories)
        before = _peak()
        seconds = timed(lambda: _compare(ledger, 1))
        memory = _peak() - before
        precision, recall = quality(ledger, stories)
        again = timed(lambda: _one_more(ledger))
        ledger.close()
    bare = min(timed(lambda: _bare(stories)) for _ in range(2))
    return {
        "copies: articles": len(stories),
        "copies: pairs of them": len(known(stories)),
        "copies: precision (aim >= 0.98)": precision,
        "copies: recall (aim >= 0.95)": recall,
        "copies: processor time for 10,000 articles, s": seconds / len(stories) * 10_000,
        "copies: memory it takes at most, MB": memory,
        "copies: rensa alone, shingles, signatures and its index, for 10,000, s": bare / len(stories) * 10_000,
        "copies: rensa alone / Footnote, which reads the words and compares them": bare / seconds,
        "copies: one article more, processor time, s": again,
    }


def _compare(ledger: Ledger, revision: int) -> None:
    compare(ledger, revision, watch=lambda _: None, stop=lambda: False)


def _one_more(ledger: Ledger) -> None:
    """Compare one article more, in the draft that is there."""
    with ledger.writing() as db:
        whole = db.execute(sa.select(articles).limit(1)).one()._asdict()
        db.execute(articles.insert(), {**whole, "row": None, "id": "another"})
    _compare(ledger, 1)


def _bare(stories: Sequence[Told]) -> int:
    """Find what may be copies as rensa's documentation shows it."""
    from rensa import RMinHash, RMinHashLSH

    index = RMinHashLSH(threshold=0.5, num_perm=SLOTS, num_bands=32)
    split = [story.text.lower().split() for story in stories]
    shingles = [list(map(" ".join, zip(*(words[at:] for at in range(SIZE)), strict=False))) for words in split]
    made = RMinHash.from_token_sets(shingles, num_perm=SLOTS, seed=SEED)
    for number, one in enumerate(made):
        index.insert(number, one)
    return sum(len(index.query(one)) for one in made)


def stage(ledger: Ledger, stories: Sequence[Told]) -> None:
    """Put stories into a draft, with their places in the list for ids."""
    draft = Draft(ledger)
    batch = 500
    for at in range(0, len(stories), batch):
        some = [
            Article(ArticleId(str(number)), one.title, one.text, source=one.outlet)
            for number, one in enumerate(stories[at : at + batch], start=at)
        ]
        draft.stage([Staged(article, "digest", ()) for article in some])


def quality(ledger: Ledger, stories: Sequence[Told]) -> tuple[float, float]:
    """Return how many of the pairs that were found are copies, and how many of the copies were found."""
    with ledger.reading() as db:
        ids = dict(db.execute(sa.select(articles.c.row, articles.c.id)).all())  # type: ignore[arg-type]
        pairs = db.execute(sa.select(copies.c.article, copies.c.other)).all()
    found = {(min(pair), max(pair)) for one, other in pairs for pair in [(int(ids[one]), int(ids[other]))]}
    sought = known(stories)
    return len(found & sought) / len(found), len(found & sought) / len(sought)


def timed(work: Any) -> float:
    """Return the seconds of the processor that a piece of work takes: others may use the machine."""
    start = time.process_time()
    work()
    return time.process_time() - start


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main()
