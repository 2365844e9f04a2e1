"""Telling the language of a text, as it is read into a library."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.records import ArticleId
from index.text.language import STRETCH, Detector, code
from tests.conftest import MakeLibrary

TEXTS = {
    "en": "The old harbour was closed to cargo ships in 1987, and the council wants to build flats there.",
    "ru": "Старую гавань закрыли для грузовых судов в 1987 году, и теперь совет хочет построить там жильё.",
    "uk": "Стару гавань закрили для вантажних суден у 1987 році, і тепер рада хоче збудувати там житло.",
    "de": "Der alte Hafen wurde 1987 für Frachtschiffe geschlossen, und der Rat möchte dort Wohnungen bauen.",
    "fr": "Le vieux port a été fermé aux cargos en 1987, et le conseil veut y construire des logements.",
    "es": "El viejo puerto se cerró a los buques de carga en 1987, y el ayuntamiento quiere construir viviendas.",
    "pl": "Stary port został zamknięty dla statków towarowych w 1987 roku, a rada chce tam budować mieszkania.",
    "tr": "Eski liman 1987 yılında yük gemilerine kapatıldı ve belediye orada konut yapmak istiyor.",
    "zh": "旧港口于1987年对货船关闭，市议会现在希望在那里建造住宅楼，但当地的渔民表示反对。",
    "ja": "古い港は1987年に貨物船に対して閉鎖され、議会は現在そこに住宅を建てたいと考えている。",
    "ko": "옛 항구는 1987년에 화물선에 폐쇄되었으며 시의회는 그곳에 주택을 짓기를 원하고 있습니다.",
    "ar": "أغلق الميناء القديم أمام سفن الشحن عام 1987، ويريد المجلس الآن بناء مساكن هناك.",
    "th": "ท่าเรือเก่าถูกปิดสำหรับเรือบรรทุกสินค้าในปี 1987 และสภาต้องการสร้างที่อยู่อาศัยที่นั่น",
}


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


@pytest.mark.parametrize("language", TEXTS)
def test_a_paragraph_is_known_by_its_language(detector: Detector, language: str) -> None:
    assert detector.language(TEXTS[language]) == language


def test_the_articles_that_come_with_the_program_are_english(detector: Detector) -> None:
    seeds = sorted((Path(__file__).parent.parent / "seeds").glob("*.md"))
    assert seeds
    assert {detector.language(path.read_text(encoding="utf-8")) for path in seeds} == {"en"}


@pytest.mark.parametrize("text", ["", "OK", "1987 1988 1989", "Berlin Paris", "=== *** ==="])
def test_nothing_is_guessed_of_what_says_too_little(detector: Detector, text: str) -> None:
    assert detector.language(text) == ""


def test_half_of_this_and_half_of_that_is_in_no_language(detector: Detector) -> None:
    english, russian = (f"{TEXTS[name]} " * (STRETCH // len(TEXTS[name])) for name in ("en", "ru"))
    german = f"{TEXTS['de']} " * (STRETCH // len(TEXTS["de"]))
    assert detector.language(english + russian + german) == ""


def test_a_foreign_beginning_does_not_decide(detector: Detector) -> None:
    menu = "Home, about us, search the archive, sign in or subscribe to our newsletter. " * 8
    assert detector.language(menu + f"{TEXTS['de']} " * 60) == "de"


@pytest.mark.parametrize(
    "text, stated, language",
    [
        ("OK", "de-AT", "de"),
        ("Berlin Paris", "zh_Hant", "zh"),
        (TEXTS["de"], "en", "de"),
        (TEXTS["de"], "de", "de"),
        (TEXTS["ru"], "en-US", "ru"),
        ("OK", "klingon", ""),
    ],
)
def test_what_a_document_says_of_itself_holds_unless_it_is_surely_in_another_language(
    detector: Detector, text: str, stated: str, language: str
) -> None:
    assert detector.language(text, stated=stated) == language


@pytest.mark.parametrize(
    "tag, language",
    [
        ("en-US", "en"),
        (" PT_br ", "pt"),
        ("nb-NO", "no"),
        ("iw", "he"),
        ("yue", "zh"),
        ("ger", ""),
        ("", ""),
        ("1a", ""),
    ],
)
def test_a_tag_is_read_as_the_code_of_its_language(tag: str, language: str) -> None:
    assert code(tag) == language


@settings(max_examples=50, deadline=None)
@given(text=st.text(max_size=2_500))
def test_any_text_has_a_code_or_none_and_always_the_same(detector: Detector, text: str) -> None:
    found = detector.language(text)
    assert found == "" or (len(found) == 2 and found.isalpha())
    assert detector.language(text) == found


def test_articles_are_found_by_words_in_the_forms_of_their_language(tmp_path: Path, make_library: MakeLibrary) -> None:
    for name in ("en", "ru", "de", "zh"):
        (tmp_path / "articles").mkdir(exist_ok=True)
        (tmp_path / "articles" / f"{name}.txt").write_text(f"{TEXTS[name]}\n", encoding="utf-8")
    library = make_library()
    library.index(tmp_path / "articles")
    stored = {article.id: article.language for article in library.newest(limit=9)}
    assert stored == {f"{name}.txt": name for name in ("en", "ru", "de", "zh")}
    for question, name in [("грузовое судно", "ru"), ("Frachtschiff", "de"), ("住宅", "zh"), ("cargo ship", "en")]:
        hits, _ = library.search(question)
        best = max(hits, key=lambda hit: hit.lexical)
        assert (best.passage.article.id, best.lexical > 0) == (f"{name}.txt", True)


def test_what_was_indexed_before_languages_were_told_is_read_again_and_not_embedded_again(
    tmp_path: Path, make_library: MakeLibrary
) -> None:
    file = tmp_path / "all.jsonl"
    file.write_text(json.dumps({"id": "a", "title": "Гавань", "text": TEXTS["ru"]}, ensure_ascii=False))
    library = make_library()
    library.index(file)
    with library._ledger.writing() as db:
        db.exec_driver_sql("UPDATE articles SET language = '', digest = 'of a version before'")
    report = library.index(file)
    assert (report.changed, report.embedded) == (1, 0)
    article = library._ledger.article(ArticleId("a"), report.revision)
    assert article is not None
    assert article.language == "ru"
    assert library.index(file).changed == 0
