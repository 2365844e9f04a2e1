"""Compiled models: the same vectors as the reference, never half written, never stale, and never of the wrong model."""

import logging
import os
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config import Embedding
from index.errors import Damaged, ModelUnavailable
from index.models import shelf, weights
from index.models.compiled import Compiled, Meta
from index.models.embed import EMBEDDING, Embedder
from index.models.shelf import Shelf
from tests.tiny import OF_DISTILBERT, SMALL, Config, configured, tokenizer

TEXTS = [
    "The old harbour of Lindholm.",
    "Where?",
    "",
    "Привет 😀 мир",
    "港はどこですか",
    "long " * 400,
    "a b c d e f g",
]

MakeModel = Callable[..., Path]


@pytest.fixture
def make_model(tmp_path: Path) -> MakeModel:
    """Make small models with random weights, saved as sentence-transformers folders."""

    import torch
    import transformers
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer

    def make(
        config: Config = ("BertConfig", SMALL),
        *,
        pooling: str = "mean",
        dense: bool = False,
        include_prompt: bool = True,
    ) -> Path:
        raw, made = tmp_path / "raw", tmp_path / "model"
        torch.manual_seed(1)
        transformers.AutoModel.from_config(configured(config)).save_pretrained(raw)
        tokenizer().save_pretrained(raw)
        first = Transformer(str(raw), max_seq_length=100)
        modules: list[Any] = [first, Pooling(32, pooling, include_prompt=include_prompt)]
        if dense:
            modules.append(Dense(32, 16))
        SentenceTransformer(modules=modules, device="cpu").save(str(made))
        return made

    return make


def test_the_default_model_gives_the_vectors_of_the_reference(exact: Embedder) -> None:
    from index.models.reference import Reference

    reference = Reference(Embedding(device="cpu", precision="fp32"))
    assert exact.runtime == "onnxruntime, fp32"
    assert np.allclose(exact.passages(TEXTS), reference.passages(TEXTS), atol=1e-5)
    assert np.allclose(exact.question(TEXTS[3]), reference.question(TEXTS[3]), atol=1e-5)
    assert (exact.fingerprint, exact.limit) == (reference.fingerprint, reference.limit)
    assert exact.count(TEXTS) == reference.count(TEXTS)
    assert exact.passages([]).shape == (0, 384)


@pytest.mark.parametrize(
    "config, more",
    [
        (("BertConfig", SMALL), {"pooling": "cls"}),
        (("BertConfig", SMALL), {"pooling": "max", "dense": True}),
        (("MPNetConfig", SMALL), {}),
        (("DistilBertConfig", OF_DISTILBERT), {"dense": True}),
    ],
    ids=["bert-cls", "bert-max-dense", "mpnet-mean", "distilbert-dense"],
)
def test_models_of_other_kinds_give_the_vectors_of_the_reference(
    make_model: MakeModel, tmp_path: Path, config: Config, more: dict[str, Any]
) -> None:
    from index.models.compile import LEAST_COSINE, build
    from index.models.reference import Reference

    settings = Embedding(
        precision="fp32",
        model=str(make_model(config, **more)),
        device="cpu",
        query_prefix="query: ",
        passage_prefix="passage: ",
    )
    reference = Reference(settings)
    meta = build(tmp_path / "compiled", settings, "embedding")
    compiled = Compiled(tmp_path / "compiled", threads=1)
    assert meta == compiled.meta
    assert meta.lowest_cosine >= LEAST_COSINE["fp32"]
    assert ("token_type_ids" in meta.inputs) == (config[0] == "BertConfig")
    assert np.allclose(compiled.passages(TEXTS), reference.passages(TEXTS), atol=1e-5)
    for text in TEXTS:
        assert np.allclose(compiled.question(text), reference.question(text), atol=1e-5)
    assert compiled.count(TEXTS) == reference.count(TEXTS)
    facts = (compiled.dimensions, compiled.limit, compiled.fingerprint)
    assert facts == (reference.dimensions, reference.limit, reference.fingerprint)
    assert compiled.dimensions == (16 if more.get("dense") else 32)


