"""Adding and removing by hand change what was asked for and nothing else, whatever comes in between."""

import shutil
from pathlib import Path

import pytest

from index.errors import Cancelled, TooMuchGone
from index.library import Library
from index.records import ArticleId
from tests.conftest import MakeLibrary

MILL = ArticleId("added:mill.txt")
TEXT = b"The mill of Aldby was sold\n\nThe mill of Aldby was sold to a brewer from Vessel in March."


def held(library: Library) -> set[str]:
    return {article.id for article in library.newest(limit=100)}


def test_a_removal_that_is_stopped_leaves_the_article_as_it_was(own_library: Library) -> None:
    own_library.add([own_library.file("mill.txt", TEXT)])
    before = held(own_library)
    with pytest.raises(Cancelled):
        own_library.remove([MILL], stop=lambda: True)
    own_library.check_removal([MILL])
    own_library.index()
    assert held(own_library) == before
    assert MILL in before


def test_what_a_rollback_brought_back_can_be_removed_again(own_library: Library) -> None:
    own_library.add([own_library.file("mill.txt", TEXT)])
    own_library.remove([MILL])
    own_library.rollback()
    assert MILL in held(own_library)
    own_library.remove([MILL])
    assert MILL not in held(own_library)


def test_adding_and_removing_do_not_end_the_rest_after_a_rollback(own_library: Library, folder: Path) -> None:
    (folder / "ferry.md").write_text("# The ferry\n\nThe ferry to Vessel will be replaced in spring.")
    own_library.index()
    own_library.rollback()
    own_library.add([own_library.file("mill.txt", TEXT)])
    assert own_library.held
    own_library.remove([MILL])
    assert own_library.held
    own_library.index()
    assert not own_library.held


def test_with_another_model_an_addition_does_not_remove_what_is_missing_in_the_folder(
    make_library: MakeLibrary, own_library: Library, folder: Path
) -> None:
    before = held(own_library)
    for path in sorted(folder.iterdir())[:-1]:
        shutil.move(path, folder.parent / path.name)
    other = make_library(library__articles=str(folder), chunk__size=60)
    with pytest.raises(TooMuchGone):
        other.add([other.file("mill.txt", TEXT)])
    assert held(own_library) == before
