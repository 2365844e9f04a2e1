"""Articles by hand on the command line: add pages and files, remove articles, list where articles come from."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from bot import words
from bot.terminal import as_json, screen
from index.articles.acquire import Sent, Understood
from index.errors import FootnoteError, NotIndexed, SourceError
from index.library import Library
from index.records import Article, ArticleId, Failure
from index.web.guard import named


def add(library: Library, chosen: argparse.Namespace) -> int:
    """Add pages and files; 1 where one of them could not be read."""
    understood: list[Understood] = []
    failures: list[Failure] = []
    for name in chosen.what:
        try:
            one = library.understand(_sent(library, name))
            _check_twice(one, understood)
        except SourceError as error:
            failures.append(Failure(named(name), str(error)))
            continue
        understood.append(one)
        if not chosen.json:
            screen.show(words.understood_as(one))
    report = None
    if understood:
        with screen.Bar(quiet=chosen.json) as bar:
            report = library.add([one.sent for one in understood], later=chosen.later, watch=bar)
    if chosen.json:
        screen.show_object(as_json.added(understood, failures, report))
    elif report is not None:
        screen.show(words.report(report))
    elif understood:
        screen.show(words.ADDED_LATER)
    for failure in failures:
        screen.complain(f"{failure.name} {failure.reason}.")
    return 1 if failures else 0


def remove(library: Library, chosen: argparse.Namespace) -> int:
    """Remove articles by id or address, once somebody agreed."""
    ids = list(_found(library, chosen.what))
    library.check_removal(ids)
    if not chosen.yes:
        if not sys.stdin.isatty():
            raise FootnoteError(words.REMOVE_NEEDS_YES)
        if not screen.agrees(words.ask_removal([_known(library, id_) for id_ in ids])):
            screen.tell(words.NOT_REMOVED)
            return 1
    with screen.Bar(quiet=chosen.json) as bar:
        report = library.remove(ids, watch=bar)
    if chosen.json:
        screen.show_object(as_json.removed(ids, report))
    else:
        screen.show(words.report(report) if report else words.removed_unread(ids))
    return 0


def sources(library: Library, chosen: argparse.Namespace) -> int:
    """List where articles come from."""
    found = library.sources()
    screen.show(words.supplies(found), form=as_json.supplies(found) if chosen.json else None)
    return 0


def _sent(library: Library, name: str) -> Sent:
    if name.lower().startswith(("http://", "https://")):
        return library.fetch(name)
    path = Path(name).expanduser()
    try:
        with path.open("rb") as file:
            data = file.read(library.largest + 1)
    except OSError as error:
        message = f"cannot be read: {(error.strerror or 'input/output error').lower()}"
        raise SourceError(message) from error
    return library.file(path.name, data)


def _check_twice(one: Understood, others: list[Understood]) -> None:
    if any(other.sent.key == one.sent.key for other in others):
        message = "has the name or the address of one before it: two cannot be told apart. Rename one, or name it alone"
        raise SourceError(message)


def _found(library: Library, names: list[str]) -> Iterator[ArticleId]:
    """Yield the ids that names mean, each once.

    Raises:
        FootnoteError: one means nothing, or several articles.
    """
    seen: set[ArticleId] = set()
    for name in names:
        ids = library.find(name)
        if not ids:
            message = f"No article has the id or the address {name}. `footnote search` and `footnote sources` may help."
            raise FootnoteError(message)
        if len(ids) > 1:
            message = f"{name} is the address of {len(ids)} articles. Name one by its id: {', '.join(ids)}"
            raise FootnoteError(message)
        if ids[0] not in seen:
            seen.add(ids[0])
            yield ids[0]


def _known(library: Library, id_: ArticleId) -> Article:
    """Return an article as it is served; of one that was never indexed, only its id."""
    try:
        served = library.article(id_)
    except NotIndexed:
        served = None
    return served or Article(id=id_, title=id_, text="")
