"""Processes that are killed at any moment while they change a library: it holds exactly the old or the new articles.

`make test` kills four, `make test-crash` forty, at moments that its seed decides.
"""

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import psutil
import pytest

from index.errors import NotIndexed
from index.library import Library
from tests import killed, warm
from tests.collection import Versions, held, put

ACTIONS = ("first", "delta", "base", "anew", "rollback", "mend")
"""A first build; a small change; one that is published and then merged; one that makes a new base; the two others."""

_PATIENCE = 180
"""Seconds after which a process that should have ended or come to a point never will."""


@dataclass(frozen=True)
class Scene:
    """A library before something is done to it, what it holds before and after, and what it did when nobody killed."""

    place: Path
    old: Versions
    new: Versions
    diary: list[tuple[float, str]]


@dataclass(frozen=True)
class Moment:
    """When to kill: `delay` seconds after the diary has its first `entries` entries."""

    entries: int
    delay: float


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "number" in metafunc.fixturenames:
        kills = metafunc.config.getoption("--crashes")
        metafunc.parametrize("number", range(kills), ids=[f"{ACTIONS[n % _used(kills)]}-{n}" for n in range(kills)])


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> dict[str, Scene]:
    """Do one thing after the other to a library, and keep how it was before each."""
    base = {f"a{n}": 1 for n in range(120)}
    few = {**base, **{f"a{n}": 2 for n in range(5)}, **{f"new{n}": 1 for n in range(2)}}
    del few["a20"]
    many = few | {f"a{n}": 3 for n in range(24, 100)}
    more = many | {f"a{n}": 4 for n in range(40, 116)}
    steps = {
        "first": ({}, base),
        "delta": (base, few),
        "base": (few, many),
        "anew": (many, more),
        "rollback": (more, many),
        "mend": (many, many),
    }
    place = tmp_path_factory.mktemp("crash") / "going"
    place.mkdir()
    made = {}
    for action in ACTIONS[: _used(request.config.getoption("--crashes"))]:
        old, new = steps[action]
        put(place / "articles", old if action == "rollback" else new)
        if action == "mend":
            shutil.rmtree(next((place / "data" / "segments").glob("*-base-*")))
        shutil.copytree(place, place.with_name(action))
        process = warm.process(killed.act, action, place)
        process.join(_PATIENCE)
        assert process.exitcode == 0
        made[action] = Scene(place.with_name(action), old, new, killed.entries(place / "diary"))
        (place / "diary").unlink()
    return made


@pytest.fixture(scope="module")
def tally(request: pytest.FixtureRequest) -> Iterator[Counter[str]]:
    """Count where the kills hit, and say so at the end of a long run."""
    counted: Counter[str] = Counter()
    yield counted
    if counted.total() > len(ACTIONS):
        lines = [f"  {times:3} {where}" for where, times in sorted(counted.items())]
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f"\n{counted.total()} kills:", *lines, sep="\n")


@pytest.mark.crash
@pytest.mark.timeout(900)  # the first of them makes all scenes
def test_a_process_that_is_killed_leaves_exactly_the_old_or_the_new_articles(
    number: int, scenes: dict[str, Scene], tally: Counter[str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    draw = random.Random(f"{request.config.getoption('--seed')} {number}")
    action = ACTIONS[number % len(scenes)]
    scene = scenes[action]
    whom = draw.choice(["builder", "worker", "both"])
    place = tmp_path / "place"
    shutil.copytree(scene.place, place)
    orphans, where = kill(action, place, moment(scene.diary, draw), whom=whom)
    tally[f"{action:8} {whom:8} {where}"] += 1
    with warm.workers(), pytest.MonkeyPatch.context() as patch, killed.library(place / "data") as library:
        if action != "mend":
            patch.setattr(Library, "_mend", lambda *_: pytest.fail("it did not open at once"))
        assert found(library) in (scene.old, scene.new)
        assert library.revision() is None or library.check() == ""
        patch.undo()
        put(place / "articles", scene.new)
        library.index(place / "articles")
        assert held(library) == scene.new
        assert library.check() == ""
        segments = {path.name for path in (place / "data" / "segments").iterdir()}
        assert segments == library._ledger.named()
    assert psutil.wait_procs(orphans, timeout=10)[1] == []


def kill(action: str, place: Path, at: Moment, *, whom: str) -> tuple[list[psutil.Process], str]:
    """Do something in a process and kill it, the process that works for it, or both; return orphans and the diary."""
    process = warm.process(killed.act, action, place)
    wait_for(process, place, until=lambda diary: len(diary) >= at.entries)
    time.sleep(at.delay)
    where = (killed.entries(place / "diary") or [(0.0, "nothing yet")])[-1][1]
    try:
        working = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        working = []
    if whom == "builder" or not working:
        process.kill()
    for one in working if whom != "builder" else ():
        one.kill()
    if whom == "both":
        process.kill()
    process.join(_PATIENCE)
    assert process.exitcode in (-9, 0, killed.REFUSED), process.exitcode
    return working, where


def wait_for(process: ForkServerProcess, place: Path, *, until: Callable[[list[tuple[float, str]]], bool]) -> None:
    """Wait until a process has written something into its diary, or has ended."""
    for _ in range(_PATIENCE * 1_000):
        if until(killed.entries(place / "diary")) or not process.is_alive():
            return
        time.sleep(0.001)
    pytest.fail("it never came so far")


def moment(diary: list[tuple[float, str]], draw: random.Random) -> Moment:
    """Draw a moment of the whole time, or of one of the things that were done, however short it was."""
    if draw.random() < 0.5:
        return Moment(1, draw.uniform(0, diary[-1][0] - diary[0][0]))
    at = draw.randrange(len(diary) - 1)
    return Moment(at + 1, draw.uniform(0, diary[at + 1][0] - diary[at][0]))


def found(library: Library) -> dict[str, int]:
    try:
        return held(library)
    except NotIndexed:
        return {}


def _used(kills: int) -> int:
    """Return how many of the actions are tried: a few kills are for those that build."""
    return len(ACTIONS) if kills > len(ACTIONS) else 3
