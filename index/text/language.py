"""Tell which language a text is in, offline. The only module that imports py3langid, and only where articles are read.

py3langid is a naive Bayes classifier over byte n-grams. Of texts in 56 languages (messages of programs) it knew 0.973
at 60 letters and 0.996 at 250; pycld2 0.949 and 0.991; lingua 0.961 and 0.970, with eight times the memory.
"""

import io
import lzma
import shutil
from collections import Counter
from collections.abc import Callable
from functools import cached_property

SURE = 0.6
"""Probability from which it is believed. Of texts of 30 letters 0.72 reach it and 0.992 of these are right; of 60
letters 0.88 and 0.997, of 250 letters 0.97 and 0.999. At 0.5 these are 0.976, 0.987 and 0.996."""

STRETCH = 600
"""Characters that are looked at together at most."""

STRETCHES = 3
"""So many stretches of a longer text are looked at: its beginning may be a menu, a quotation or a licence."""

SHORTEST = 20
"""Letters below which nothing is guessed. What a document says of itself holds there."""

_ONE = {"nb": "no", "nn": "no", "iw": "he", "in": "id", "ji": "yi", "wuu": "zh", "yue": "zh", "cmn": "zh", "arz": "ar"}
"""Codes of what is found by the same words, under the one that stands for them here."""

Classify = Callable[[str], tuple[str, float]]


class Detector:
    """Tells languages. Loads its model, 75 MB of memory and 0.4 s, when it is first needed."""

    def language(self, text: str, *, stated: str = "") -> str:
        """Return the language of a text by ISO 639-1; "" where nobody can be sure.

        `stated` is what the document says of itself, such as "en-US". It holds unless the text is surely in another
        language: templates of web pages say "en" whatever is filled in.
        """
        found = self._found(text)
        return found or code(stated)

    def load(self) -> None:
        """Load the model now."""
        self._classify  # noqa: B018

    def _found(self, text: str) -> str:
        """Return the language that most stretches of a text are surely in; "" where they do not agree."""
        stretches = [part for part in _stretches(text) if sum(map(str.isalpha, part)) >= SHORTEST]
        sure = Counter(self._sure(part) for part in stretches)
        best, votes = max(sure.items(), key=lambda item: item[1], default=("", 0))
        return best if votes * 2 > len(stretches) else ""

    def _sure(self, text: str) -> str:
        name, probability = self._classify(text)
        return code(name) if probability >= SURE else ""

    @cached_property
    def _classify(self) -> Classify:
        """Read the model as py3langid does, which unpacks it into a temporary file: disks may be full."""
        import numpy as np  # noqa: PLC0415
        from py3langid.langid import MODEL_DIR, MODEL_FILE, LanguageIdentifier  # noqa: PLC0415

        unpacked = io.BytesIO()
        with lzma.open(MODEL_DIR / MODEL_FILE) as packed:
            shutil.copyfileobj(packed, unpacked, 1 << 20)  # all at once it would be held twice
        unpacked.seek(0)
        read = np.load(unpacked, allow_pickle=False)
        # Seen as memory, whole numbers are read one by one twice as fast as from an array of NumPy's.
        states, rows = memoryview(read["nextmove"]), memoryview(read["nextmove_row"])
        made = (read["ptc"], read["pc"], read["classes"].tolist(), states, read["out_feat"].tolist())
        classify: Classify = LanguageIdentifier(*made, norm_probs=True, tk_row=rows).classify
        return classify


def code(stated: str) -> str:
    """Return the code by ISO 639-1 of a language tag such as "en-US" or "zh_Hans"; "" where it has none."""
    first = stated.strip().replace("_", "-").partition("-")[0].lower()
    first = _ONE.get(first, first)
    return first if len(first) == 2 and first.isascii() and first.isalpha() else ""


def _stretches(text: str) -> list[str]:
    """Return the beginning, the middle and the end of a text; all of it where it is short."""
    if len(text) <= STRETCH:
        return [text]
    length = min(STRETCH, len(text) // STRETCHES)
    step = (len(text) - length) // (STRETCHES - 1)
    return [text[at : at + length] for at in range(0, step * STRETCHES, step)]
