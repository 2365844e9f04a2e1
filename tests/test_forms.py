"""The Library over all forms of its stores: vectors here or on a server, the ledger in a file or on a server.

The same tests for all.
"""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from index.errors import Busy, NothingToUndo, StoreUnavailable, TooMuchGone
from index.library import Library
from index.segments.store import Server
from tests.chromaserver import chroma_server
from tests.conftest import HARBOUR, MakeLibrary, write

WHEN = "When was the old harbour of Lindholm closed to cargo ships?"
OLD = "The old harbour of Lindholm was closed to cargo ships in {}."

Make = Callable[..., Library]


@pytest.fixture(
    params=[
        pytest.param("in the data directory", marks=pytest.mark.nightly),  # as most other tests have it
        pytest.param("on a server", marks=pytest.mark.nightly),
        pytest.param("with a database", marks=pytest.mark.nightly),
        "with both",
    ]
)
def make(request: pytest.FixtureRequest, make_library: MakeLibrary) -> Make:
    """Make libraries of one data directory; small changes become deltas however few articles there are."""
    always: dict[str, object] = {"library__delta_share": 50.0}
    if request.param in ("on a server", "with both"):
        always["store__url"] = request.getfixturevalue("server")
    if request.param in ("with a database", "with both"):
        always["store__database"] = request.getfixturevalue("database")

    def made(**flags: object) -> Library:
        return make_library(**{**always, **flags})

    return made


def current(library: Library) -> tuple[str, ...]:
    revision = library.revision()
    assert revision is not None
    return revision.segments


def test_a_change_costs_a_small_segment_and_leaves_the_base_as_it_is(make: Make, folder: Path) -> None:
    library = make()
    library.index(folder)
    (base,) = current(library)
    write(folder / "harbour.md", title="The old harbour", text=OLD.format(1988))
    library.index(folder)
    assert "1988" in library.ask(WHEN).text
    first, delta = current(library)
    assert first == base
    write(folder / "zoo.md", title="Zoo", text="The zoo has a new tiger named Bella.")
    library.index(folder)
    again, second = current(library)
    assert again == base
    assert second != delta
    assert "1988" in library.ask(WHEN).text
    assert "Bella" in library.ask("What is the name of the new tiger in the zoo?").text
    (folder / "zoo.md").unlink()
    library.index(folder)
    assert current(library) == (base, second)
    assert not any(hit.passage.article.id == "zoo.md" for hit in library.search("tiger Bella zoo")[0])
    assert library.check() == ""


def test_what_lies_outside_of_the_base_is_merged_into_it_when_it_is_too_much(make: Make, folder: Path) -> None:
    library = make()
    library.index(folder)
    write(folder / "harbour.md", title="The old harbour", text=OLD.format(1988))
    library.index(folder)
    assert len(current(library)) == 2
    library.close()
    library = make(library__delta_share=0.2)
    assert library.index(folder).unchanged == 3
    assert len(current(library)) == 1
    assert "1988" in library.ask(WHEN).text
    assert library.check() == ""


def test_a_rollback_returns_to_what_was_before_and_the_next_reindex_goes_on_from_there(
    make: Make, folder: Path
) -> None:
    library, reader = make(), make()
    library.index(folder)
    write(folder / "harbour.md", title="The old harbour", text=OLD.format(1988))
    (folder / "bakery.md").unlink()
    library.index(folder)
    assert "1988" in reader.ask(WHEN).text
    assert not library.held
    back = library.rollback()
    assert (back.number, back.articles, library.held) == (1, 3, True)
    for one in (library, reader):
        assert "1987" in one.ask(WHEN).text
        assert one.ask("Who owns the bakery Morgenrot?").answered
    assert library.check() == ""
    with pytest.raises(NothingToUndo, match="no earlier revision"):
        library.rollback()
    report = library.index(folder)
    assert (report.changed, report.removed, report.revision, report.embedded) == (1, 1, 3, 0)
    assert not library.held
    for one in (library, reader):
        assert "1988" in one.ask(WHEN).text
    assert library.check() == ""
    assert "1987" in (library.rollback() and library.ask(WHEN).text)


def test_a_rollback_waits_for_nobody_who_indexes(make: Make, folder: Path) -> None:
    library = make()
    library.index(folder)
    with library._ledger.alone(doing="indexing"), pytest.raises(Busy, match="indexing since"):
        library.rollback()


