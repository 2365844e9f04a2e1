"""Keep compiled models in a folder: take one that is sound, have one compiled, remember which cannot be.

Decides when to compile; `compile` knows how. Never imports torch.
"""

import hashlib
import json
import logging
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Generic

from filelock import FileLock

from config import Embedding
from index.errors import Damaged, ModelUnavailable
from index.models.compiled import read_meta
from index.models.load import AnyModel, Kind
from index.models.weights import folder, unchanged

_RECIPE = 2
"""Of `compile.RECIPE`, which cannot be imported here without torch; a test keeps the two equal."""

_DECIDES = ("torch", "transformers", "sentence-transformers", "onnxruntime", "onnx")
"""A new version of one of these may compile what could not be compiled."""

log = logging.getLogger(__name__)


class Shelf(Generic[AnyModel]):
    """The place of one model, with one precision and one pair of prefixes, among the compiled ones."""

    def __init__(self, models: Path, settings: Embedding, kind: Kind[AnyModel]) -> None:
        """Look nowhere yet."""
        self._settings = settings
        self._kind = kind
        prefixes = f"{settings.model}|{settings.query_prefix}|{settings.passage_prefix}"
        name = re.sub(r"[^\w.-]+", "-", Path(settings.model).name)[:40].strip(".-") or "model"
        digest = hashlib.sha256(prefixes.encode()).hexdigest()[:8]
        self.place = models / f"{name}-{settings.precision}-{digest}"
        self._refusal = models / f"{self.place.name}.refused.json"

    def model(self) -> AnyModel | str:
        """Return the compiled model, compiling it where that has not been done; or why it is not compiled, in words.

        Raises:
            ModelUnavailable: there is nothing to compile.
        """
        found = self._take() or self._refused()
        if found:
            return found
        try:
            self.place.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.place.parent / f"{self.place.name}.lock"):
                return self._take() or self._refused() or self._make()
        except OSError as error:
            return f"cannot be compiled in {self.place.parent}: {(error.strerror or 'unknown error').lower()}"

    def words(self) -> str:
        """Say what will run the model, without loading it."""
        refused = self._refused()
        if refused:
            return f"torch, fp32 ({refused})"
        return f"onnxruntime, {self._settings.precision}{'' if read_meta(self.place) else ', compiled at first use'}"

    def _take(self) -> AnyModel | None:
        """Open the compiled model, unless it is missing, damaged, or made from something else than there is now."""
        meta = read_meta(self.place)
        if meta is None or meta.recipe != _RECIPE:
            return None
        now = folder(self._settings.model) or Path(meta.folder)
        gone = not now.is_dir() and now == Path(meta.folder)  # the hub's copy was cleared away: nothing says it changed
        if meta.source and not gone and not unchanged(now, meta.source):
            log.info("the model %s has changed: it is compiled again", self._settings.model)
            return None
        try:
            return self._kind.compiled(self.place, self._settings.threads)
        except Damaged as damage:
            log.warning("the compiled model is damaged, and is made again: %s", damage)
        except Exception:  # onnxruntime raises classes of its own
            log.exception("the compiled model cannot be opened, and is made again")
        return None

    def _make(self) -> AnyModel | str:
        """Compile in a process of its own, so that this one need not hold torch."""
        log.warning("Compiling the model %s. This takes some 20 seconds, once.", self._settings.model)
        # -P: a folder `index` where the program was started must not be taken for ours.
        command = [sys.executable, "-P", "-m", "index.models.compile", self._kind.name, str(self.place)]
        command.append(self._settings.model_dump_json())
        child = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own module
        try:
            said: dict[str, str] = json.loads(child.stdout.rstrip().rpartition("\n")[2])
        except ValueError:
            log.exception("compiling ended with code %s: %s", child.returncode, child.stderr[-2_000:])
            return "compiling it failed; see the log"
        if "unavailable" in said:
            raise ModelUnavailable(said["unavailable"])
        if "refused" in said:
            self._refusal.write_text(json.dumps({"why": said["refused"], "decided": self._decided()}))
            return self._refused()
        return self._take() or "compiling it failed; see the log"

    def _refused(self) -> str:
        """Return why the model cannot be compiled, if that was found out with the versions installed now."""
        try:
            noted = json.loads(self._refusal.read_bytes())
            return str(noted["why"]) if noted["decided"] == self._decided() else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def _decided(self) -> list[str]:
        """List what a refusal stands on: our recipe, the versions of others, graphics cards, the model's own files."""
        cards = sorted(path.name for path in Path("/dev").glob("nvidia[0-9]*"))
        place = folder(self._settings.model)
        stats = [f"{path.name} {path.stat().st_mtime_ns}" for path in sorted(place.iterdir())] if place else []
        return [str(_RECIPE), *(version(name) for name in _DECIDES), self._settings.device, *cards, *stats]
