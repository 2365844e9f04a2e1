"""What people ask a bot under load: the gold questions of the seeds in many wordings, and what else people send."""

import json
import random
from collections.abc import Iterator

from index.library import seeds

MARK = "zeppelin{number}q"
"""A word that no article has, so that the refusal names it: it tells whose answer an answer is."""

FORMS = (
    "{question}",
    "{question}",
    "/ask {question}",
    "Please tell me: {question}",
    "{lower}",
    "{question} {other}",
    "{question} Since {month} {year}?",
    "{question} And why did that come {number} days late?",
    "Which {mark} lands there? {question}",
    "Which {mark} lands in {year}?",
    "Which {mark} lands in {year}?",
)

ODD = (
    "And when?",
    "What about him?",
    "why",
    "?",
    "🛩️🛩️🛩️ {number}",
    "<b>{question}",
    "אין {number}",
    "Ｗｈｅｒｅ will they meet?",
    "{number}",
    "{long}",
)


def texts(seed: int) -> Iterator[str]:
    """Yield messages without end, the same ones for the same seed; every second is one that nobody sent before."""
    draw = random.Random(seed)
    gold = [json.loads(line)["question"] for line in (seeds() / "queries.jsonl").read_text("utf-8").splitlines()]
    number = seed * 1_000_000
    while True:
        number += 1
        question, other = draw.sample(gold, 2)
        yield draw.choice(ODD if draw.random() < 0.1 else FORMS).format(
            question=question,
            other=other,
            lower=question.lower().rstrip("?"),
            long=" ".join([question] * (1_000 // len(question))),
            month=draw.choice(("January", "March", "October")),
            year=draw.randint(1950, 2030),
            number=number,
            mark=MARK.format(number=number),
        )