def test_a_damaged_delta_is_rebuilt_and_the_base_is_left_alone(make: Make, folder: Path) -> None:
    library = make()
    library.index(folder)
    write(folder / "harbour.md", title="The old harbour", text=OLD.format(1988))
    library.index(folder)
    base, delta = current(library)
    library.close()
    library = make()
    library._store.remove(delta)
    assert "1988" in library.ask(WHEN).text
    assert current(library)[0] == base
    assert delta not in library._store.names()
    assert library.check() == ""


def test_a_plan_says_what_would_change_and_changes_nothing(make: Make, folder: Path) -> None:
    library = make()
    first = library.plan(folder)
    assert (first.served, first.added, first.changes, first.consent) == (0, 3, True, False)
    library.index(folder)
    assert not library.plan(folder).changes
    write(folder / "harbour.md", title="The old harbour", text=HARBOUR.replace("1987", "1988"))
    write(folder / "zoo.md", title="Zoo", text="The zoo has a new tiger named Bella.")
    (folder / "bakery.md").unlink()
    (folder / "broken.txt").write_bytes(b"")
    before = library.revision()
    plan = library.plan(folder)
    assert (plan.added, plan.changed, plan.removed, plan.unchanged, plan.served) == (1, 1, 1, 1, 3)
    assert [failure.name for failure in plan.failures] == ["broken.txt"]
    assert not plan.consent
    assert library.revision() == before
    assert "1987" in library.ask(WHEN).text
    report = library.index(folder)
    assert (report.added, report.changed, report.removed) == (1, 1, 1)


def test_much_is_removed_only_with_consent(make: Make, folder: Path) -> None:
    library = make()
    library.index(folder)
    (folder / "bakery.md").unlink()
    (folder / "library.md").unlink()
    assert library.plan(folder).consent
    with pytest.raises(TooMuchGone, match=r"remove 2 of 3 articles.*Nothing was changed.*--yes"):
        library.index(folder)
    assert library.ask("Who owns the bakery Morgenrot?").answered
    assert library.index(folder, agreed=True).removed == 2


def test_a_reindex_while_the_server_is_away_changes_nothing(
    make_library: MakeLibrary, folder: Path, tmp_path: Path
) -> None:
    with chroma_server(tmp_path / "chroma") as url:
        library = make_library(store__url=url)
        library.index(folder)
    write(folder / "harbour.md", title="The old harbour", text=OLD.format(1988))
    with pytest.raises(StoreUnavailable, match=r"\[store\] url"):
        library.index(folder)
    with pytest.raises(StoreUnavailable, match=r"\[store\] url"):
        library.ask(WHEN)
    library.close()
    with chroma_server(tmp_path / "chroma") as url:
        library = make_library(store__url=url)
        assert "1987" in library.ask(WHEN).text
        assert library.index(folder).changed == 1
        assert "1988" in library.ask(WHEN).text
        library.close()


def test_collections_that_nobody_needs_are_removed_from_the_server(
    make_library: MakeLibrary, folder: Path, server: str
) -> None:
    library = make_library(store__url=server)
    for year in range(1990, 1995):
        write(folder / "harbour.md", title="The old harbour", text=OLD.format(year))
        library.index(folder)
    store = Server(server, token="", library=library._ledger.library)
    assert len(store.names()) <= 3
    store.close()


def test_a_tenant_and_a_database_of_a_server_keep_the_collections(
    make_library: MakeLibrary, folder: Path, server: str
) -> None:
    httpx.post(f"{server}/api/v2/tenants", json={"name": "press"}).raise_for_status()
    httpx.post(f"{server}/api/v2/tenants/press/databases", json={"name": "archive"}).raise_for_status()
    library = make_library(store__url=f"{server}/press/archive", store__token=SecretStr("a key of the cloud's"))
    library.index(folder)
    assert "1987" in library.ask(WHEN).text
    kept = httpx.get(f"{server}/api/v2/tenants/press/databases/archive/collections").json()
    assert [one["name"].endswith(current(library)[0]) for one in kept] == [True]


def test_a_tenant_that_is_not_there_is_one_clear_sentence(make_library: MakeLibrary, folder: Path, server: str) -> None:
    library = make_library(store__url=f"{server}/nobody/nothing")
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        library.index(folder)
