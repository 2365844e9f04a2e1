"""Reranking: what sentence-transformers would say, compiled or not; a better order, in which nothing is lost."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.terminal.doctor import examine
from config import Embedding, Rerank
from index.errors import ModelUnavailable
from index.models import weights
from index.models.compiled import CompiledReranker, RerankingMeta
from index.models.load import EXACT
from index.models.rerank import Reranker
from index.records import Article, ArticleId, Hit, Passage, PassageId
from tests import tiny
from tests.conftest import ROOT, WHEN, Footnote, MakeLibrary, settings_for

PASSAGES = ["The old harbour.", "", "Привет 😀 мир", "港はどこですか", "long " * 400, "a b c d e f g", "Where?"]
QUESTIONS = ["Where?", "", "Где они встретятся? 😀", "why " * 400, "on and on " * 30]
LIKE = Embedding(device="cpu", precision="fp32")


def like(model: Path, precision: str = "fp32") -> Embedding:
    return LIKE.model_copy(update={"model": str(model), "precision": precision})


@pytest.mark.parametrize(
    "config, activation",
    [
        (("BertConfig", tiny.SMALL), "Sigmoid"),
        (("DistilBertConfig", tiny.OF_DISTILBERT), "Identity"),
        (("MPNetConfig", tiny.SMALL), "Sigmoid"),
    ],
    ids=["bert", "distilbert", "mpnet"],
)
def test_scores_are_the_logits_of_sentence_transformers_compiled_or_not(
    tmp_path: Path, config: tiny.Config, activation: str
) -> None:
    import torch
    from sentence_transformers import CrossEncoder

    from index.models.compile import LEAST_COSINE, build
    from index.models.reference import RerankingReference

    model = tiny.cross_encoder(tmp_path / "model", config, activation=activation)
    reference = RerankingReference(like(model))
    meta = build(tmp_path / "compiled", like(model), "reranking")
    compiled = CompiledReranker(tmp_path / "compiled", threads=1)
    theirs = CrossEncoder(str(model), device="cpu")
    assert isinstance(meta, RerankingMeta)
    assert meta == compiled.meta
    assert meta.lowest_cosine >= LEAST_COSINE["fp32"]
    assert ("token_type_ids" in meta.inputs) == (config[0] == "BertConfig")
    for question in QUESTIONS:
        expected = theirs.predict([(question, text) for text in PASSAGES], activation_fn=torch.nn.Identity())
        assert np.allclose(reference.scores(question, PASSAGES), expected, atol=1e-5)
        assert np.allclose(compiled.scores(question, PASSAGES), expected, atol=1e-5)
        ranked = [row["corpus_id"] for row in theirs.rank(question, PASSAGES)]
        assert np.argsort(-compiled.scores(question, PASSAGES), kind="stable").tolist() == ranked
    assert compiled.scores("Where?", []).shape == reference.scores("Where?", []).shape == (0,)
    assert (reference.runtime, compiled.runtime) == ("torch, fp32", "onnxruntime, fp32")


def test_what_is_too_long_is_cut_at_the_longer_of_the_two_as_the_reference_does(tmp_path: Path) -> None:
    """The model reads 100 word pieces, 3 of them special: a passage gives way to a question of up to 48."""
    from index.models.compile import build

    build(tmp_path / "compiled", like(tiny.cross_encoder(tmp_path / "model")), "reranking")
    scores = CompiledReranker(tmp_path / "compiled", threads=1).scores
    passage = "and " * 200
    assert scores("who " * 48, [passage]) == scores("who " * 48, [f"{passage} never read"])
    assert scores("who " * 48, [passage]) != scores("who " * 47 + "why", [passage])
    assert scores("who " * 200, [passage]) == scores("who " * 199 + "why", [passage])
    assert scores("who " * 200, ["short"]) != scores("who " * 200, ["other"])


def test_a_prompt_that_a_model_is_saved_with_goes_before_the_question(tmp_path: Path) -> None:
    from sentence_transformers import CrossEncoder

    from index.models.compile import build
    from index.models.reference import RerankingReference

    model = tiny.cross_encoder(tmp_path / "model")
    plain = RerankingReference(like(model)).scores("Where?", PASSAGES)
    prompted = CrossEncoder(str(model), device="cpu", prompts={"query": "find: "}, default_prompt_name="query")
    prompted.save(str(model))
    build(tmp_path / "compiled", like(model), "reranking")
    ours = CompiledReranker(tmp_path / "compiled", threads=1).scores("Where?", PASSAGES)
    assert np.allclose(ours, RerankingReference(like(model)).scores("Where?", PASSAGES), atol=1e-5)
    assert not np.allclose(ours, plain, atol=1e-5)


def test_eight_bit_weights_are_near_the_reference(tmp_path: Path, no_child: list[str]) -> None:
    from index.models.compile import LEAST_COSINE

    model = tiny.cross_encoder(tmp_path / "model")
    small = Reranker(
        Rerank(model=str(model)), like=LIKE.model_copy(update={"precision": "int8"}), models=tmp_path / "m"
    )
    assert small.runtime == "onnxruntime, int8, compiled at first use"
    small.load()
    assert small.runtime == "onnxruntime, int8"
    (place,) = no_child
    meta = RerankingMeta.model_validate_json((Path(place) / "meta.json").read_bytes())
    assert LEAST_COSINE["int8"] <= meta.lowest_cosine < LEAST_COSINE["fp32"]


def test_a_model_that_eight_bits_would_change_too_much_is_compiled_in_full_precision(
    tmp_path: Path, no_child: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from index.models.compile import LEAST_COSINE

    monkeypatch.setitem(LEAST_COSINE, "int8", 1.1)
    model = Rerank(model=str(tiny.cross_encoder(tmp_path / "model")))
    for _ in range(2):
        reranker = Reranker(model, like=LIKE.model_copy(update={"precision": "int8"}), models=tmp_path / "models")
        reranker.load()
        assert reranker.runtime == f"onnxruntime, {EXACT}"
    assert len(no_child) == 2


def test_a_model_that_cannot_be_compiled_runs_by_torch_and_says_so_once(
    tmp_path: Path, no_child: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    from index.models.reference import RerankingReference

    sizes = {name: size for name, size in tiny.SMALL.items() if name != "num_attention_heads"}
    model = tiny.cross_encoder(tmp_path / "model", ("FNetConfig", sizes))
    for _ in range(2):
        reranker = Reranker(Rerank(model=str(model)), like=LIKE, models=tmp_path / "models")
        with caplog.at_level(logging.WARNING, logger="index.models.load"):
            found = reranker.reorder("Where?", hits(3), told=lambda hit: hit.passage.text)
        assert reranker.runtime.startswith("torch, fp32 (cannot be compiled: Unsupported")
    assert len(no_child) == 1
    expected = RerankingReference(like(model)).scores("Where?", [hit.passage.text for hit in hits(3)])
    assert sorted(hit.rerank or 0.0 for hit in found) == pytest.approx(sorted(expected), abs=1e-5)
    assert "PyTorch runs it" in caplog.text


def test_a_reranker_is_compiled_once_and_again_when_its_files_change(tmp_path: Path, no_child: list[str]) -> None:
    model = tiny.cross_encoder(tmp_path / "model")
    for times in (1, 1):
        Reranker(Rerank(model=str(model)), like=LIKE, models=tmp_path / "models").load()
        assert len(no_child) == times
    tiny.lover(model, "bread")
    Reranker(Rerank(model=str(model)), like=LIKE, models=tmp_path / "models").load()
    assert len(no_child) == 2


@pytest.mark.parametrize("models", [None, "models"], ids=["torch", "compiled"])
@pytest.mark.parametrize(
    "make, says",
    [
        (lambda place: tiny.cross_encoder(place, labels=2), "sorts pairs of texts into 2 classes"),
        (lambda place: tiny.cross_encoder(place, labels=3), "sorts pairs of texts into 3 classes"),
        (lambda _: weights.default_folder(), "is BertModel, not a cross-encoder"),
        (lambda _: weights.DEFAULT_MODEL, "is BertModel, not a cross-encoder"),
        (lambda place: place / "nowhere", "cannot be had"),
    ],
    ids=["two labels", "three labels", "an embedding model", "the default model", "nothing there"],
)
def test_what_is_no_reranker_is_one_line_with_the_remedy(
    tmp_path: Path, make: Callable[[Path], Path | str], says: str, models: str | None, no_child: list[str]
) -> None:
    reranker = Reranker(
        Rerank(model=str(make(tmp_path / "model"))), like=LIKE, models=tmp_path / models if models else None
    )
    with pytest.raises(ModelUnavailable, match=says) as caught:
        reranker.load()
    assert "\n" not in str(caught.value)
    assert "[rerank] model" in str(caught.value)
    assert len(no_child) == (1 if models else 0)


def test_code_that_comes_with_a_model_is_never_run(tmp_path: Path) -> None:
    model = tiny.cross_encoder(tmp_path / "model")
    config = json.loads((model / "config.json").read_text())
    config |= {"model_type": "other", "auto_map": {"AutoConfig": "other.Config"}}
    (model / "config.json").write_text(json.dumps(config))
    (model / "other.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Config: pass\n")
    with pytest.raises(ModelUnavailable, match="cannot be had"):
        Reranker(Rerank(model=str(model)), like=LIKE).load()
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def reranked(make_library: MakeLibrary, copied: Path, tmp_path: Path, no_child: list[str]) -> dict[str, Any]:
    """Index the three articles; give the settings of a reranker that loves the word "bread"."""
    assert make_library().index(copied).unchanged == 3
    assert no_child == []
    return {"rerank__model": str(tiny.lover(tmp_path / "lover", "bread")), "embedding__precision": "fp32"}


def test_a_library_puts_the_passages_into_the_order_of_the_reranker_and_loses_none(
    make_library: MakeLibrary, reranked: dict[str, Any]
) -> None:
    plain, _ = make_library().search(WHEN)
    library = make_library(**reranked)
    hits, timings = library.search(WHEN)
    assert plain[0].passage.article.id == "harbour.md"
    assert hits[0].passage.article.id == "bakery.md"
    assert "bread" in hits[0].passage.text
    assert [hit.rerank for hit in hits] == sorted((hit.rerank or 0.0 for hit in hits), reverse=True)
    was = {hit.passage.id: (hit.score, hit.dense, hit.lexical) for hit in plain}
    assert {hit.passage.id: (hit.score, hit.dense, hit.lexical) for hit in hits} == was
    assert timings["rerank"] > 0
    nodes = library.as_retriever().retrieve(WHEN)
    assert [node.node.node_id for node in nodes] == [str(hit.passage.id) for hit in hits]
    answer = library.ask(WHEN)
    assert answer.timings["rerank"] > 0
    assert [hit.passage.id for hit in answer.hits] == [hit.passage.id for hit in hits]


@pytest.mark.usefixtures("copied")
def test_a_passage_is_read_with_its_title_and_those_that_are_not_read_stay_behind(
    make_library: MakeLibrary, folder: Path, tmp_path: Path
) -> None:
    make_library().index(folder)
    plain, _ = make_library().search(WHEN)
    loves_a_title = {"rerank__model": str(tiny.lover(tmp_path / "lover", "hours")), "embedding__compile": False}
    hits, _ = make_library(**loves_a_title).search(WHEN, limit=1)
    assert hits[0].passage.article.title == "Library hours"
    last = plain[-1].passage.article.id
    first_two, _ = make_library(**loves_a_title, rerank__passages=2).search(WHEN)
    assert [hit.rerank is None for hit in first_two] == [False, False] + [True] * (len(plain) - 2)
    assert first_two[-1].passage.article.id == last
    assert [hit.passage.id for hit in first_two[2:]] == [hit.passage.id for hit in plain[2:]]


@pytest.mark.usefixtures("copied")
def test_off_by_default_there_is_no_stage_no_score_and_no_model(
    make_library: MakeLibrary, folder: Path, tmp_path: Path
) -> None:
    library = make_library()
    library.index(folder)
    library.warm()
    hits, timings = library.search(WHEN)
    assert "rerank" not in timings
    assert {hit.rerank for hit in hits} == {None}
    assert library.status().reranker == ""
    assert not (tmp_path / "data" / "models" / "rerankers").exists()


def test_status_and_doctor_name_the_reranker_and_what_runs_it(
    make_library: MakeLibrary, reranked: dict[str, Any], tmp_path: Path
) -> None:
    name = reranked["rerank__model"]
    library = make_library(**reranked)
    assert library.status().reranker == f"{name} (onnxruntime, fp32, compiled at first use)"
    library.warm()
    assert library.status().reranker == f"{name} (onnxruntime, fp32)"
    settings = settings_for(tmp_path / "data", rerank__model=name, embedding__compile=False)
    found = {finding.name: finding for finding in examine(settings)}
    assert found["reranker"].fine
    assert found["reranker"].words == f"{name} (torch, fp32)"
    broken = examine(settings_for(tmp_path / "data", rerank__model=str(weights.default_folder())))
    (bad,) = [finding for finding in broken if not finding.fine]
    assert (bad.name, "[rerank] model" in bad.words) == ("reranker", True)


@pytest.mark.usefixtures("copied")
def test_the_command_line_shows_what_the_reranker_thought(
    footnote: Footnote, folder: Path, tmp_path: Path, no_child: list[str]
) -> None:
    assert footnote("index", folder, "--data", "data").returncode == 0
    env = {"FOOTNOTE_RERANK_MODEL": str(tiny.lover(tmp_path / "lover", "bread"))}
    shown = footnote("search", WHEN, "--data", "data", **env).stdout
    assert "A bakery moves" in shown.splitlines()[0]
    assert "  rerank " in shown.splitlines()[1]
    found = json.loads(footnote("search", WHEN, "--data", "data", "--json", **env).stdout)
    assert found["passages"][0]["rerank"] > found["passages"][1]["rerank"]
    assert env["FOOTNOTE_RERANK_MODEL"] in footnote("status", "--data", "data", **env).stdout
    assert json.loads(footnote("status", "--data", "data", "--json").stdout)["reranker"] is None
    assert len(no_child) == 1
    missing = footnote("ask", WHEN, "--data", "data", FOOTNOTE_RERANK_MODEL=str(tmp_path / "nowhere"))
    assert missing.returncode == 1
    assert missing.stderr.splitlines()[-1].startswith("footnote: The reranking model")


@pytest.mark.usefixtures("copied")
def test_a_child_compiles_it_and_nothing_of_pytorch_is_imported_to_search(
    make_library: MakeLibrary, folder: Path, tmp_path: Path
) -> None:
    make_library().index(folder)
    code = (
        "import sys; from bot.cli import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "print(sorted(set(sys.modules) & {'torch', 'transformers', 'sentence_transformers', 'onnx'}))"
    )
    run = [sys.executable, "-W", "ignore", "-c", code, "search", WHEN, "--limit", "1", "--data", str(tmp_path / "data")]
    env = {**os.environ, "FOOTNOTE_RERANK_MODEL": str(tiny.lover(tmp_path / "lover", "bread")), "PYTHONPATH": str(ROOT)}
    shown = subprocess.run(run, capture_output=True, text=True, check=True, cwd=ROOT, env=env)
    assert "Compiling the model" in shown.stderr
    assert "Rye bread stays the best-selling loaf" in " ".join(shown.stdout.split())
    assert shown.stdout.splitlines()[-1] == "[]"


def hits(count: int) -> list[Hit]:
    """Make hits, best first."""
    articles = [Article(ArticleId(f"{n}"), f"{n}", f"Passage {n} of these.") for n in range(count)]
    return [
        Hit(Passage(PassageId(n), article, 0, len(article.text)), 1.0 - n / 200, 0.5, 0.5)
        for n, article in enumerate(articles)
    ]


@given(
    scores=st.lists(st.sampled_from([-2.0, 0.0, 0.5, 3.0, float("nan")]), max_size=40),
    read=st.integers(min_value=2, max_value=50),
)
def test_whatever_the_model_says_every_hit_comes_back_once_and_ties_keep_their_order(
    scores: list[float], read: int
) -> None:
    reranker = Reranker(Rerank(model="any", passages=read), like=LIKE)
    said = SimpleNamespace(scores=lambda _, texts: np.array(scores[: len(texts)], dtype=np.float32))
    reranker._model = SimpleNamespace(ready=lambda: said)  # type: ignore[assignment]
    before = hits(len(scores))
    after = reranker.reorder("?", before, told=lambda hit: hit.passage.text)
    assert sorted(hit.passage.id for hit in after) == [hit.passage.id for hit in before]
    assert after[read:] == before[read:]
    for one, other in pairwise(after[:read]):
        assert one.rerank is not None
        assert other.rerank is not None
        assert not one.rerank < other.rerank
        assert one.rerank != other.rerank or one.passage.id < other.passage.id