def test_eight_bit_weights_are_near_the_reference_and_have_a_fingerprint_of_their_own(
    embedder: Embedder, exact: Embedder, models: Path
) -> None:
    from index.models.compile import LEAST_COSINE

    place = Shelf(models, Embedding(), EMBEDDING).place
    small = Compiled(place, threads=0)
    cosines = np.sum(small.passages(TEXTS) * exact.passages(TEXTS), axis=1)
    assert small.runtime == embedder.runtime == "onnxruntime, int8"
    assert small.fingerprint == embedder.fingerprint != exact.fingerprint
    assert LEAST_COSINE["int8"] <= small.meta.lowest_cosine < 0.9999
    assert np.min(cosines) > 0.95
    assert {path.name for path in place.iterdir()} == {"model.onnx", "tokenizer.json", "meta.json", "seal.json"}
    assert (place / "model.onnx").stat().st_size < 30_000_000


@pytest.mark.parametrize(
    "config, more, reason",
    [
        (
            ("FNetConfig", {k: v for k, v in SMALL.items() if k != "num_attention_heads"}),
            {},
            "cannot be compiled: Unsupported",
        ),
        (("BertConfig", SMALL), {"include_prompt": False}, "cannot be compiled: it pools a text without"),
    ],
    ids=["an operator that ONNX lacks", "a pooling that counts the prefix"],
)
def test_a_model_that_cannot_be_compiled_runs_by_torch_and_says_so_once(  # noqa: PLR0917
    make_model: MakeModel,
    tmp_path: Path,
    no_child: list[str],
    caplog: pytest.LogCaptureFixture,
    config: Config,
    more: dict[str, Any],
    reason: str,
) -> None:
    from index.models.reference import Reference

    settings = Embedding(model=str(make_model(config, **more)), precision="fp32")
    with caplog.at_level(logging.WARNING, logger="index"):
        embedder = Embedder(settings, models=tmp_path / "models")
        embedder.question("Where?")
        embedder.passages(["Here."])
    said = [record.getMessage() for record in caplog.records if record.name == "index.models.load"]
    assert [message for message in said if reason in message] == said
    assert len(said) == 1
    assert embedder.runtime.startswith(f"torch, fp32 ({reason}")
    assert embedder.fingerprint == Reference(settings).fingerprint
    again = Embedder(settings, models=tmp_path / "models")
    assert again.runtime == embedder.runtime
    assert again.dimensions == 32
    assert len(no_child) == 1
    assert not [path for path in (tmp_path / "models").iterdir() if path.is_dir()]


