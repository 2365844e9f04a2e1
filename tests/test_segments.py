"""Segments of vectors and of words: built once, checked, found broken when they are."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from index import lexicon, vectors
from index.embed import Vectors
from index.errors import Damaged
from index.ledger import Stored
from index.lexicon import Lexicon, content_words, terms
from index.records import PassageId
from index.seal import opened


def unit(rows: int, *, seed: int = 0) -> Vectors:
    made = np.random.default_rng(seed).normal(size=(rows, 32)).astype(np.float32)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)


def batches(made: Vectors, *, size: int = 1_000) -> Iterator[tuple[list[PassageId], Vectors]]:
    for at in range(0, len(made), size):
        yield [PassageId(i + 1) for i in range(at, min(at + size, len(made)))], made[at : at + size]


@pytest.mark.parametrize("rows", [1, 2, 3, 100, 1_001, 6_000])
def test_every_vector_finds_itself_with_its_true_cosine_in_a_segment_of_any_size(tmp_path: Path, rows: int) -> None:
    made = unit(rows)
    vectors.build(tmp_path / "s", lambda: batches(made))
    segment = vectors.Segment(tmp_path / "s")
    assert segment.count == rows
    for i in range(0, rows, max(1, rows // 50)):
        found = segment.nearest(made[i], limit=5)
        best = max(found, key=lambda number: found[number])
        assert best == i + 1
        for number, cosine in found.items():
            assert cosine == pytest.approx(float(made[i] @ made[number - 1]), abs=1e-4)
    segment.close()


def test_the_nearest_are_those_of_an_exact_scan(tmp_path: Path) -> None:
    made, asked = unit(3_000), unit(40, seed=1)
    vectors.build(tmp_path / "s", lambda: batches(made))
    segment = vectors.Segment(tmp_path / "s")
    found = [set(segment.nearest(question, limit=10)) for question in asked]
    exact = [set((np.argsort(-(made @ question))[:10] + 1).tolist()) for question in asked]
    segment.close()
    assert sum(len(one & other) for one, other in zip(found, exact, strict=True)) / 400 >= 0.97


def test_equal_vectors_are_all_found_and_hide_no_other(tmp_path: Path) -> None:
    made = np.vstack([unit(1_000), np.repeat(unit(1, seed=5), 320, axis=0)])
    vectors.build(tmp_path / "s", lambda: batches(made))
    segment = vectors.Segment(tmp_path / "s")
    assert segment.count == 1_320
    for at in range(1_000):
        assert max(segment.nearest(made[at], limit=1).values()) > 0.9999
    assert len(segment.nearest(made[1_200], limit=1)) == 320
    segment.close()


def test_a_segment_copied_from_a_backup_is_sound(tmp_path: Path) -> None:
    vectors.build(tmp_path / "s", lambda: batches(unit(50)))
    shutil.copytree(tmp_path / "s", tmp_path / "copy", copy_function=shutil.copy)
    segment = vectors.Segment(tmp_path / "copy")
    assert segment.count == 50
    segment.close()


def test_serving_a_segment_does_not_change_its_graph(tmp_path: Path) -> None:
    made = unit(500)
    vectors.build(tmp_path / "s", lambda: batches(made))
    for _ in range(3):
        segment = vectors.Segment(tmp_path / "s")
        segment.nearest(made[0], limit=10)
        segment.close()
    opened(tmp_path / "s", thoroughly=True)


@pytest.mark.parametrize("harm", ["gone", "graph cut", "graph gone", "database gone", "database empty", "no manifest"])
def test_a_segment_that_lost_something_is_damaged_not_smaller(tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "s"
    vectors.build(folder, lambda: batches(unit(500)))
    graph = next(folder.rglob("data_level0.bin"))
    match harm:
        case "gone":
            shutil.rmtree(folder)
        case "graph cut":
            graph.write_bytes(graph.read_bytes()[:-100])
        case "graph gone":
            graph.unlink()
        case "database gone":
            (folder / "chroma.sqlite3").unlink()
        case "database empty":
            (folder / "chroma.sqlite3").write_bytes(b"")
        case "no manifest":
            (folder / "seal.json").unlink()
    with pytest.raises(Damaged, match="footnote index"):
        vectors.Segment(folder)


def test_a_flipped_byte_is_found_when_the_segment_is_opened(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    vectors.build(folder, lambda: batches(unit(500)))
    graph = next(folder.rglob("data_level0.bin"))
    data = bytearray(graph.read_bytes())
    data[len(data) // 2] ^= 0xFF
    graph.write_bytes(bytes(data))
    with pytest.raises(Damaged, match="not what was built"):
        vectors.Segment(folder)


def test_a_dotenv_in_the_working_directory_does_not_reach_chroma(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / ".env").write_text(f"PERSIST_DIRECTORY={elsewhere}\nALLOW_RESET=TRUE\nTELEGRAM_BOT_TOKEN=1:x\n")
    monkeypatch.chdir(tmp_path)
    vectors.build(tmp_path / "s", lambda: batches(unit(10)))
    assert (tmp_path / "s" / "chroma.sqlite3").is_file()
    assert not elsewhere.exists()


@pytest.fixture
def words(tmp_path: Path) -> Lexicon:
    texts = [
        ("Harbours", "The old harbour was closed to cargo ships in 1987."),
        ("Bakery", "Rye bread is the best-selling loaf of the bakery."),
        ("Missiles", "A Tomahawk flies 1,600 kilometres. The BGM-109 is one."),
        ("Café", "Müller's café sells naïve paintings; Зеленский приехал."),
        ("Empty", "It stays closed on Sundays."),
    ]
    lexicon.build(tmp_path / "w", (Stored(PassageId(i), t, "", x) for i, (t, x) in enumerate(texts, start=1)))
    return Lexicon(tmp_path / "w")


@pytest.mark.parametrize(
    "question, best",
    [
        ("When did the harbours close?", 1),
        ("what is the best selling bread", 2),
        ("How far does a tomahawk fly", 3),
        ("BGM-109", 3),
        ("muller cafe", 4),
        ("Зеленский", 4),
        ("Is it closed on Sunday?", 5),
    ],
)
def test_words_find_their_passage_whatever_their_form(words: Lexicon, question: str, best: int) -> None:
    assert next(iter(words.best(question, limit=3))) == best


@pytest.mark.parametrize("question", ["", "the of and", "😀", 'a" OR title:*', "AND NOT (", "x" * 5_000, "^~[]{}\\/"])
def test_no_question_is_a_syntax_error(words: Lexicon, question: str) -> None:
    assert isinstance(words.best(question, limit=3), dict)
    assert isinstance(words.scores(question, [PassageId(1)]), dict)


def test_the_score_of_a_given_passage_is_the_one_it_is_ranked_by(words: Lexicon) -> None:
    ranked = words.best("closed harbour on Sundays", limit=5)
    assert len(ranked) == 2
    assert words.scores("closed harbour on Sundays", list(ranked)) == pytest.approx(ranked)
    assert words.scores("closed harbour", [PassageId(2)]) == {}


def test_rare_words_weigh_more_and_unknown_ones_are_known_as_such(words: Lexicon) -> None:
    weights = words.weights(terms("closed tomahawk"))
    assert weights["tomahawk"] > weights["close"] > 0
    assert words.knows(terms("Tomahawks")[0])
    assert not words.knows("zeppelin")


def test_content_words_keep_how_they_were_written() -> None:
    assert list(content_words("Which Hotels in Budapest will host the talks?").values()) == [
        "Hotels", "Budapest", "host", "talks",
    ]  # fmt: skip


def test_a_broken_word_index_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(Damaged):
        Lexicon(tmp_path / "nowhere")
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "meta.json").write_text("{")
    with pytest.raises(Damaged):
        Lexicon(tmp_path / "w")
