"""Judge how probably a sentence answers a question, and how probably the best one does. Pure.

A logistic model over a few features that have a meaning each. Its numbers are data, in `judge.json`, which `calibrate`
fits to questions whose answers are known; a library that was calibrated has a file of its own.
"""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from index.errors import Damaged

log = logging.getLogger(__name__)

FILE = "judge.json"
"""Name of the file, beside this module and in the data directory of a library that was calibrated."""


@dataclass(frozen=True, slots=True)
class Features:
    """What the judge sees of a sentence, each about 0 to 1.

    `meaning`: cosine of question and sentence. `covered`: share of the question's word weight (inverse document
    frequency) that the sentence has. `context`: that share for sentence, passage, title and heading together.
    `passage`: cosine of question and passage. `kind`: 1 where the sentence holds the sort of answer that is asked for
    (a date for "when"), 0 where not, 0.5 where nothing particular is asked for.
    """

    meaning: float
    covered: float
    context: float
    passage: float
    kind: float


NAMES = tuple(field.name for field in fields(Features))


class Judge(BaseModel):
    """The numbers of a judge.

    `bias` and `weights` give the log-odds that a sentence answers; `slope` and `offset` turn those of the best one into
    the log-odds that the question is answered (Platt 1999). `thresholds` are (caution, probability): to refuse a share
    `caution` of the questions without an answer, refuse what is less probable. `fitted` says on what, in words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bias: float
    weights: dict[str, float]
    slope: float
    offset: float
    thresholds: tuple[tuple[float, float], ...]
    fitted: str

    def sentence(self, features: Features) -> float:
        """Return the probability that a sentence answers."""
        return logistic(self.bias + sum(weight * getattr(features, name) for name, weight in self.weights.items()))

    def answer(self, sentences: Sequence[float]) -> float:
        """Return the probability that the best of some sentences, given by their probabilities, answers; 0 for none."""
        best = max(sentences, default=0.0)
        return logistic(self.slope * log_odds(best) + self.offset) if best else 0.0

    def threshold(self, caution: float) -> float:
        """Return the probability below which an answer is refused; between the fitted ones it is interpolated."""
        (low, least), *rest = self.thresholds
        for high, most in rest:
            if caution <= high:
                return least + (most - least) * (caution - low) / (high - low)
            low, least = high, most
        return least

    def least(self, caution: float) -> float:
        """Return the probability below which a sentence is no answer, so that its answer would be refused."""
        return logistic((log_odds(self.threshold(caution)) - self.offset) / self.slope)

    def write(self, path: Path) -> None:
        """Write the numbers into a file that people can read, whole or not at all."""
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(self.model_dump(), indent=1) + "\n", encoding="utf-8")
        fresh.replace(path)


@cache
def shipped() -> Judge:
    """Return the judge that comes with the install."""
    return Judge.model_validate_json((Path(__file__).parent / FILE).read_bytes())


def judge_of(data: Path) -> Judge:
    """Return the judge of a library: its own where it was calibrated, else the one that comes with the install.

    The same where its own was made by another version, which saw other features: that is logged.

    Raises:
        Damaged: its own cannot be read.
    """
    path = data / FILE
    if not path.exists():
        return shipped()
    try:
        own = Judge.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        message = f"{path} cannot be read as a calibration. Remove it, and run `footnote calibrate` again."
        raise Damaged(message) from error
    if set(own.weights) != set(NAMES) or not own.thresholds:
        log.warning("%s was made by another version and is not used. Run `footnote calibrate` again.", path)
        return shipped()
    return own


def log_odds(probability: float) -> float:
    """Return ln(p / (1 - p)), at most about 21 either way."""
    held = min(max(probability, 1e-9), 1 - 1e-9)
    return math.log(held / (1 - held))


def share(weights: Mapping[str, float], words: frozenset[str]) -> float:
    """Return the share of the question's word weight that a set of words has; 0 where the question has no words."""
    whole = sum(weights.values())
    return sum(weight for word, weight in weights.items() if word in words) / whole if whole else 0.0


def logistic(x: float) -> float:
    """Return the probability with log-odds `x`."""
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))