def test_a_model_whose_vectors_would_differ_is_refused(
    make_model: MakeModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from index.models import compile as compiling
    from index.models.compile import Refused, build

    settings = Embedding(model=str(make_model()), device="cpu", precision="fp32")
    trace = compiling._trace

    def doubled(module: Any, *rest: Any) -> None:
        module._transformer[1].pooling_mode = ("max",)
        trace(module, *rest)

    monkeypatch.setattr(compiling, "_trace", doubled)
    with pytest.raises(Refused, match="its vectors would differ: cosine"):
        build(tmp_path / "models" / "it", settings, "embedding")
    assert list((tmp_path / "models").iterdir()) == []


def test_a_crash_leaves_nothing_that_is_taken_for_a_model_and_the_next_one_sweeps(
    make_model: MakeModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from index.models import compile as compiling
    from index.models.compile import build

    settings = Embedding(model=str(make_model()), device="cpu", precision="fp32")
    place = Shelf(tmp_path / "models", settings, EMBEDDING).place
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        patch.setattr(compiling, "_put", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            build(place, settings, "embedding")
    assert [path.name for path in place.parent.iterdir()] == [f".{place.name}-{os.getpid()}"]
    assert Shelf(tmp_path / "models", settings, EMBEDDING)._take() is None
    build(place, settings, "embedding")
    assert [path.name for path in place.parent.iterdir()] == [place.name]
    assert Shelf(tmp_path / "models", settings, EMBEDDING)._take() is not None


@pytest.mark.parametrize(
    "name, harm",
    [
        ("model.onnx", "flipped"),
        ("model.onnx", "cut"),
        ("tokenizer.json", "flipped"),
        ("meta.json", "cut"),
        ("seal.json", "gone"),
    ],
)
def test_a_damaged_file_is_compiled_again_and_never_used(
    make_model: MakeModel, tmp_path: Path, no_child: list[str], name: str, harm: str
) -> None:
    settings = Embedding(model=str(make_model()), device="cpu", precision="fp32")
    expected = Embedder(settings, models=tmp_path / "models").question("Where?")
    file = Shelf(tmp_path / "models", settings, EMBEDDING).place / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x01
    if harm == "gone":
        file.unlink()
    else:
        file.write_bytes(content[: len(content) // 2] if harm == "cut" else content)
    again = Embedder(settings, models=tmp_path / "models")
    assert np.allclose(again.question("Where?"), expected, atol=1e-6)
    assert again.runtime == "onnxruntime, fp32"
    assert len(no_child) == 2


def test_a_model_is_compiled_once_and_again_when_its_files_change(
    make_model: MakeModel, tmp_path: Path, no_child: list[str]
) -> None:
    made = make_model()
    settings = Embedding(model=str(made), device="cpu", precision="fp32")
    first = Embedder(settings, models=tmp_path / "models")
    assert first.runtime == "onnxruntime, fp32, compiled at first use"
    before = first.fingerprint
    os.utime(made / "model.safetensors")  # as a copy would have it: the same bytes at another time
    assert Embedder(settings, models=tmp_path / "models").fingerprint == before
    assert len(no_child) == 1
    pooling = made / "1_Pooling" / "config.json"
    pooling.write_text(pooling.read_text().replace('"mean"', '"cls"'))
    assert Embedder(settings, models=tmp_path / "models").fingerprint != before
    assert len(no_child) == 2
    other = settings.model_copy(update={"query_prefix": "query: "})
    assert Embedder(other, models=tmp_path / "models").fingerprint != before
    assert len(no_child) == 3


def test_a_changed_weight_file_of_the_default_model_is_refused_even_with_a_compiled_one(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from index.models.reference import Reference

    package = tmp_path / "site" / "altered_model"
    shutil.copytree(weights.default_folder(), package / "model")
    (package / "__init__.py").touch()
    monkeypatch.setattr(weights, "_DEFAULT_PACKAGE", "altered_model")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), str(Path(__file__).parent.parent)]))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert Embedder(Embedding(), models=models).dimensions == 384  # moved, not changed
    with (package / "model" / "model.safetensors").open("r+b") as file:
        file.seek(50_000_000)
        file.write(b"\x01\x02\x03\x04")
    assert Shelf(models, Embedding(), EMBEDDING)._take() is None
    with pytest.raises(ModelUnavailable, match="checksum"):
        Reference(Embedding())


@pytest.mark.nightly
def test_two_processes_that_compile_at_once_both_get_the_model(make_model: MakeModel, tmp_path: Path) -> None:
    made = make_model()
    code = (
        "import sys; from pathlib import Path; from config import Embedding; from index.models.embed import Embedder\n"
        "e = Embedder(Embedding(model=sys.argv[1], device='cpu', precision='fp32'), models=Path(sys.argv[2]))\n"
        "print(e.fingerprint, e.runtime, 'torch' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(made), str(tmp_path / "models")]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    said: list[str] = []

    def run() -> None:
        said.append(subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout.strip())

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(said)) == 1
    assert said[0].endswith("onnxruntime, fp32 False")
    assert len([path for path in (tmp_path / "models").iterdir() if path.is_dir()]) == 1


def test_a_child_that_fails_is_no_verdict_on_the_model(
    make_model: MakeModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Embedding(model=str(make_model()), device="cpu", precision="fp32")
    monkeypatch.setattr(
        shelf.subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, -9, "", "killed")
    )
    embedder = Embedder(settings, models=tmp_path / "models")
    assert embedder.dimensions == 32
    assert embedder.runtime == "torch, fp32 (compiling it failed; see the log)"
    assert "killed" in caplog.text
    assert not list((tmp_path / "models").glob("*.json"))


def test_a_folder_that_cannot_be_written_leaves_torch(make_model: MakeModel, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = Embedding(model=str(make_model()), device="cpu", precision="fp32")
    embedder = Embedder(settings, models=tmp_path / "file" / "models")
    assert embedder.dimensions == 32
    assert embedder.runtime.startswith("torch, fp32 (cannot be compiled in")


def test_a_model_that_eight_bits_would_change_too_much_is_compiled_in_full_precision(
    make_model: MakeModel, tmp_path: Path, no_child: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from index.models.compile import LEAST_COSINE
    from index.models.reference import Reference

    monkeypatch.setitem(LEAST_COSINE, "int8", 1.1)
    settings = Embedding(model=str(make_model()), device="cpu", precision="int8")
    for _ in range(2):
        embedder = Embedder(settings, models=tmp_path / "models")
        assert embedder.fingerprint == Reference(settings).fingerprint
        assert embedder.runtime == "onnxruntime, fp32"
    assert len(no_child) == 2


@pytest.mark.parametrize("more", [{"compile": False}, {"device": "cuda"}, {"device": "mps"}])
def test_what_is_not_to_be_compiled_is_not(tmp_path: Path, more: dict[str, Any]) -> None:
    embedder = Embedder(Embedding(**more), models=tmp_path / "models")
    assert not embedder._model.compiles
    assert embedder.runtime == "torch"


def test_a_model_that_cannot_be_had_is_one_line_from_the_child_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelUnavailable, match=r"\[embedding\] model") as caught:
        Embedder(Embedding(model=str(tmp_path / "nowhere")), models=tmp_path / "models").question("x")
    assert "\n" not in str(caught.value)


def test_the_shelf_knows_the_recipe_of_the_compiler() -> None:
    from index.models.compile import RECIPE

    assert shelf._RECIPE == RECIPE


def test_an_older_recipe_is_not_taken(make_model: MakeModel, tmp_path: Path) -> None:
    from index.models.compile import build

    settings = Embedding(model=str(make_model()), device="cpu", precision="fp32")
    mine = Shelf(tmp_path / "models", settings, EMBEDDING)
    meta = build(mine.place, settings, "embedding")
    (mine.place / "meta.json").write_text(meta.model_copy(update={"recipe": 0}).model_dump_json())
    assert mine._take() is None
    with pytest.raises(Damaged):
        Compiled(mine.place, threads=1)
    assert Meta.model_validate_json((mine.place / "meta.json").read_bytes()).recipe == 0


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_what_stands_beside_a_text_changes_nothing_of_its_vector(
    make_model: MakeModel, tmp_path: Path, precision: str
) -> None:
    compiled = _built(make_model, tmp_path, precision)
    together = compiled.passages(TEXTS)
    assert np.isfinite(together).all()
    for row, text in enumerate(TEXTS):
        assert np.array_equal(together[row], compiled.passages([text])[0])
        assert np.array_equal(together[row], compiled.sentences([text, "wide " * 90])[0])


def test_many_who_ask_at_once_each_get_the_vectors_of_their_own_texts(make_model: MakeModel, tmp_path: Path) -> None:
    compiled = _built(make_model, tmp_path)
    alone = {text: compiled.passages([text])[0] for text in TEXTS}
    orders = [random.Random(number).sample(TEXTS, len(TEXTS)) for number in range(60)]
    with ThreadPoolExecutor(6) as threads:
        asked = list(threads.map(compiled.sentences, orders))
        indexed = list(threads.map(compiled.passages, orders))
    for order, *found in zip(orders, asked, indexed, strict=True):
        for rows in found:
            assert all(np.array_equal(row, alone[text]) for row, text in zip(rows, order, strict=True))


def test_a_text_that_fails_lets_nobody_have_vectors_of_nothing(
    make_model: MakeModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = _built(make_model, tmp_path)
    run = compiled._run
    for bad in TEXTS:

        def fails(text: str, bad: str = bad) -> Any:
            if text == bad:
                raise IndexError(bad)
            return run(text)

        monkeypatch.setattr(compiled, "_run", fails)
        for ask in (compiled.sentences, compiled.passages):
            with pytest.raises(IndexError):
                ask(TEXTS)


def _built(make_model: MakeModel, tmp_path: Path, precision: str = "int8") -> Compiled:
    from index.models.compile import build

    settings = Embedding(model=str(make_model()), device="cpu", precision=precision)  # type: ignore[arg-type]
    build(tmp_path / "compiled", settings, "embedding")
    return Compiled(tmp_path / "compiled", threads=2)
