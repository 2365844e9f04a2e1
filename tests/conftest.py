"""Real parts, made once where they are slow: the model is loaded once a run, the seeds are indexed once a run."""

import asyncio
import contextlib
import datetime as dt
import gc
import io
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
from hypothesis import HealthCheck, settings
from pydantic import SecretStr

# Several processes test at once: PyTorch's and numpy's threads would wait for each other in loops, on the same cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("PTB_TIMEDELTA", "1")  # otherwise python-telegram-bot warns at every RetryAfter

from config import Embedding, Settings, load
from index.building import build
from index.errors import Cancelled
from index.library import Library, seeds
from index.models.embed import Embedder
from index.records import Answer, Progress
from index.segments import tiers
from tests import logscan, warm
from tests import postgres as pg
from tests.chromaserver import chroma_server

# Examples are drawn the same way in every run; a machine with two busy cores may take its time over each.
settings.register_profile(
    "tests", deadline=None, derandomize=True, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")

if TYPE_CHECKING:
    from index.models.load import KindName
    from tests.barebot import Bot
    from tests.botapi import BotApi, Message, Person
    from tests.golden import Golden

MakeLibrary = Callable[..., Library]
TOKEN = logscan.TOKEN
ADMIN, GUEST, STRANGER = 7, 8, 9
WHEN = "When was the old harbour of Lindholm closed to cargo ships?"

Serve = Callable[..., contextlib.AbstractContextManager[Any]]
ROOT = Path(__file__).parent.parent
PYTORCH = ("test_compile.py", "test_embed.py", "test_rerank.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `make test-crash` kill more processes than `make test`, at other moments each time."""
    parser.addoption("--crashes", type=int, default=4, help="how many processes the crash tests kill")
    parser.addoption("--golden", action="store_true", help="write the golden files anew, to be read and committed")
    parser.addoption("--seed", type=int, default=0, help="which moments they are killed at")


def pytest_configure(config: pytest.Config) -> None:
    """Keep from DEBUG what shows failures: four handlers of pytest's would format each line, and the scan reads all."""
    shown = config.pluginmanager.get_plugin("logging-plugin")
    for handler in (shown.caplog_handler, shown.report_handler, shown.log_file_handler) if shown else ():
        handler.setLevel(logging.INFO)  # a test may ask `caplog` for more


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Count no garbage among the hundreds of thousands of objects that imports make, then or ever after."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first, and so into one of several processes, what takes seconds to import PyTorch."""
    items.sort(key=lambda item: item.path.name not in PYTORCH)


@pytest.fixture(scope="session")
def models(pytestconfig: pytest.Config) -> Path:
    """The folder of compiled models, with the default one in it: compiled once, and checked at each use as always."""
    cache = getattr(pytestconfig, "cache", None)
    folder = cache.mkdir("models") if cache else Path(tempfile.mkdtemp())
    assert Embedder(Embedding(), models=folder).dimensions == 384
    return folder


@pytest.fixture(scope="session")
def embedder(models: Path) -> Embedder:
    """The real model, loaded once."""
    return Embedder(Embedding(), models=models)


@pytest.fixture(scope="session")
def exact(models: Path) -> Embedder:
    """The real model with the vectors of the reference."""
    made = Embedder(Embedding(precision="fp32"), models=models)
    assert made.dimensions == 384
    return made


@pytest.fixture
def no_child(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Compile in this process, which has torch already; gives the places where something was compiled."""
    from index.errors import ModelUnavailable
    from index.models import shelf
    from index.models.compile import Refused, build

    built: list[str] = []

    def here(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        said = {}
        built.append(command[-2])
        try:
            build(Path(command[-2]), Embedding.model_validate_json(command[-1]), cast("KindName", command[-3]))
        except Refused as refusal:
            said = {"refused": str(refusal)}
        except ModelUnavailable as error:
            said = {"unavailable": str(error)}
        return subprocess.CompletedProcess(command, 0, f"noise\n{json.dumps(said)}\n", "")

    monkeypatch.setattr(shelf.subprocess, "run", here)
    return built


@pytest.fixture(autouse=True, scope="session")
def ready_workers() -> Iterator[None]:
    """Fork the processes that make segments; those of a program that a test starts are started as everybody's are."""
    with warm.workers():
        yield


@pytest.fixture(autouse=True)
def no_secret_in_the_log() -> Iterator[None]:
    """Fail the test during which anything wrote a secret, at DEBUG, through the program's own formatter."""
    with logscan.watched():
        yield


@pytest.fixture(autouse=True)
def usual_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back the sizes of segments, which tests of many segments make small for the whole process."""
    monkeypatch.setattr(tiers, "TAIL", tiers.TAIL)
    monkeypatch.setattr(build, "DIRECT", build.DIRECT)


def lend(models: Path, data: Path) -> None:
    """Give a data directory the compiled models, as if it had compiled them: the same files under a second name."""
    if not (data / "models").exists():
        shutil.copytree(models, data / "models", copy_function=_link)


def _link(old: str, new: str) -> None:
    try:
        os.link(old, new)
    except OSError:  # they are on two file systems
        shutil.copy2(old, new)


def settings_for(data: Path, **flags: Any) -> Settings:
    """Settings for a data directory, without what the environment or a file says."""
    dotted = {key.replace("__", "."): value for key, value in flags.items()}
    if isinstance(address := dotted.get("store.database"), str):
        dotted["store.database"] = SecretStr(address)
    return load(flags={"library.data": str(data), **dotted}, environ={}, folder=data.parent)


@pytest.fixture
def make_library(tmp_path: Path, embedder: Embedder, models: Path) -> Iterator[MakeLibrary]:
    """Make libraries that share the loaded model; each call opens the same data directory anew."""
    made: list[Library] = []

    def make(data: Path = tmp_path / "data", **flags: Any) -> Library:
        lend(models, data)  # for the processes that a test starts there
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
def pattern(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Path:
    """The three small articles in `articles`, and in `data` what indexing them made; see `copied`."""
    place = tmp_path_factory.mktemp("pattern")
    with Library(settings_for(place / "data"), embedder=embedder) as library:
        library.index(three_articles(place / "articles"))
    return place


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder, pattern: Path) -> Iterator[Library]:
    """A library of the three small articles. Only for reading."""
    place = tmp_path_factory.mktemp("shared")
    lay(pattern, data=place / "data", articles=place / "articles")
    with Library(settings_for(place / "data"), embedder=embedder) as library:
        yield library


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Chroma server."""
    with chroma_server(tmp_path_factory.mktemp("chroma")) as url:
        yield url


@pytest.fixture(scope="session")
def postgres() -> Iterator[pg.Postgres]:
    """A PostgreSQL server."""
    with pg.server() as server:
        yield server


@pytest.fixture
def database(postgres: pg.Postgres) -> str:
    """The address of a new database."""
    return postgres.database()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three small articles."""
    return three_articles(tmp_path / "articles")


@pytest.fixture
def copied(pattern: Path, tmp_path: Path, folder: Path) -> Path:
    """The same folder, where a library in the usual data directory has it indexed: the next index finds it done.

    For tests of what comes afterwards: a copy takes milliseconds, to index takes a second.
    """
    assert not (tmp_path / "data" / "segments").exists(), "a library was made there already"
    lay(pattern, data=tmp_path / "data", articles=folder)
    return folder


def lay(pattern: Path, *, data: Path, articles: Path) -> None:
    """Copy articles, with the times of their files, and what a library made of them; before it is opened there."""
    shutil.copytree(pattern / "articles", articles, dirs_exist_ok=True)
    shutil.copytree(pattern / "data", data, dirs_exist_ok=True)


@dataclass(frozen=True)
class Done:
    """What a run of the program left behind."""

    returncode: int
    stdout: str
    stderr: str


Footnote = Callable[..., Done]


@pytest.fixture
def footnote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], models: Path
) -> Iterator[Footnote]:
    """Run the program in this process, in an empty folder: the same code, without seconds of imports each time."""
    from bot.cli import main

    monkeypatch.chdir(tmp_path)
    lend(models, tmp_path / "data")
    monkeypatch.delenv("TELEGRAM_BOT_TOKEN", raising=False)

    def run(*arguments: str | Path, stdin: str | io.StringIO = "", **env: str) -> Done:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", io.StringIO(stdin) if isinstance(stdin, str) else stdin)
            for name, value in env.items():
                patch.setenv(name, value)
            capsys.readouterr()
            try:
                code = main([str(argument) for argument in arguments])
            except SystemExit as stopped:  # argparse
                code = int(stopped.code or 0)
            shown = capsys.readouterr()
        return Done(code, shown.out, shown.err)

    yield run
    logging.getLogger().handlers.clear()


@pytest.fixture
def golden(pytestconfig: pytest.Config) -> "Golden":
    """Compare a transcript with its golden file, or write that."""
    write_anew = bool(pytestconfig.getoption("--golden"))
    return lambda transcript, name: transcript.agrees(name, write=write_anew)


@pytest.fixture
def expected() -> list[str]:
    """Parts of the refusals that a test provokes."""
    return []


@pytest.fixture
def api(expected: list[str]) -> Iterator["BotApi"]:
    """A Bot API server; at its end nothing else may have been sent that the real one would refuse or drop."""
    from tests.botapi import BotApi

    with BotApi(token=TOKEN) as server:
        yield server
        surprises = [
            refused.description
            for refused in server.refusals
            if not any(part in refused.description for part in expected)
            and (refused.method, refused.description) != ("setMyCommands", "Bad Request: chat not found")
        ]
        assert not surprises
        assert not server.findings


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    """What a `bot` of bare requests speaks through."""
    with httpx.Client(trust_env=False, timeout=20) as http:
        yield http


@pytest.fixture
def bot(api: "BotApi", http: httpx.Client) -> "Bot":
    """A bot of bare requests at the server that a test calls `api`."""
    from tests.barebot import Bot

    return Bot(api, http)


@pytest.fixture
def anna(api: "BotApi") -> "Person":
    """Somebody at that server."""
    return api.person(id=7, first_name="Anna")


def served_settings(data: Path, url: str, **flags: object) -> Settings:
    """Settings for a bot whose inbox lies in `data`; it listens on no port unless the flags say so."""
    data.mkdir(exist_ok=True)
    usual = {"telegram__api_url": url, "telegram__admins": [ADMIN], "telegram__token": SecretStr(TOKEN), "web__port": 0}
    return settings_for(data, **{**usual, **flags})


@pytest.fixture
def serve(api: "BotApi", tmp_path: Path) -> Serve:
    """Run the bot on a library until the block ends, in a thread; it writes as fast as it can."""
    from bot import app
    from bot.lifecycle import Lifecycle
    from bot.receiving.poll import Patience
    from bot.sending.pace import Limits

    quick = Limits(1_000.0, 0.0, 1_000, call=3.0)

    @contextlib.contextmanager
    def serving(
        library: Library, *, limits: Limits = quick, patience: Patience | None = None, **flags: object
    ) -> Iterator[Lifecycle]:
        settings = served_settings(tmp_path / "data", api.url, **flags)
        bot = app.build(library, settings, limits=limits, patience=patience)
        thread = threading.Thread(target=lambda: asyncio.run(bot.run(signals=False)))
        thread.start()
        try:
            until(lambda: not bot.lacks or not thread.is_alive())
            yield bot
        finally:
            bot.stop()
            thread.join(30)
            assert not thread.is_alive()

    return serving


@pytest.fixture
def own_library(make_library: MakeLibrary, copied: Path) -> Library:
    """A library of the three small articles at its first revision, which a test may change."""
    made = make_library(library__articles=str(copied))
    assert made.index(copied).unchanged == 3
    return made


def held_up(library: Library, monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Let a library hold back each answer from now on: the first event says that it has one, the second lets it go."""
    asking, go, ask = threading.Event(), threading.Event(), library.ask

    def held(*asked: Any) -> Answer:
        answer = ask(*asked)
        asking.set()
        go.wait(30)
        return answer

    monkeypatch.setattr(library, "ask", held)
    return asking, go


def until(fits: Callable[[], object], *, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not fits():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def answered(person: "Person", text: str, *, timeout: float = 90) -> "Message":
    """Let a person say something and return the bot's next message."""
    said = person.says(text)
    return person.waits(lambda _: True, after=said, timeout=timeout)


def reindexes(person: "Person", *, timeout: float = 120) -> "Message":
    """Let an admin ask for a reindex and agree to its plan; return the message that the plan stood in."""
    said = person.says("/reindex")
    plan = person.waits(lambda m: "Reindex now" in m.labels, after=said, timeout=timeout)
    person.presses(plan, "Reindex now").answer(20)
    return plan


def due_now(bot: Any) -> None:
    """Let the clock of the job queue strike."""
    (job,) = bot.application.job_queue.get_jobs_by_name("reindex")
    job.job.modify(next_run_time=dt.datetime.now(dt.UTC))


def many(folder: Path, count: int) -> None:
    """Write articles of four passages each."""
    for n in range(count):
        text = " ".join(f"Item {n} of part {k} is stored in hall {k * n} of the depot." for k in range(24))
        write(folder / f"depot-{n}.md", title=f"Depot {n}", text=text)


def to_embed(library: Library, folder: Path) -> int:
    """Return how many passages the next reindex would embed; stops it there."""
    seen: list[Progress] = []
    with pytest.raises(Cancelled):
        library.index(folder, watch=seen.append, stop=lambda: bool(seen) and seen[-1].stage == "embedding")
    return seen[-1].total


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
