"""Turn text into the words it is found by, as its language wants it: no stop words, stems, no accents.

An analysis is named by the language it is made for. English is also for texts whose language nobody knows; languages
without a stemmer keep their words as they are (PLAIN); those written without spaces are cut into pairs of characters
that overlap (UNSPACED; Lucene's CJK analyzer does so, too). Knows nothing of indexes.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import groupby, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tantivy

ENGLISH, PLAIN, UNSPACED = "en", "plain", "unspaced"

_STEMS = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish", "fi": "finnish",
    "fr": "french", "hu": "hungarian", "it": "italian", "nl": "dutch", "no": "norwegian", "pt": "portuguese",
    "ro": "romanian", "ru": "russian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
"""What tantivy calls the languages it has a stemmer for, one of Snowball's."""

_UNLISTED = frozenset("ar el ro ta tr".split())
"""Those for which it has no stop words."""

_NO_SPACES = frozenset("zh ja ko th lo km my".split())
"""Korean has spaces, but its particles hang on the words; pairs of characters find these all the same."""

_SCRIPTS = {"ar": "\u0600-\u06ff", "el": "\u0370-\u03ff", "ru": "\u0400-\u04ff", "ta": "\u0b80-\u0bff"}
_LATIN = "A-Za-z\u00c0-\u024f"
_PAIRED = (
    "\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ebd-\u0ec6\u1000-\u102a\u1780-\u17b3"
    "\u1100-\u11ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_MARKS = "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u17b4-\u17d3\u3099\u309a"
_RUN = re.compile(rf"[{_PAIRED}][{_PAIRED}{_MARKS}]*")
_CHARACTER = re.compile(rf"[{_PAIRED}][{_MARKS}]*")
_JOINS = "'’.\\-"
_WORD = re.compile(rf"[^\W_]+(?:[{_JOINS}][^\W_]+)*")
_MARKED_WORD = re.compile(rf"(?:[^\W_]|[\u0300-\u036f\u064b-\u065f\u0900-\u0dff])+(?:[{_JOINS}][^\W_]+)*")
"""Words of scripts whose vowels are marks, which Python does not count among the letters."""

_UNSPACED_WORD = re.compile(rf"{_RUN.pattern}|(?:(?![{_PAIRED}])[^\W_])+")

STOP_WORDS = frozenset(
    "a an and are as at be been but by can could did do does for from had has have he her his how i if in into is it "
    "its me my of on or our she should so than that the their them then there these they this those to us was we were "
    "what when where which while who whom whose why will with would you your s t re ve ll d m am about any some tell "
    "please say says said".split()
)
"""Words that ask rather than name; also what an apostrophe leaves behind."""

_OURS = {
    "ar": "في من على إلى عن أن إن هل ما ماذا متى أين كيف لماذا كم هو هي هذا هذه التي الذي كان كانت لا أو ثم قد و",
    "da": "hvem hvad hvornår hvor hvorfor hvordan hvilken hvilket hvilke hvis",
    "de": "wer was wann wo warum wieso weshalb wie wem wen wessen woher wohin wieviel viel viele gibt wurde wurden "
    "welche welcher welches welchem welchen bitte",
    "el": "ο η το οι τα του της των τον την και να για με σε από που πως τι ποιος ποια ποιο πότε πού πώς γιατί είναι "
    "ήταν θα δεν μια ένα ένας στο στη στην στον πόσο πόσα",
    "es": "quién quiénes qué cuándo dónde cómo cuánto cuánta cuántos cuántas cuál cuáles adónde hay fue fueron es son",
    "fi": "kuka mikä mitä milloin koska missä miksi miten kuinka mihin mistä kenen monta paljonko on",
    "fr": "qui que quoi quand où pourquoi comment combien lequel laquelle quel quelle quels quelles est a ce",
    "hu": "ki mi mit mikor hol miért hogyan hány mennyi melyik kinek",
    "it": "chi che cosa quando dove perché come quanto quanta quanti quante quale quali è",
    "nl": "wie wat wanneer waar waarom hoe hoeveel welk welke wiens is zijn",
    "no": "hvem hva når hvor hvorfor hvordan hvilken hvilket hvilke",
    "pt": "quem que quê quando onde porque como quanto quanta quantos quantas qual quais é há",
    "ro": "cine ce când unde cum cât câtă câți câte care și de la în un o este sunt a fost pe cu din pentru nu",
    "ru": "кто что когда где почему зачем как какой какая какое какие какого каких сколько куда откуда чей чья чьи "
    "кого кому кем чем чего это есть ли скажи скажите расскажи расскажите",
    "sv": "vem vad när var varför hur vilken vilket vilka många",
    "tr": "kim ne neden niçin nasıl nerede nereye hangi kaç zaman mi mı mu mü ve bir bu ile için da",
}
"""Stop words beside those of tantivy, which lack some that ask."""

_ASKING_UNSPACED = re.compile(
    "请问|請問|为什么|為什麼|什么时候|什麼時候|什么|什麼|怎么样|怎么|怎麼|怎样|哪里|哪裡|哪儿|哪个|哪些|何时|何地|多少|如何|是否|是什么|是谁"
    "|谁|誰|吗|嗎|呢|なぜ|どうして|どうやって|どこ|いつ|どれ|どの|どんな|なんですか|何ですか|ですか|ますか|ください|とは"
    "|무엇|언제|어디|어떻게|누가|누구|어느|얼마|อะไร|ที่ไหน|เมื่อไหร่|เมื่อไร|ทำไม|อย่างไร|ใคร|กี่|เท่าไร"
)
"""What asks in languages without spaces: cut out of a question, as its pairs would be looked for."""

_PREPARED: dict[str, Callable[[str], str]] = {
    "ru": lambda text: text.replace("ё", "е").replace("Ё", "Е"),  # most people write it so
    "tr": lambda text: text.replace("İ", "i").replace("I", "ı"),
    UNSPACED: lambda text: _RUN.sub(lambda run: f" {' '.join(_pairs(run.group()))} ", text),
}


@dataclass(frozen=True)
class Analysis:
    """The analysis of one name. Made by `analysis`."""

    name: str

    def terms(self, text: str) -> list[str]:
        """Return the analysed words of a text, in order, stop words left out."""
        return list(self.analyzer.analyze(self._prepared(text)))

    def tokens(self, text: str) -> "tantivy.PreTokenizedString":
        """Return the analysed words of a text with their places, for an index."""
        return self.analyzer.pre_tokenize(self._prepared(text))

    def fits(self, text: str) -> tuple[int, int]:
        """Return how many letters of a text are of the script of this analysis, and how many words are left out.

        Latin letters count a tenth: names are written in them in questions of all languages.
        """
        latin = self.name != UNSPACED and self.name not in _SCRIPTS
        letters = len(self._script.findall(text)) * (1 if latin else 10)
        return letters, sum(not self.terms(word) for word in _WORD.findall(text))

    @cached_property
    def analyzer(self) -> "tantivy.TextAnalyzer":
        """What tantivy analyses with."""
        import tantivy  # noqa: PLC0415

        filters = tantivy.Filter
        if self.name in (ENGLISH, UNSPACED):  # measured best of what ships; between Chinese words stand English ones
            steps = [filters.ascii_fold(), filters.custom_stopword(sorted(STOP_WORDS)), filters.stemmer("english")]
        elif self.name == PLAIN:
            steps = [filters.ascii_fold()]
        else:  # accents go last: the stemmers know them
            name = _STEMS[self.name]
            stop = [] if self.name in _UNLISTED else [filters.stopword(name)]
            ours = filters.custom_stopword(_OURS.get(self.name, "").split())
            steps = [*stop, ours, filters.stemmer(name), filters.ascii_fold()]
        letters = "[\\w&&[^_]]+"  # with the marks that are vowels
        tokenizer = tantivy.Tokenizer.simple() if self.name == ENGLISH else tantivy.Tokenizer.regex(letters)
        building = tantivy.TextAnalyzerBuilder(tokenizer)
        for step in (filters.remove_long(60), filters.lowercase(), *steps):
            building = building.filter(step)
        return building.build()

    def _prepared(self, text: str) -> str:
        prepare = _PREPARED.get(self.name)
        return prepare(text) if prepare else text

    @cached_property
    def _script(self) -> re.Pattern[str]:
        letters = _PAIRED if self.name == UNSPACED else _SCRIPTS.get(self.name, _LATIN)
        return re.compile(r"[^\W\d_]" if self.name == PLAIN else f"[{letters}]")


@cache
def analysis(name: str) -> Analysis:
    """Return an analysis by its name."""
    return Analysis(name)


def of_language(language: str) -> str:
    """Return the name of the analysis for a language by ISO 639-1; "" is one that nobody knows."""
    if language in _NO_SPACES:
        return UNSPACED
    return language if language in _STEMS else PLAIN if language else ENGLISH


def best(question: str, among: Sequence[str]) -> str:
    """Return the analysis that fits a question best: by its script, then by its stop words; of equal ones the first."""
    if len(among) == 1:
        return among[0]
    return max(among, key=lambda name: analysis(name).fits(question))


def sequence(question: str, name: str, *, own: str) -> list[str]:
    """Return the words of a question as an analysis has them, without what the `own` one of the question leaves out.

    "Was" asks in German; only in a German question is it no word to be looked for.
    """
    if name == own and own != UNSPACED:
        return analysis(own).terms(question)
    return [term for written in _kept(question, own) for term in _other(written, name, own=own)]


def variants(question: str, among: Sequence[str], *, own: str) -> list[frozenset[str]]:
    """Return the forms that each word of a question has in several analyses; none where there is one analysis."""
    if len(among) < 2:
        return []
    return [
        frozenset(term for name in among for term in analysis(name).terms(part))
        for written in _kept(question, own)
        for part in _parts(written, own)
        if not _RUN.fullmatch(part)
    ]


def words(question: str, name: str, *, own: str) -> dict[str, str]:
    """Return the words of a `sequence`, as {analysed: as written}; of a run without spaces each pair by itself."""
    found: dict[str, str] = {}
    for written in _kept(question, own):
        for term in _other(written, name, own=own):
            found.setdefault(term, term if own == UNSPACED and _RUN.fullmatch(written) else written)
    return found


def terms(text: str, language: str = "") -> list[str]:
    """Return the words of a text in a language, analysed, in order, stop words left out."""
    return analysis(of_language(language)).terms(text)


def runs(question: str) -> list[str]:
    """Return the runs of characters without spaces in a question, without what asks."""
    return _RUN.findall(_ASKING_UNSPACED.sub(" ", question))


def left(run: str, *, known: Callable[[str], bool]) -> list[str]:
    """Return the parts of a run, of two characters and more, that stand in no pair that is known."""
    each = _characters(run)
    met = [known(one + other) for one, other in pairwise(each)]
    new = [not (before or after) for before, after in zip([False, *met], [*met, False], strict=True)]
    parts = ("".join(each[at] for at, _ in some) for lone, some in groupby(enumerate(new), itemgetter(1)) if lone)
    return [part for part in parts if len(_characters(part)) > 1]


def _kept(question: str, own: str) -> list[str]:
    """Return the words of a question that carry meaning, as they are written; a run without spaces is one."""
    mine = analysis(own)
    if own == UNSPACED:
        return _UNSPACED_WORD.findall(_ASKING_UNSPACED.sub(" ", question))
    return [written for written in (_WORD if own == ENGLISH else _MARKED_WORD).findall(question) if mine.terms(written)]


def _other(written: str, name: str, *, own: str) -> list[str]:
    """Return a word of a question as an analysis has it; of "l'été" only what the question's own does not leave out."""
    parts = [written] if name == own else _parts(written, own)
    return [term for part in parts for term in analysis(name).terms(part)]


def _parts(written: str, own: str) -> list[str]:
    return [part for part in re.split(f"[{_JOINS}]", written) if analysis(own).terms(part)]


def _characters(run: str) -> list[str]:
    """Return the characters of a run, each with its marks."""
    return _CHARACTER.findall(run)


def _pairs(run: str) -> list[str]:
    each = _characters(run)
    return [one + other for one, other in pairwise(each)] or each
