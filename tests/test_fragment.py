"""Links to a cited sentence: what a browser finds by them, by a small browser of our own, written from the standard."""

import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bot.text import fragment, render
from bot.text.fragment import link

PAGE = "https://example.org/a"
SHIPS = (
    "The harbour was closed in 1987. Since then, few ships come.\n\n"
    "It was opened in 1901 - a rich year & a good one. Few people knew of it.\n\n"
    "The harbour was closed in 1987. Nobody knows why it was not done before, since the town had wanted it for a very "
    "long time, and the sea had left it to the reeds; the last pilot went to live with his daughter."
)


@dataclass
class Browser:
    """Finds the range of a text directive, step by step as the standard says; each line is a block of its own."""

    text: str

    def range(self, directive: str) -> tuple[int, int] | None:
        parts = directive.split(",")
        prefix = unquote(parts.pop(0)[:-1]) if parts[0].endswith("-") else None
        suffix = unquote(parts.pop()[1:]) if parts[-1].startswith("-") else None
        first, *last = map(unquote, parts)
        assert len(last) < 2
        at = 0
        while match := self.started(prefix, first, at, ends=bool(last) or suffix is None):
            at = match[0] + 1
            start, end = match[1:]
            if last:
                return self.ended(last[0], suffix, start, end)
            if suffix is None or self.follows(suffix, end):
                return start, end
        return None

    def started(self, prefix: str | None, first: str, at: int, *, ends: bool) -> tuple[int, int, int] | None:
        """Return where the prefix begins, if there is one, and where the first words begin and end."""
        if prefix is None:
            match = self.string(first, at, starts=True, ends=ends)
            return match and (match[0], *match)
        while found := self.string(prefix, at, starts=True, ends=False):
            at = found[0] + 1
            match = self.string(first, self.past_space(found[1]), starts=False, ends=ends)
            if match and match[0] == self.past_space(found[1]):
                return found[0], *match
        return None

    def ended(self, last: str, suffix: str | None, start: int, end: int) -> tuple[int, int] | None:
        while found := self.string(last, end, starts=True, ends=suffix is None):
            end = found[1]
            if suffix is None or self.follows(suffix, end):
                return start, end
        return None

    def follows(self, suffix: str, at: int) -> bool:
        found = self.string(suffix, self.past_space(at), starts=False, ends=True)
        return found is not None and found[0] == self.past_space(at)

    def past_space(self, at: int) -> int:
        while at < len(self.text) and self.text[at].isspace():
            at += 1
        return at

    def string(self, wanted: str, begin: int, *, starts: bool, ends: bool) -> tuple[int, int] | None:
        """Return the first place of a string in one block at or after `begin`, at word boundaries where asked."""
        for start in range(begin, len(self.text)):
            end = self.matched(wanted, start)
            if end and (not starts or self.boundary(start)) and (not ends or self.boundary(end)):
                return start, end
        return None

    def matched(self, wanted: str, at: int) -> int | None:
        for letter in wanted:
            if at == len(self.text) or not same(letter, self.text[at]):
                return None
            at += 1
            while letter == " " and at < len(self.text) and self.text[at] in " \t":
                at += 1
        return at

    def boundary(self, at: int) -> bool:
        around = self.text[max(0, at - 2) : at + 2] if at >= 2 else " " * (2 - at) + self.text[: at + 2]
        far, left, right, further = around.ljust(4)
        if word(left) and word(right):
            return False
        return not (
            (word(left) and right in "'.:,’" and word(further)) or (word(far) and left in "'.:,’" and word(right))
        )


def same(one: str, other: str) -> bool:
    return other != "\n" and plain(one) == plain(other)


def plain(letter: str) -> str:
    if letter in "’‘":
        return "'"
    return " " if letter == "\t" else unicodedata.normalize("NFD", letter)[0].lower()


def word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


def found(made: str, text: str) -> str | None:
    return span(made, text) and text[slice(*span(made, text))]  # type: ignore[misc]


