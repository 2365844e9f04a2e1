"""A library beside a plain dict, through everything that may happen to it: their answers always agree."""

import random
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from index.errors import Cancelled, NothingToUndo
from index.library import Library
from index.records import Progress
from tests import killed, warm
from tests.collection import held, mark, put, versions
from tests.postgres import Postgres

NAMES = [f"a{n}" for n in range(9)]
FROM = st.sampled_from


class Shelves(RuleBasedStateMachine):
    """`articles` is the folder, `kept` the revisions that can be served, the current one last."""

    def __init__(self) -> None:
        super().__init__()
        self.open = ExitStack()
        self.place = Path(self.open.enter_context(tempfile.TemporaryDirectory()))
        self.open.enter_context(warm.workers())
        self.articles: dict[str, int] = {}
        self.kept: list[dict[str, int]] = []

    @initialize(direct=FROM([0, 4_000]), tail=FROM([1, 9]), share=FROM([0.0, 0.4, 9.0]), few=st.integers(2, 6))
    def begin(self, direct: int, tail: int, share: float, few: int) -> None:
        self.how = killed.How(direct, tail, share, database=self.database())
        self.articles = dict.fromkeys(NAMES[:few], 1)
        self.library, self.reader = self.opened(), self.opened()
        self.index()

    def database(self) -> str:
        """Return the address of a new database, or nothing for a ledger in a file."""
        return ""

    @rule(name=FROM(NAMES), version=st.integers(1, 3))
    def write(self, name: str, version: int) -> None:
        """Add an article, change it, or change it back."""
        self.articles[name] = version

    @precondition(lambda self: len(self.articles) > 1)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        del self.articles[data.draw(FROM(sorted(self.articles)))]

    @rule()
    def index(self) -> None:
        put(self.place / "articles", self.articles)
        report = self.library.index(self.place / "articles")
        assert report.articles == len(self.articles)
        self.published(swept=True)

    @rule(stage=FROM(["reading", "embedding", "building", "merging"]))
    def cancel(self, stage: str) -> None:
        put(self.place / "articles", self.articles)
        seen: list[str] = []

        def watch(progress: Progress) -> None:
            seen.append(progress.stage)

        try:
            self.library.index(self.place / "articles", watch=watch, stop=lambda: stage in seen)
        except Cancelled:
            return
        self.published(swept=True)

    @precondition(lambda self: not self.kept or self.articles != self.kept[-1])
    @rule(hook=FROM(["before the switch", "after the switch", "before the merge", "after the merge"]))
    def die(self, hook: str) -> None:
        put(self.place / "articles", self.articles)
        process = warm.process(killed.die_at, hook, self.place, self.how)
        process.join()
        assert process.exitcode in ((killed.DEAD,) if "switch" in hook else (killed.DEAD, 0))
        if hook != "before the switch":
            self.published(swept=hook != "after the switch")

    @rule(hook=FROM(["before the undoing", "after the undoing"]))
    def die_rolling_back(self, hook: str) -> None:
        if len(self.kept) > 1:
            process = warm.process(killed.die_at, hook, self.place, self.how)
            process.join()
            assert process.exitcode == killed.DEAD
            if hook == "after the undoing":
                self.kept.pop()

    @rule()
    def roll_back(self) -> None:
        if len(self.kept) < 2:
            with pytest.raises(NothingToUndo):
                self.library.rollback()
        else:
            self.library.rollback()
            self.kept.pop()
            assert self.library.held

    @rule(which=FROM(["library", "reader"]))
    def reopen(self, which: str) -> None:
        getattr(self, which).close()
        setattr(self, which, self.opened())

    @rule(seed=st.integers(0, 99))
    def lose_a_segment(self, seed: int) -> None:
        for which in ("library", "reader"):
            getattr(self, which).close()
        segments = sorted((self.place / "data" / "segments").iterdir())
        shutil.rmtree(random.Random(seed).choice(segments))
        for which in ("library", "reader"):
            setattr(self, which, self.opened())

    @invariant()
    def agrees(self) -> None:
        if not self.kept:
            return
        for library in (self.library, self.reader):
            assert held(library) == self.kept[-1]
        for name, version in self.kept[-1].items():
            hits, _ = self.library.search(mark(name, version))
            assert versions(hits[:3]) == {name: version}
            assert versions(hits).items() <= self.kept[-1].items()
        revision = self.library.revision()
        assert revision is not None
        assert (revision.articles, revision.passages) == (len(self.kept[-1]), 3 * len(self.kept[-1]))

    def published(self, *, swept: bool) -> None:
        """Note that the articles of the folder are served; only one earlier revision is kept when it was swept."""
        if not self.kept or self.articles != self.kept[-1]:
            self.kept.append(dict(self.articles))
            self.kept = self.kept[-2 if swept else 0 :]

    def opened(self) -> Library:
        return self.open.enter_context(self.how.library(self.place / "data"))

    def teardown(self) -> None:
        try:
            if self.kept:
                assert self.library.check() == ""
                self.reader.close()  # it may read what is gone already
                self.library.index(self.place / "articles")
                segments = {path.name for path in (self.place / "data" / "segments").iterdir()}
                assert segments <= self.library._ledger.named()  # one that is lost is built when it is needed
        finally:
            self.open.close()


def test_a_library_always_agrees_with_a_dict(request: pytest.FixtureRequest) -> None:
    few = request.config.getoption("--crashes") < 10
    run_state_machine_as_test(Shelves, settings=profile(5 if few else 60, few=few))


@pytest.mark.nightly
def test_so_does_one_whose_ledger_is_on_postgresql(request: pytest.FixtureRequest, postgres: Postgres) -> None:
    class OnServer(Shelves):
        def database(self) -> str:
            return postgres.database()

    few = request.config.getoption("--crashes") < 10
    run_state_machine_as_test(OnServer, settings=profile(3 if few else 60, few=few))


def profile(examples: int, *, few: bool) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=12 if few else 25,
        deadline=None,
        phases=[Phase.generate],
        derandomize=few,
        suppress_health_check=list(HealthCheck),
    )
