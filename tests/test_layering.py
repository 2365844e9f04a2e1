"""Who may import whom: the layout is a promise, and this test keeps it."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("config", "index", "bot")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

FORBIDDEN = {"config": {"index", "bot", "seeds"}, "index": {"bot"}, "bot": set()}
ONLY_IN = {
    "chromadb": {"index/store.py"},
    "tantivy": {"index/lexicon.py", "index/analyse.py"},
    "py3langid": {"index/language.py"},
    "sqlalchemy": {
        *(f"bot/{name}.py" for name in ("inbox", "journal", "offers", "people", "tables", "watchlist")),
        *(f"index/{name}.py" for name in ("database", "together", "tables", "writer", "ledger", "draft", "catalogue")),
        "index/holdings.py",
        *(f"index/{name}.py" for name in ("copies", "groups")),
    },
    "feedparser": {"index/feed.py"},
    "pypdfium2": {"index/extract_pdf.py"},
    "babel": {"bot/words/figures.py", "bot/words/language.py"},
    "rensa": {"index/shingles.py"},
    "torch": {"index/compile.py", "index/reference.py", "index/subject.py"},
    "onnxruntime": {"index/compile.py", "index/compiled.py"},
    "starlette": {"bot/web.py", "bot/listen.py"},
    "uvicorn": {"bot/listen.py"},
    "h11": {"bot/listen.py"},
    "prometheus_client": {"bot/metrics.py"},
    "aiohttp": {"bot/wire.py", "bot/poll.py"},
    "httpcore": {"index/request.py"},
    "protego": {"index/robots.py"},
    "tokenizers": {"index/compile.py", "index/compiled.py", "index/reference.py"},
    "telegram": {path.relative_to(ROOT).as_posix() for path in (ROOT / "bot").rglob("*.py")},
}
PRINTERS = {"bot/cli.py", "bot/terminal.py"}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_imports_only_what_lies_below_it(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    names = imported(path)
    assert not names & FORBIDDEN[name.partition("/")[0]]
    for library, places in ONLY_IN.items():
        assert library not in names or name in places


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_only_the_command_line_prints(path: Path) -> None:
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    prints = any(isinstance(call.func, ast.Name) and call.func.id == "print" for call in calls)
    assert not prints or path.relative_to(ROOT).as_posix() in PRINTERS


def test_every_module_says_its_job() -> None:
    silent = [path for path in MODULES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert not silent


@pytest.mark.parametrize("package", [*PACKAGES, "seeds"])
def test_no_other_distribution_brings_a_package_of_the_same_name(package: str) -> None:
    assert set(packages_distributions().get(package, ["footnote-bot"])) == {"footnote-bot"}
    assert package not in sys.stdlib_module_names


@pytest.mark.parametrize("package", ["bot", "index"])
def test_the_map_of_a_package_names_each_of_its_modules(package: str) -> None:
    place = ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8"))) or ""
    named = re.findall(r"[a-z_]+", place.partition("Where to look:")[2])
    missing = {path.stem for path in (ROOT / package).glob("*.py")} - {"__init__"} - set(named)
    assert not missing