def span(made: str, text: str) -> tuple[int, int] | None:
    _, is_one, directive = made.partition(":~:text=")
    return Browser(text).range(directive) if is_one else None


def cite(quote: str, text: str = SHIPS, *, nth: int = 0, url: str = PAGE, **bound: int) -> str:
    at = -1
    for _ in range(nth + 1):
        at = text.index(quote, at + 1)
    return link(url, text, at, at + len(quote), **bound)


@pytest.mark.parametrize(
    "quote, directive",
    [
        ("Since then, few ships come.", "Since%20then%2C%20few%20ships%20come."),
        ("in 1901 - a rich year & a good one.", "in%201901%20%2D%20a%20rich%20year%20%26%20a%20good%20one."),
        ("The harbour was closed in 1987.", "The%20harbour%20was%20closed%20in%201987."),
        ("Few", "one.-,Few"),
        (SHIPS[SHIPS.index("Nobody") :], "Nobody%20knows%20why%20it,live%20with%20his%20daughter."),
        (SHIPS[: SHIPS.index("It was") + 6], "The%20harbour%20was%20closed,It%20was"),
        ("arbour was clos", "harbour%20was%20closed"),
    ],
)
def test_the_address_names_the_words(quote: str, directive: str) -> None:
    assert cite(quote) == f"{PAGE}#:~:text={directive}"


def test_words_that_occur_twice_are_told_apart_by_what_stands_beside_them() -> None:
    made = cite("The harbour was closed in 1987.", nth=1)
    assert made == f"{PAGE}#:~:text=The%20harbour%20was%20closed%20in%201987.,-Nobody"
    assert span(made, SHIPS) == (SHIPS.rindex("The harbour"), SHIPS.index(" Nobody"))


def test_letters_that_differ_in_case_or_accents_alone_are_the_same_to_a_browser() -> None:
    text = "The RÉSUMÉ is here. The resume is there."
    made = link(PAGE, text, text.index("resume"), text.index("resume") + 6)
    assert made == f"{PAGE}#:~:text=here.%20The-,resume"
    assert found(made, text) == "resume"


