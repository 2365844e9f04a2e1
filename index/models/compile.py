"""Compile a model from torch to ONNX, and compare it with the reference before anybody may use it.

Runs in a process of its own (`python -m index.models.compile KIND PLACE SETTINGS`), so that the program which serves
never holds torch. Knows nothing of when to compile: see `shelf`; nor what kinds of models there are: see `subject`.
"""

import contextlib
import json
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from config import Embedding
from index.errors import ModelUnavailable
from index.models.compiled import GRAPH, META, TOKENIZER, Meta
from index.models.load import KindName
from index.models.reference import files
from index.models.subject import SUBJECTS, Subject
from index.models.weights import note
from index.system.seal import seal

RECIPE = 2
"""Raised when what this module writes changes: models compiled by an older recipe are compiled again."""

LEAST_COSINE = {"fp32": 0.9999, "int8": 0.95}
"""What every example must reach against the reference. fp32: the same vectors, so that nothing need be embedded again
when the runtime changes. int8: all-MiniLM-L6-v2 reaches 0.974 on the worst example and 0.99 on passages; with one scale
for a whole matrix it fell to 0.91, which is what a CPU or a model that int8 does not suit looks like. Of a reranker it
is the correlation of the scores: two that were made of all-MiniLM-L6-v2 reach 0.987 and 0.989 with int8."""

_KNOWN_INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids"})
_OPSET = 17
"""The newest that the exporter writes without a conversion afterwards."""

log = logging.getLogger(__name__)


class Refused(Exception):
    """The model cannot be compiled, or not so that it stays the same model. The message says why."""

    def __str__(self) -> str:
        """Return what to say of the model."""
        return f"cannot be compiled: {super().__str__()}"


class Needless(Refused):
    """There is a graphics card, on which the model is faster by torch."""

    def __str__(self) -> str:
        """Return what to say of the model."""
        return f"is not compiled: {Exception.__str__(self)}"


def build(place: Path, settings: Embedding, kind: KindName) -> Meta:
    """Compile the model of the settings into the folder `place`, which appears whole or not at all.

    Raises:
        ModelUnavailable: the model itself cannot be loaded.
        Refused: as it says; `place` is as it was.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    for rest in place.parent.glob(f".{place.name}-*"):  # of a process that died here; whoever calls holds the lock
        shutil.rmtree(rest, ignore_errors=True)
    subject = SUBJECTS[kind](settings)
    if subject.reference.accelerated:
        message = f"{subject.reference.transformer.device} is faster by torch"
        raise Needless(message)
    if obstacle := subject.obstacle():
        raise Refused(obstacle)
    fresh = place.with_name(f".{place.name}-{os.getpid()}")
    fresh.mkdir()
    try:
        meta = _fill(fresh, subject, settings)
        seal(fresh, list(fresh.iterdir()))
        _put(fresh, place)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return meta


def _fill(fresh: Path, subject: Subject, settings: Embedding) -> Meta:
    expected = subject.said(None)  # before the export, which changes how the reference computes
    inputs = _export(subject, fresh / GRAPH)
    if settings.precision == "int8":
        _quantise(fresh / GRAPH)
    _write_tokenizer(fresh / TOKENIZER, subject)
    meta = subject.meta(**_facts(subject, settings, inputs))
    (fresh / META).write_text(meta.model_dump_json())
    try:
        found = subject.said(fresh)
    except Exception as error:  # onnxruntime raises classes of its own, one for each kind of failure
        raise Refused(_first_line(error)) from error
    lowest = float(np.min(np.sum(found * expected, axis=1)))
    if not lowest >= LEAST_COSINE[settings.precision]:  # so that NaN is refused too
        message = f"its {subject.gives} would differ: cosine {lowest:.4f}, least {LEAST_COSINE[settings.precision]}"
        raise Refused(message)
    meta = meta.model_copy(update={"lowest_cosine": lowest})
    (fresh / META).write_text(meta.model_dump_json())
    return meta


def _export(subject: Subject, graph: Path) -> tuple[str, ...]:
    """Write the graph; return the inputs it takes."""
    features = subject.batch()
    inputs = [name for name, value in features.items() if isinstance(value, torch.Tensor)]
    if not {"input_ids", "attention_mask"} <= set(inputs) <= _KNOWN_INPUTS:
        message = f"it reads {', '.join(inputs)}"
        raise Refused(message)
    try:
        _eager(subject.reference.transformer)
        _trace(_Graph(subject, inputs).eval(), [features[name] for name in inputs], inputs, graph)
    except Exception as error:  # the exporter raises whatever the model's own code runs into
        raise Refused(_first_line(error)) from error
    return _read_inputs(graph)


class _Graph(torch.nn.Module):
    """What is exported: from the inputs to what the model says of each row."""

    def __init__(self, subject: Subject, inputs: Sequence[str]) -> None:
        super().__init__()
        self._transformer = subject.reference.transformer
        self._output = subject.output
        self._inputs = inputs

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        return self._output(self._transformer(dict(zip(self._inputs, tensors, strict=True))))


def _eager(transformer: Any) -> None:  # noqa: ANN401  sentence-transformers is loosely typed
    """Spell attention out: the fused form is exported with guards that cost a seventh of the speed."""
    for module in transformer.modules():
        if hasattr(module, "set_attn_implementation"):
            module.set_attn_implementation("eager")


def _trace(module: _Graph, tensors: Sequence[torch.Tensor], inputs: Sequence[str], graph: Path) -> None:
    axes = {name: {0: "texts", 1: "tokens"} for name in inputs}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of its age, and of every branch it follows: the comparison judges
        torch.onnx.export(
            module,
            tuple(tensors),
            str(graph),
            input_names=list(inputs),
            output_names=["vectors"],
            dynamic_axes={**axes, "vectors": {0: "texts"}},
            opset_version=_OPSET,
            # The newer exporter took 7 s instead of 2 for all-MiniLM-L6-v2, made a graph 8 to 12 % slower, and
            # needs two more packages. Where it is the only one, models run by torch until this line is changed.
            dynamo=False,
        )


def _read_inputs(graph: Path) -> tuple[str, ...]:
    """Return the inputs that are left: the exporter drops those that the model does not look at."""
    import onnx  # noqa: PLC0415

    return tuple(value.name for value in onnx.load(str(graph), load_external_data=False).graph.input)


def _quantise(graph: Path) -> None:
    """Make the weights integers, each column with a scale of its own; activations follow at run time.

    Weights of 7 bits: with 8, processors without VNNI cut off what does not fit when they add two products, so that the
    same text has other vectors there. The cosines to fp32 are 0.992 in the mean with 7 bits, 0.991 with 8 cut off.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415

    whole = graph.with_suffix(".fp32")
    graph.rename(whole)
    try:
        quantize_dynamic(str(whole), str(graph), weight_type=QuantType.QInt8, per_channel=True, reduce_range=True)
    except Exception as error:
        raise Refused(_first_line(error)) from error
    whole.unlink()


