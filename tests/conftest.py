"""Real parts, made once where they are slow: the model is loaded once a run, the seeds are indexed once a run."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("PTB_TIMEDELTA", "1")  # otherwise python-telegram-bot warns at every RetryAfter

from config import Embedding, Settings, load
from index.embed import Embedder
from index.library import Library, seeds
from tests.chromaserver import chroma_server

# Examples are drawn the same way in every run; a machine with two busy cores may take its time over each.
settings.register_profile(
    "tests", deadline=None, derandomize=True, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")

MakeLibrary = Callable[..., Library]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `make test-crash` kill more processes than `make test`, at other moments each time."""
    parser.addoption("--crashes", type=int, default=4, help="how many processes the crash tests kill")
    parser.addoption("--seed", type=int, default=0, help="which moments they are killed at")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of compiled models, with the default model in it: compiling takes seconds."""
    folder = tmp_path_factory.mktemp("compiled") / "models"
    assert Embedder(Embedding(), models=folder).dimensions == 384
    return folder


@pytest.fixture(scope="session")
def embedder(models: Path) -> Embedder:
    """The real model, loaded once."""
    return Embedder(Embedding(), models=models)


def lend(models: Path, data: Path) -> None:
    """Give a data directory the compiled models, as if it had compiled them: the same files under a second name."""
    if not (data / "models").exists():
        shutil.copytree(models, data / "models", copy_function=os.link)


def settings_for(data: Path, **flags: Any) -> Settings:
    """Settings for a data directory, without what the environment or a file says."""
    dotted = {key.replace("__", "."): value for key, value in flags.items()}
    return load(flags={"library.data": str(data), **dotted}, environ={}, folder=data.parent)


@pytest.fixture
def make_library(tmp_path: Path, embedder: Embedder, models: Path) -> Iterator[MakeLibrary]:
    """Make libraries that share the loaded model; each call opens the same data directory anew."""
    made: list[Library] = []

    def make(data: Path = tmp_path / "data", **flags: Any) -> Library:
        lend(models, data)
        made.append(Library(settings_for(data, **flags), embedder=embedder))
        return made[-1]

    yield make
    for library in made:
        library.close()


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Iterator[Library]:
    """A library of the seeds. Only for reading."""
    with Library(settings_for(tmp_path_factory.mktemp("seeded") / "data"), embedder=embedder) as library:
        library.index(seeds())
        yield library


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Iterator[Library]:
    """A library of the three small articles. Only for reading."""
    place = tmp_path_factory.mktemp("shared")
    with Library(settings_for(place / "data"), embedder=embedder) as library:
        library.index(three_articles(place / "articles"))
        yield library


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Chroma server."""
    with chroma_server(tmp_path_factory.mktemp("chroma")) as url:
        yield url


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three small articles."""
    return three_articles(tmp_path / "articles")


def three_articles(articles: Path) -> Path:
    """Write three small articles into a new folder."""
    articles.mkdir()
    write(articles / "harbour.md", title="The old harbour", date="2024-05-01", text=HARBOUR)
    write(articles / "bakery.md", title="A bakery moves", date="2024-06-02", text=BAKERY)
    write(articles / "library.md", title="Library hours", date="2024-07-03", text=HOURS)
    return articles


def write(path: Path, *, title: str, text: str, date: str = "2024-01-01") -> None:
    """Write a Markdown article."""
    path.write_text(
        f"---\ntitle: {title}\ndate: {date}\nsource: The Gazette\nurl: https://example.org/{path.stem}\n---\n\n{text}\n",
        encoding="utf-8",
    )


HARBOUR = (
    "The old harbour of Lindholm was closed to cargo ships in 1987. Since then only fishing boats and a ferry to the "
    "island of Vessel have used it. The town council wants to turn the warehouses into flats.\n\n"
    "Anna Brandt, who leads the council, said the work would cost 40 million crowns. Fishermen fear that they will "
    "have to leave."
)
BAKERY = (
    "The bakery Morgenrot moves from Mill Street to the station square in August. Its owner, Tomas Weiss, says that "
    "the ovens of 1952 are too heavy to be moved and will be sold.\n\n"
    "Rye bread stays the best-selling loaf, with about 900 sold each week."
)
HOURS = (
    "From September the town library opens at nine in the morning instead of ten. On Sundays it stays closed. "
    "Readers had asked for longer hours in a survey of 1,204 people."
)
