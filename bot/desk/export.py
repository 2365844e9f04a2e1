"""What people thought of answers, as labelled cases in the layout that `footnote eval` reads. Pure.

Knows no one's name or id: neither do the cases. What a person has to fill in is said in a case's `note`, which an
evaluation passes over, as it does `given` and `votes`.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.store.journal import Feedback, Reason
from index.records import Answer

FILE = "queries.jsonl"
"""What an evaluation calls the file."""

_LIKED = "liked"

_NOTES = {
    Reason.SHOULD_HAVE_ANSWERED: "This was refused, and should have been answered: fill in answers and evidence.",
    Reason.WRONG_SOURCE: "The source was wrong: fill in answers and the right evidence. What was given is no gold.",
    Reason.OUTDATED: "The answer was outdated: fill in answers and the newer evidence. What was given is no gold.",
}


@dataclass(frozen=True, slots=True)
class Exported:
    """The file, how many cases it holds, how many of them somebody has to fill in, and 👎 that gave no reason."""

    data: bytes
    cases: int
    unfinished: int
    unexplained: int


def export(feedback: Sequence[Feedback]) -> Exported:
    """Make a case of each answer that people said enough about; a 👎 without a reason does not say what is right."""
    cases = [case for case in map(_case, feedback) if case is not None]
    lines = [json.dumps(case, ensure_ascii=False) + "\n" for case in cases]
    return Exported(
        "".join(lines).encode("utf-8", "replace"),
        cases=len(cases),
        unfinished=sum("note" in case for case in cases),
        unexplained=len(feedback) - len(cases),
    )


def _case(feedback: Feedback) -> dict[str, Any] | None:
    votes = Counter(_LIKED if vote.good else vote.reason.value for vote in feedback.votes)
    verdict = _verdict(votes)
    if verdict is None:
        return None
    answer = feedback.kept.answer
    history = [said for turn in feedback.before for said in (turn.question, turn.answer)]
    return {
        "id": _id(feedback.kept.id),
        "question": answer.question,
        **({"history": history} if history else {}),
        **_label(verdict, answer),
        "votes": {name or "disliked": count for name, count in votes.items()},
    }


def _verdict(votes: Counter[str]) -> str | None:
    """Return what most think: `_LIKED` where more liked it than not, else the reason that most gave, or None."""
    if votes[_LIKED] > votes.total() - votes[_LIKED]:
        return _LIKED
    reasons = [reason for reason in Reason if reason and votes[reason]]
    return max(reasons, key=lambda reason: votes[reason], default=None)


def _label(verdict: str, answer: Answer) -> dict[str, Any]:
    cited = [{"doc_id": citation.article.id, "quote": citation.quote} for citation in answer.citations]
    if verdict == _LIKED and answer.answered:
        claims = [answer.text, *(claim.text for claim in answer.claims)]
        return {"answerable": True, "answers": list(dict.fromkeys(claims)), "evidence": cited}
    if verdict in (_LIKED, Reason.SHOULD_HAVE_REFUSED):  # a refusal that somebody liked was right
        return {"answerable": False, "answers": [], "evidence": []}
    given = {"given": cited} if cited else {}
    return {"answerable": True, "answers": [], "evidence": [], "note": _NOTES[Reason(verdict)], **given}


def _id(of: str) -> str:
    """Return the same id for the same answer each time, from which the key of its buttons cannot be told."""
    return "f-" + hashlib.sha256(of.encode()).hexdigest()[:16]
