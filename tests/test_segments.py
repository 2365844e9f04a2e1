"""Segments of vectors: one suite for both forms, in a directory and on a Chroma server, then what only one has."""

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from index.errors import Damaged, StoreUnavailable
from index.models.embed import Vectors
from index.records import Facts, PassageId
from index.segments import store as store_module
from index.segments import vectors
from index.segments.store import Embedded, Server, Store
from index.segments.vectors import Numbers, Segment
from index.system.seal import opened
from tests.chromaserver import chroma_server, guarded


def unit(rows: int, *, seed: int = 0) -> Vectors:
    made = np.random.default_rng(seed).normal(size=(rows, 32)).astype(np.float32)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)


def batches(made: Vectors, *, size: int = 1_000) -> Callable[[], Iterator[tuple[Numbers, Vectors]]]:
    def give() -> Iterator[tuple[Numbers, Vectors]]:
        for at in range(0, len(made), size):
            yield np.arange(at + 1, min(at + size, len(made)) + 1), made[at : at + size]

    return give


def build(store: Store, made: Vectors, *, name: str = "segment") -> Facts:
    rows, twins = vectors.build(store, name, batches(made))
    return Facts(name, revision=1, after=0, last=len(made), passages=len(made), rows=rows, twins=twins)


def spread(rows: int, *, seed: int) -> Vectors:
    """Return vectors as models make them: mostly in 48 directions, a little in all."""
    draw = np.random.default_rng(seed)
    made = draw.standard_normal((rows, 48)) @ np.random.default_rng(7).standard_normal((48, 384)) / 7
    made += 0.15 * draw.standard_normal((rows, 384))
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)


