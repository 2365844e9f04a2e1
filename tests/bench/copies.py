"""Measure whether copies are found, and what that costs, on copies made of other articles: the same ones in every run.

    python -m tests.bench.copies [DIR] [--articles N]

DIR is a set of questions with a `corpus.jsonl`, whose articles are cut into stories of five paragraphs. Outlets take
over some of the stories: with a headline and an opening of their own, cut, their paragraphs reordered a little, some
words exchanged, and with what each puts under all of its articles. Neighbouring stories of one article, which share names
and turns, and reports made from one template are what must not be taken for copies.
"""

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import sqlalchemy as sa

from index.library import Library, seeds
from index.sentences import sentences
from index.tables import articles, copies

OUTLETS = 8
TAKEN = 0.25
"""Share of the stories that other outlets take over."""

EXCHANGED = 1 / 80
"""Words of a copy of which one is another than in the original."""

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


def paragraphs(folder: Path | None) -> Iterator[list[str]]:
    """Yield the paragraphs of each article of a set; of the seeds where none is named."""
    if folder is None:
        for path in sorted(seeds().glob("*.md")):
            yield [line for line in path.read_text(encoding="utf-8").split("---")[-1].split("\n") if len(line) > 60]
        return
    with (folder / "corpus.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield [part for part in json.loads(line)["text"].split("\n") if part.strip()]


def told(articles: Iterator[list[str]], *, length: int = 5, seed: int = 5) -> list[Told]:
    """Return stories of `length` paragraphs, some of them in several outlets, and reports from a template."""
    draw = random.Random(seed)
    pieces = [part[at : at + length] for part in articles for at in range(0, len(part), length)]
    pieces = [piece for piece in pieces if len(" ".join(piece).split()) >= 80]
    pool = sorted({word for piece in pieces for word in " ".join(piece).lower().split() if word.isalpha()})
    foot = [" ".join(draw.choices(pool, k=draw.randint(20, 60))).capitalize() + "." for _ in range(OUTLETS)]
    made = []
    for number, piece in enumerate(pieces):
        many = draw.randint(2, 4) if draw.random() < TAKEN else 1
        for at, outlet in enumerate(draw.sample(range(OUTLETS), many)):
            text = "\n\n".join(_taken_over(piece, pool, draw) if at else piece)
            made.append(Told(number, f"Outlet {outlet}", f"Story {number}", f"{text}\n\n{foot[outlet]}"))
    reports = [Told(len(pieces) + n, "Weather", f"Weather {n}", report(draw)) for n in range(len(pieces) // 20)]
    return [*made, *reports]


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
    words = [draw.choice(pool) if draw.random() < EXCHANGED else word for word in text.split(" ")]
    return " ".join(words)


def known(stories: Sequence[Told]) -> set[tuple[int, int]]:
    """Return the pairs of places in the list at which the same story stands."""
    of: dict[int, list[int]] = {}
    for at, one in enumerate(stories):
        of.setdefault(one.number, []).append(at)
    return {pair for places in of.values() for pair in combinations(places, 2)}


def write(stories: Sequence[Told], folder: Path) -> Path:
    """Write stories as one JSONL file, whose ids are their places in the list."""
    path = folder / "stories.jsonl"
    with path.open("w", encoding="utf-8") as lines:
        for at, one in enumerate(stories):
            fields = {"id": str(at), "title": one.title, "date": "", "source": one.outlet, "url": "", "text": one.text}
            lines.write(f"{json.dumps(fields)}\n")
    return path


def quality(library: Library, stories: Sequence[Told]) -> tuple[float, float]:
    """Return how many of the pairs that a library found are copies, and how many of the copies it found."""
    with library._ledger.reading() as db:
        ids = dict(db.execute(sa.select(articles.c.row, articles.c.id)).all())
        found = {tuple(sorted((int(ids[a]), int(ids[b])))) for a, b in db.execute(sa.select(copies)).all()}
    sought = known(stories)
    return len(found & sought) / len(found), len(found & sought) / len(sought)