@pytest.mark.parametrize("text", ["One.\n\n" * 6, "One. " * 40, "a " * 50_000])
def test_words_that_nothing_tells_apart_get_the_address_of_the_article(text: str) -> None:
    at = (len(text) // 2) // 6 * 6 if "\n" in text else (len(text) // 2) // 10 * 10
    assert text[at:].startswith(text[:4])
    assert link(PAGE, text, at, at + 4) == PAGE


@pytest.mark.parametrize(
    "url, begins",
    [
        ("https://a.org/x", "https://a.org/x#:~:text="),
        ("https://a.org/x#", "https://a.org/x#:~:text="),
        ("https://a.org/x?a=1#part", "https://a.org/x?a=1#part:~:text="),
        ("https://a.org/x#part:~:text=old", "https://a.org/x#part:~:text="),
        ("https://a.org/x#:~:text=old&text=older", "https://a.org/x#:~:text="),
        ("HTTP://a.org", "HTTP://a.org#:~:text="),
    ],
)
def test_a_fragment_is_kept_and_a_text_fragment_replaced(url: str, begins: str) -> None:
    assert cite("Since then", url=url) == f"{begins}Since%20then"


@pytest.mark.parametrize("url", ["", "mailto:a@example.org", "javascript:alert(1)", "notes/a.md"])
def test_what_is_no_web_page_has_no_places_in_it(url: str) -> None:
    assert cite("Since then", url=url) == url


@pytest.mark.parametrize("start, end", [(0, 0), (59, 61), (60, 60)])
def test_no_words_no_fragment(start: int, end: int) -> None:
    assert link(PAGE, SHIPS, start, end) == PAGE


def test_a_link_is_never_longer_than_telegram_takes() -> None:
    assert fragment.LONGEST <= render.LONGEST_LINK
    quote = "Since then, few ships come."
    fits = len(cite(quote))
    assert cite(quote, longest=fits) != PAGE == cite(quote, longest=fits - 1)


def test_text_without_spaces_is_cut_at_its_clauses() -> None:
    text = (
        "港は一九八七年に閉鎖された。"
        + "それ以来、漁船だけが使っている、" * 9
        + "町は倉庫を住宅に変えたい。誰も知らない。"
    )
    made = link(PAGE, text, 14, text.index("誰"))
    assert found(made, text) == text[14 : text.index("誰")]
    assert len(made) < fragment.LONGEST


WORDS = [
    "the",
    "The",
    "harbour",
    "ship",
    "ship's",
    "1,204",
    "3.5",
    "naïve",
    "well-known",
    "(so)",
    "“yes”",
    "Ёлка",
    "a_b",
    "-",
    "&",
]
SENTENCE = st.lists(st.sampled_from(WORDS), min_size=1, max_size=30).map(lambda words: " ".join(words) + ".")
TEXT = st.lists(st.tuples(SENTENCE, st.sampled_from([" ", "  ", "\n", "\n\n"])), min_size=1, max_size=8)


@given(TEXT, st.data())
def test_a_browser_finds_exactly_the_cited_sentences(parts: list[tuple[str, str]], data: st.DataObject) -> None:
    text = "".join(sentence + gap for sentence, gap in parts)
    first = data.draw(st.integers(0, len(parts) - 1))
    last = data.draw(st.integers(first, min(first + 1, len(parts) - 1)))
    start = sum(len(sentence + gap) for sentence, gap in parts[:first])
    end = sum(len(sentence + gap) for sentence, gap in parts[: last + 1]) - len(parts[last][1])
    made = link(PAGE, text, start, end)
    if made == PAGE:
        assert again(text[start:end], text)
    else:
        assert span(made, text) == (start, end)


def again(quote: str, text: str) -> bool:
    """Whether a quote, or as much of its first line as is looked for, occurs more than once."""
    lines = [plainly(line) for line in quote.splitlines() if line.strip()]
    heads = [" ".join(line.split()[:16]) for line in lines]
    return plainly(text).count(heads[0]) > 1 or plainly(text).count(" ".join(lines[-1].split()[-16:])) > 1


def plainly(text: str) -> str:
    return " ".join("".join(map(plain, text)).split())


@given(st.text(max_size=200), st.data())
@example("a\u0301 \u200fb\u200f c 🇩🇪🇫🇷 x", None)
def test_any_place_of_any_text_is_found_or_left_alone(text: str, data: st.DataObject | None) -> None:
    start = data.draw(st.integers(0, len(text))) if data else 3
    end = data.draw(st.integers(start, len(text))) if data else 6
    made = link(PAGE, text, start, end)
    assert made.startswith(PAGE)
    assert len(made) <= fragment.LONGEST
    made.encode("ascii")
    _, _, directive = made.partition(":~:text=")
    assert not set(directive) & set("&#:= \n")


LETTERS = st.text(alphabet="aAbé1.,'’-_ \n", min_size=1, max_size=60)


@given(LETTERS, st.data())
def test_a_place_within_words_is_found_with_the_whole_words(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    assume(text[start:end].strip())
    made = link(PAGE, text, start, end)
    if made == PAGE:
        return
    place = span(made, text)
    assert place
    cited = range(start + len(text[start:end]) - len(text[start:end].lstrip()), start + len(text[start:end].rstrip()))
    assert place[0] <= cited.start < cited.stop <= place[1]
    assert not any(letter.isspace() for letter in text[place[0] : cited.start] + text[cited.stop : place[1]])


def test_one_that_occurs_once_is_always_found() -> None:
    """Every sentence of a long article of repeated words with one number in each."""
    sentences = [f"Hall {n} of the depot holds item {n * 7} and a lamp." for n in range(200)]
    text = " ".join(sentences[:100]) + "\n\n" + " ".join(sentences[100:])
    for sentence in sentences:
        assert found(cite(sentence, text), text) == sentence