@pytest.fixture(params=["in a directory", "on a server"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store
    if request.param == "in a directory":
        (tmp_path / "segments").mkdir()
        made = Embedded(tmp_path / "segments")
    else:
        made = Server(request.getfixturevalue("server"), token="", library=tmp_path.name.replace("_", ""))
    yield made
    made.close()


@pytest.fixture
def embedded(tmp_path: Path) -> Embedded:
    (tmp_path / "segments").mkdir()
    return Embedded(tmp_path / "segments")


def test_a_large_graph_finds_what_an_exact_scan_finds(embedded: Embedded) -> None:
    made, asked = spread(12_000, seed=1), spread(100, seed=2)
    segment = Segment(embedded, build(embedded, made))
    shared = 0
    for question in asked:
        exact = np.argpartition(-(made @ question), 10)[:10] + 1
        shared += len(set(exact.tolist()) & set(list(segment.nearest(question, limit=50))[:10]))
    assert shared >= 0.99 * 10 * len(asked)
    segment.close()


@pytest.mark.parametrize("rows", [1, 2, 3, 100, 1_001, 6_000])
def test_every_vector_finds_itself_with_its_true_cosine_in_a_segment_of_any_size(store: Store, rows: int) -> None:
    made = unit(rows)
    segment = Segment(store, build(store, made))
    assert sorted(segment.numbers()) == list(range(1, rows + 1))
    for i in range(0, rows, max(1, rows // 50)):
        found = segment.nearest(made[i], limit=5)
        assert max(found, key=lambda number: found[number]) == i + 1
        for number, cosine in found.items():
            assert cosine == pytest.approx(float(made[i] @ made[number - 1]), abs=1e-4)
    assert [row for row, _ in segment.find(made[:200])] == list(range(1, min(200, rows) + 1))
    assert min(cosine for _, cosine in segment.find(made[:200])) > 0.9999
    assert np.allclose(segment.vectors([PassageId(rows), PassageId(1)]), made[[-1, 0]], atol=1e-6)
    segment.close()


def test_the_nearest_are_those_of_an_exact_scan(store: Store) -> None:
    made, asked = unit(3_000), unit(40, seed=1)
    segment = Segment(store, build(store, made))
    found = [set(segment.nearest(question, limit=10)) for question in asked]
    exact = [set((np.argsort(-(made @ question))[:10] + 1).tolist()) for question in asked]
    segment.close()
    assert sum(len(one & other) for one, other in zip(found, exact, strict=True)) / 400 >= 0.97


@pytest.mark.parametrize("rows", [1, 2, vectors.SCANNED])
def test_a_small_segment_that_is_asked_quickly_finds_exactly_the_nearest(store: Store, rows: int) -> None:
    made, asked = unit(rows), unit(20, seed=1)
    segment = Segment(store, build(store, made), quickly=True)
    for question in asked:
        exact = made @ question
        found = segment.nearest(question, limit=10)
        assert list(found) == (np.argsort(-exact)[:10] + 1).tolist()
        assert list(found.values()) == pytest.approx(np.sort(exact)[::-1][:10], abs=1e-5)
    segment.close()


@pytest.mark.parametrize("quickly", [False, True])
def test_equal_vectors_are_all_found_and_hide_no_other(store: Store, *, quickly: bool) -> None:
    made = np.vstack([unit(1_000), np.repeat(unit(1, seed=5), 320, axis=0)])
    facts = build(store, made)
    assert facts.rows == 1_001
    segment = Segment(store, facts, quickly=quickly)
    assert min(cosine for _, cosine in segment.find(made[:1_000])) > 0.9999
    assert len(segment.nearest(made[1_200], limit=1)) == 320
    segment.close()


@pytest.mark.parametrize("quickly", [False, True])
def test_the_dead_are_left_out_and_as_many_living_are_found_in_their_place(store: Store, *, quickly: bool) -> None:
    made, question = unit(2_000), unit(1, seed=7)[0]
    segment = Segment(store, build(store, made), quickly=quickly)
    order = [PassageId(int(at) + 1) for at in np.argsort(-(made @ question))]
    dead = frozenset(order[:300])
    found = segment.nearest(question, limit=10, dead=dead)
    assert set(order[300:308]) <= set(found)
    assert not dead & set(found)
    assert segment.nearest(question, limit=10, dead=frozenset(order)) == {}
    segment.close()


@pytest.mark.parametrize("quickly", [False, True])
def test_of_twins_the_living_are_found_though_the_first_is_dead(store: Store, *, quickly: bool) -> None:
    made = np.vstack([unit(5), np.repeat(unit(1, seed=5), 3, axis=0)])
    segment = Segment(store, build(store, made), quickly=quickly)
    assert set(segment.nearest(made[6], limit=2, dead=frozenset({PassageId(6)}))) >= {7, 8}
    segment.close()


def test_a_segment_that_is_gone_or_has_other_rows_is_damaged_not_smaller(store: Store) -> None:
    facts = build(store, unit(50))
    with pytest.raises(Damaged, match="rows"):
        Segment(store, Facts("segment", 1, 0, 51, 51, 51))
    store.remove("segment")
    with pytest.raises(Damaged, match="footnote index"):
        Segment(store, facts)


def test_names_are_those_of_this_library_alone(store: Store) -> None:
    assert store.names() == set()
    for name in ("one", "two"):
        build(store, unit(3), name=name)
    assert store.names() == {"one", "two"}
    store.remove("one")
    store.remove("one")
    assert store.names() == {"two"}


def test_many_threads_may_ask_one_segment(store: Store) -> None:
    made = unit(500)
    segment = Segment(store, build(store, made))
    wrong: list[int] = []

    def ask(start: int) -> None:
        wrong.extend(at for at in range(start, 500, 4) if at + 1 not in segment.nearest(made[at], limit=3))

    threads = [threading.Thread(target=ask, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    segment.close()
    assert wrong == []


def test_two_libraries_on_one_server_do_not_see_each_other(server: str) -> None:
    one, other = (Server(server, token="", library=name) for name in ("aaaa", "bbbb"))
    build(one, unit(3))
    assert other.names() == set()
    other.remove("segment")
    assert one.names() == {"segment"}
    one.close()
    other.close()


def test_a_server_that_is_not_there_is_no_damage() -> None:
    store = Server("http://127.0.0.1:9", token="secret", library="x")
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:9.*\[store\] url") as caught:
        Segment(store, Facts("segment", 1, 0, 1, 1, 1))
    assert "secret" not in str(caught.value)


def test_a_server_that_goes_away_is_no_damage(tmp_path: Path) -> None:
    with chroma_server(tmp_path / "chroma") as url:
        store = Server(url, token="", library="x")
        segment = Segment(store, build(store, unit(5)))
    with pytest.raises(StoreUnavailable):
        segment.nearest(unit(1)[0], limit=1)
    store.close()


def test_a_proxy_before_the_server_lets_in_who_has_the_token(server: str) -> None:
    with guarded(server, "right-token") as url:
        store = Server(url, token="right-token", library="guarded")
        made = unit(50)
        facts = build(store, made)
        segment = Segment(store, facts)
        assert 1 in segment.nearest(made[0], limit=1)
        store.close()
        for token in ("", "wrong-token"):
            stranger = Server(url, token=token, library="guarded")
            with pytest.raises(StoreUnavailable, match="401") as caught:
                Segment(stranger, facts)
            assert "wrong-token" not in str(caught.value)
            stranger.close()


def test_what_a_proxy_says_when_the_server_behind_it_fails_is_no_damage(server: str) -> None:
    with guarded(server, "token") as url:
        store = Server(url, token="token", library="failing")
        segment = Segment(store, build(store, unit(5)))
        for session in store._sessions():
            session.headers["Authorization"] = "Bearer of-yesterday"
        with pytest.raises(StoreUnavailable):
            segment.nearest(unit(1)[0], limit=1)
        store.close()


def test_a_segment_that_is_read_stays_until_its_last_reader_leaves(embedded: Embedded) -> None:
    made = unit(20)
    facts = build(embedded, made)
    one, other = Segment(embedded, facts), Segment(embedded, facts)
    embedded.remove("segment")
    one.close()
    embedded.remove("segment")
    assert 1 in other.nearest(made[0], limit=1)
    other.close()
    embedded.remove("segment")
    assert embedded.names() == set()


def test_a_segment_copied_from_a_backup_is_sound(embedded: Embedded, tmp_path: Path) -> None:
    facts = build(embedded, unit(50))
    shutil.copytree(tmp_path / "segments", tmp_path / "copy", copy_function=shutil.copy)
    Segment(Embedded(tmp_path / "copy"), facts).close()


def test_serving_a_segment_does_not_change_its_graph(embedded: Embedded, tmp_path: Path) -> None:
    made = unit(500)
    facts = build(embedded, made)
    for _ in range(3):
        segment = Segment(embedded, facts)
        segment.nearest(made[0], limit=10)
        segment.close()
    opened(tmp_path / "segments" / "segment", thoroughly=True)


@pytest.mark.parametrize("harm", ["gone", "graph cut", "graph gone", "database gone", "database empty", "no manifest"])
def test_a_directory_that_lost_something_is_damaged_not_smaller(embedded: Embedded, tmp_path: Path, harm: str) -> None:
    facts = build(embedded, unit(500))
    folder = tmp_path / "segments" / "segment"
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
        Segment(embedded, facts)


def test_a_flipped_byte_is_found_when_the_segment_is_opened(embedded: Embedded, tmp_path: Path) -> None:
    facts = build(embedded, unit(500))
    graph = next((tmp_path / "segments").rglob("data_level0.bin"))
    data = bytearray(graph.read_bytes())
    data[len(data) // 2] ^= 0xFF
    graph.write_bytes(bytes(data))
    with pytest.raises(Damaged, match="not what was built"):
        Segment(embedded, facts)


def test_a_dotenv_in_the_working_directory_does_not_reach_chroma(
    embedded: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / ".env").write_text(f"PERSIST_DIRECTORY={elsewhere}\nALLOW_RESET=TRUE\nTELEGRAM_BOT_TOKEN=1:x\n")
    monkeypatch.chdir(tmp_path)
    build(embedded, unit(10))
    assert (tmp_path / "segments" / "segment" / "chroma.sqlite3").is_file()
    assert not elsewhere.exists()


def test_a_directory_is_opened_by_many_threads_at_once(tmp_path: Path) -> None:
    store_module._client(tmp_path).close()
    together, failed = threading.Barrier(4), list[str]()

    def opens() -> None:
        for _ in range(10):
            together.wait(30)
            try:
                client = store_module._client(tmp_path)
            except Damaged as error:
                failed.append(str(error))
                client = None
            together.wait(30)
            if client is not None:
                client.close()

    threads = [threading.Thread(target=opens) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
