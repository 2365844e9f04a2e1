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
    "chromadb": {"index/segments/store.py"},
    "tantivy": {"index/segments/lexicon.py", "index/text/analyse.py"},
    "py3langid": {"index/text/language.py"},
    "sqlalchemy": {
        *(f"bot/store/{name}.py" for name in ("inbox", "journal", "offers", "people", "tables", "watchlist")),
        *(f"index/truth/{name}.py" for name in ("database", "together", "tables", "writer", "ledger", "draft")),
        "index/articles/holdings.py",
        "index/browsing/catalogue.py",
        *(f"index/stories/{name}.py" for name in ("copies", "groups")),
    },
    "feedparser": {"index/web/feed.py"},
    "pypdfium2": {"index/formats/extract_pdf.py"},
    "babel": {"bot/words/figures.py", "bot/words/language.py"},
    "rensa": {"index/stories/shingles.py"},
    "torch": {"index/models/compile.py", "index/models/reference.py", "index/models/subject.py"},
    "onnxruntime": {"index/models/compile.py", "index/models/compiled.py"},
    "starlette": {"bot/running/web.py", "bot/receiving/listen.py"},
    "uvicorn": {"bot/receiving/listen.py"},
    "h11": {"bot/receiving/listen.py"},
    "prometheus_client": {"bot/running/metrics.py"},
    "aiohttp": {"bot/sending/wire.py", "bot/receiving/poll.py"},
    "httpcore": {"index/web/request.py"},
    "protego": {"index/web/robots.py"},
    "tokenizers": {"index/models/compile.py", "index/models/compiled.py", "index/models/reference.py"},
    "telegram": {path.relative_to(ROOT).as_posix() for path in (ROOT / "bot").rglob("*.py")},
}
BELOW = {
    "index": """
        system text formats web reading models truth stories segments browsing articles building asking rescue
        library quality
    """.split(),
    "bot": """
        running text store sending receiving showing access desk asking browsing articles watching
        door lifecycle handlers app terminal cli
    """.split(),
}
"""The parts of `index` and of `bot`, packages and modules: each may import what stands before it.

What is not named here lies beside them all: the nouns of `index`, and the words of `bot`.
"""
BESIDE = {"index": {"errors", "records", "progress"}, "bot": {"words"}}
PRINTERS = {"bot/cli.py", "bot/terminal/screen.py"}


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


PLACES = sorted({path.parent.relative_to(ROOT).as_posix() for path in MODULES} - {"bot/words", "config"})


@pytest.mark.parametrize("package", PLACES)
def test_the_map_of_a_package_names_each_of_its_modules(package: str) -> None:
    place = ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8"))) or ""
    _, _, lines = place.partition("\n")
    beside = {path.stem for path in (ROOT / package).glob("*.py")} - {"__init__"}
    within = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
    assert not (beside | within) - set(re.findall(r"[a-z_]+", lines))


@pytest.mark.parametrize("whole", BELOW)
def test_every_part_has_its_place_above_or_below_the_others(whole: str) -> None:
    parts = {path.stem for path in (ROOT / whole).glob("*.py")} - {"__init__"}
    parts |= {path.parent.name for path in (ROOT / whole).glob("*/__init__.py")}
    assert sorted([*BELOW[whole], *BESIDE[whole]]) == sorted(parts)


@pytest.mark.parametrize("whole, part", [(whole, part) for whole, parts in BELOW.items() for part in parts])
def test_a_part_imports_only_those_below_it(whole: str, part: str) -> None:
    parts = BELOW[whole]
    above = {*parts[parts.index(part) + 1 :]}
    files = [*(ROOT / whole / part).glob("*.py"), *(ROOT / whole).glob(f"{part}.py")]
    assert files
    assert not {(path.name, name) for path in files for name in _parts_imported(path, whole) if name in above}


def _parts_imported(path: Path, whole: str) -> set[str]:
    """Return what a module imports of `index` or `bot`: its packages, and the modules beside them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith(f"{whole}.")}
        if isinstance(node, ast.ImportFrom) and node.module == whole:
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{whole}."):
            found.add((node.module or "").split(".")[1])
    return found


def test_what_programs_of_the_tests_import_is_there() -> None:
    """Benchmarks and tests start Python with a program in a string, which no other check reads."""
    wrong = [
        (path.name, line)
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for program in _programs(path)
        for line in _IMPORTS.findall(program)
        if not _is_there(line)
    ]
    assert not wrong


_IMPORTS = re.compile(r"(?:^|[;\n] *)(from (?:bot|index|config|tests)[\w.]* import [\w, ]+)")


def _programs(path: Path) -> list[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [one.value for one in nodes if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def _is_there(line: str) -> bool:
    """Whether a statement names a module, and in it what it imports."""
    _, module, _, *names = line.replace(",", " ").split()
    place = ROOT.joinpath(*module.split("."))
    source = place.with_suffix(".py") if place.with_suffix(".py").exists() else place / "__init__.py"
    if not source.exists():
        return False
    text = source.read_text(encoding="utf-8")
    beside = [(place / f"{name}.py").exists() or (place / name).is_dir() for name in names]
    return all(there or re.search(rf"\b{name}\b", text) for there, name in zip(beside, names, strict=True))