def _write_tokenizer(path: Path, subject: Subject) -> None:
    """Write the tokenizer, which cuts what is too long as the reference did when `batch` used it just now."""
    from tokenizers import Tokenizer  # noqa: PLC0415

    tokenizer = Tokenizer.from_str(subject.reference.tokenizer.to_str())
    tokenizer.no_padding()
    tokenizer.save(str(path), pretty=False)


def _facts(subject: Subject, settings: Embedding, inputs: tuple[str, ...]) -> dict[str, Any]:
    """Return what is noted of models of every kind."""
    tokenizer, place = subject.reference.transformer.tokenizer, files(settings)
    return {
        "recipe": RECIPE,
        "model": settings.model,
        "precision": settings.precision,
        "inputs": inputs,
        "pad": int(tokenizer.pad_token_id or 0),
        "lowest_cosine": 0.0,
        "folder": str(place or ""),
        "source": dict(note(place)) if place else {},
    }


def _put(fresh: Path, place: Path) -> None:
    """Move a folder into place. Who looks between the two moves finds nothing, and waits for our lock."""
    old = fresh.with_name(f"{fresh.name}-old")
    with contextlib.suppress(FileNotFoundError):
        place.rename(old)
    fresh.replace(place)
    handle = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    shutil.rmtree(old, ignore_errors=True)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:160]}"


def main(arguments: Sequence[str]) -> int:
    """Compile; print one JSON object as the last line: empty, or with `refused` or `unavailable` and the reason."""
    logging.disable(logging.ERROR)  # the libraries' chatter; what is wrong is in the last line
    said: dict[str, str] = {}
    try:
        build(Path(arguments[1]), Embedding.model_validate_json(arguments[2]), cast("KindName", arguments[0]))
    except Refused as refusal:
        said = {"refused": str(refusal)}
    except ModelUnavailable as error:
        said = {"unavailable": str(error)}
    sys.stdout.write(f"\n{json.dumps(said)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
