"""The command `footnote`: reads arguments and settings, then does one thing. Heavy imports wait until needed."""

import argparse
import datetime as dt
import errno
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from config import Settings
    from index.library import Library

Command = Callable[["Settings", argparse.Namespace], int]


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
"""Why an output takes nothing: it is a file on a full disk, or closed. What is wrong elsewhere is said by who wrote."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code: 0 done, 1 failed with a message, 2 wrong arguments."""
    _prepare_streams()
    chosen = _parser().parse_args(arguments)
    if chosen.command is None:
        _parser().print_help()
        return 2
    from config.errors import FootnoteError  # noqa: PLC0415  brings pydantic, which --help need not wait for
    from config.log import redact  # noqa: PLC0415

    ending = _Ending()
    try:
        with ending.heard():
            code = int(chosen.run(_settings(chosen), chosen))
            sys.stdout.flush()
    except FootnoteError as error:
        print(f"footnote: {redact(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stopped:
        print(f"\nfootnote: {str(stopped) or 'stopped.'}", file=sys.stderr)
        return ending.code
    except BrokenPipeError:  # the reader of our output has seen enough
        _show_no_more()
        return 0
    except OSError as error:
        if error.filename is not None or error.errno not in _FULL:
            raise
        _show_no_more()
        print(f"footnote: the output cannot be written ({(error.strerror or str(error)).lower()}).", file=sys.stderr)
        return 1
    return code


def _prepare_streams() -> None:
    """Show what a terminal has no letters for by its number; read and write nothing where nothing is open."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.stdin, sys.stdout = sys.stdin or io.StringIO(), sys.stdout or io.StringIO()


def _show_no_more() -> None:
    """Throw away what is still to be written, or Python complains at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Ending:
    """Ends the program at Ctrl-C and at SIGTERM alike: as KeyboardInterrupt; at the second one, at once."""

    code = 128 + signal.SIGINT
    _asked = False

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Listen meanwhile."""
        both = (signal.SIGINT, signal.SIGTERM)
        heeded = [number for number in both if signal.getsignal(number) is not signal.SIG_IGN]  # nohup, and `… &`
        before = {number: signal.signal(number, self._hear) for number in heeded}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, _: FrameType | None) -> None:
        if self._asked:
            os._exit(self.code)
        self._asked, self.code = True, 128 + number
        raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="footnote", description="Answers questions from your articles, and proves every answer word for word."
    )
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    ask = _add(commands, "ask", _ask, "answer one question", "question", as_json=True)
    ask.add_argument("--why", action="store_true", help="show what was found, and how it was judged")
    search = _add(commands, "search", _search, "show the passages nearest to a question", "question", as_json=True)
    search.add_argument("--limit", type=_positive, metavar="N", help="how many passages (default: retrieval.passages)")
    _add(commands, "chat", _chat, "ask questions in the terminal")
    index = _add(commands, "index", _index, "read a folder of articles into the library", as_json=True)
    index.add_argument("folder", nargs="?", type=Path, help="default: the folder indexed last, at first the seeds")
    either = index.add_mutually_exclusive_group()
    either.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    either.add_argument("--watch", action="store_true", help="index again whenever the folder has changed")
    index.add_argument("--yes", action="store_true", help="agree to what is removed now, however much")
    add = _add(commands, "add", _collecting("add"), "add pages of the web, or files, to the library", as_json=True)
    add.add_argument("what", nargs="+", metavar="URL|FILE", help="pages or files; they stay until removed")
    add.add_argument("--later", action="store_true", help="keep them, and index them with the next reindex")
    remove = _add(commands, "remove", _collecting("remove"), "remove articles that were added or fetched", as_json=True)
    remove.add_argument("what", nargs="+", metavar="ID|URL", help="ids or addresses of articles")
    remove.add_argument("--yes", action="store_true", help="do not ask")
    _add(commands, "sources", _collecting("sources"), "list where the articles come from", as_json=True)
    _add(commands, "rollback", _rollback, "return to the articles before the last indexing", as_json=True)
    _add(commands, "serve", _serve, "run the Telegram bot")
    run = _add(commands, "run", _run, "index what changed, then: a question, the bot, or the chat")
    run.add_argument("question", nargs="?", help="answer this and exit")
    _add(commands, "status", _status, "say what the library holds", as_json=True)
    _add(commands, "doctor", _operating("doctor"), "check everything, with a remedy for what is wrong")
    backup = _add(commands, "backup", _operating("backup"), "write a copy of the library into a file, while it is used")
    backup.add_argument("file", type=Path, help="a name that ends in .tar.gz")
    backup.add_argument("--force", action="store_true", help="replace the file where it exists")
    restore = _add(commands, "restore", _operating("restore"), "put such a copy in the place of the library")
    restore.add_argument("file", type=Path, help="what `footnote backup` wrote")
    evaluate = _add(commands, "eval", _eval, "ask a set of questions with known answers, and measure", as_json=True)
    evaluate.add_argument("folder", type=Path, help="holds queries.jsonl, and corpus.jsonl or articles")
    evaluate.add_argument("--runs", type=Path, metavar="FILE", help="write a JSON line per question")
    evaluate.add_argument("--limit", type=_positive, metavar="N", help="ask only N questions, drawn at random")
    evaluate.add_argument("--no-history", action="store_true", help="ask without the turns before a question")
    evaluate.add_argument("--seed", type=int, default=0, metavar="N", help="which N questions (default: 0)")
    evaluate.add_argument("--today", type=_date, metavar="DATE", help='the day that "last week" is counted from')
    calibrate = _add(commands, "calibrate", _calibrate, "fit the judge to questions about your articles")
    calibrate.add_argument("folder", type=Path, help="holds queries.jsonl: questions about the articles of the library")
    return parser


def _add(
    commands: Any,  # noqa: ANN401  argparse keeps the type of sub-parsers private
    name: str,
    run: Command,
    what: str,
    *positional: str,
    as_json: bool = False,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=what, description=what[0].upper() + what[1:] + ".")
    parser.set_defaults(command=name, run=run)
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="settings (default: footnote.toml, if there is one)"
    )
    parser.add_argument("--data", metavar="DIR", help="where all that is stored lives (default: footnote-data)")
    for argument in positional:
        parser.add_argument(argument)
    if as_json:
        parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        message = "must be at least 1"
        raise argparse.ArgumentTypeError(message)
    return number


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        message = "must be a date like 2026-11-24"
        raise argparse.ArgumentTypeError(message) from error


def _settings(chosen: argparse.Namespace) -> "Settings":
    from config import load, log  # noqa: PLC0415
    from config.layers import secrets  # noqa: PLC0415

    flags = {"library.data": chosen.data} if chosen.data is not None else {}
    settings = load(chosen.config, flags=flags)
    # One command answers on standard output; only the bot, which runs for months, tells what it does.
    quiet = {} if chosen.command in ("serve", "run") else {"level": "warning"}
    log.start(settings.log.model_copy(update=quiet), secrets=secrets(settings))
    return settings


def _library(settings: "Settings", *, today: Callable[[], dt.date] = dt.date.today) -> "Library":
    from index.library import Library  # noqa: PLC0415

    return Library(settings, today=today)


def _ask(settings: "Settings", chosen: argparse.Namespace) -> int:
    with _library(settings) as library:
        return _answer(library, chosen.question, as_json=chosen.json, why=chosen.why)


def _answer(library: "Library", question: str, *, as_json: bool, why: bool = False) -> int:
    from bot.terminal import as_json as form  # noqa: PLC0415
    from bot.terminal import screen  # noqa: PLC0415

    answer = library.ask(question)
    if as_json:
        screen.show_object(form.why(answer) if why else form.answer(answer))
        return 0
    screen.show_answer(answer, sys.stdout)
    if why:
        screen.show_why(answer, sys.stdout)
    return 0


def _search(settings: "Settings", chosen: argparse.Namespace) -> int:
    from bot.terminal import as_json, screen  # noqa: PLC0415

    with _library(settings) as library:
        hits, timings = library.search(chosen.question, limit=chosen.limit)
    if chosen.json:
        screen.show_object(as_json.hits(chosen.question, hits, timings))
    else:
        screen.show_hits(hits, sys.stdout)
    return 0


def _chat(settings: "Settings", _: argparse.Namespace) -> int:
    with _library(settings) as library:
        return _talk(library)


def _talk(library: "Library") -> int:
    from bot import words  # noqa: PLC0415
    from bot.terminal import screen  # noqa: PLC0415

    library.warm()
    interactive = sys.stdin.isatty()
    if interactive:
        import readline  # noqa: F401, PLC0415  gives the prompt its editing keys

        screen.tell(words.CHAT_HOW)

    def prompt() -> None:
        if interactive:
            print("? ", end="", flush=True)

    screen.chat(library, lines=sys.stdin, out=sys.stdout, prompt=prompt)
    return 0


def _index(settings: "Settings", chosen: argparse.Namespace) -> int:
    from bot.terminal import indexing  # noqa: PLC0415

    with _library(settings) as library:
        return indexing.index(library, chosen)


def _collecting(name: str) -> Command:
    def run(settings: "Settings", chosen: argparse.Namespace) -> int:
        from bot.terminal import collecting  # noqa: PLC0415

        with _library(settings) as library:
            return int(getattr(collecting, name)(library, chosen))

    return run


def _rollback(settings: "Settings", chosen: argparse.Namespace) -> int:
    from bot.terminal import indexing  # noqa: PLC0415

    with _library(settings) as library:
        return indexing.rollback(library, chosen)


def _serve(settings: "Settings", _: argparse.Namespace) -> int:
    from bot import app  # noqa: PLC0415

    with _library(settings) as library:
        return app.serve(library, settings)


def _run(settings: "Settings", chosen: argparse.Namespace) -> int:
    from bot import app, words  # noqa: PLC0415
    from bot.terminal import indexing  # noqa: PLC0415

    with _library(settings) as library:
        indexing.before_serving(library)
        if chosen.question:
            return _answer(library, chosen.question, as_json=False)
        if settings.telegram.token is not None:
            return app.serve(library, settings)
        print(words.IN_THE_TERMINAL, file=sys.stderr)
        return _talk(library)


def _status(settings: "Settings", chosen: argparse.Namespace) -> int:
    from bot import words  # noqa: PLC0415
    from bot.terminal import as_json, screen  # noqa: PLC0415

    every = settings.telegram.reindex_every
    with _library(settings) as library:
        status, failing = library.status(), words.failing(library.sources())
    held = words.status(status, every=every) if status.revision else words.nothing_indexed(status.data)
    said = "\n".join(filter(None, [held, failing]))
    screen.show(said, form=as_json.status(status, every=every) if chosen.json else None)
    return 0


def _operating(name: str) -> Command:
    def run(settings: "Settings", chosen: argparse.Namespace) -> int:
        from bot.terminal import operating  # noqa: PLC0415

        return int(getattr(operating, name)(settings, chosen))

    return run


def _eval(settings: "Settings", chosen: argparse.Namespace) -> int:
    from bot.terminal import as_json, screen  # noqa: PLC0415
    from index.quality import evaluate  # noqa: PLC0415
    from index.reading.parsers import Limits  # noqa: PLC0415

    if chosen.runs is not None:
        _writable(chosen.runs)
    questions = evaluate.questions(chosen.folder, limit=chosen.limit, seed=chosen.seed)
    texts = evaluate.texts(chosen.folder, Limits.of(settings.library))
    settings = settings.model_copy(update={"source": ()})  # the set is all that is asked about
    today = (lambda: chosen.today) if chosen.today else dt.date.today
    with _library(settings, today=today) as library, screen.Bar(quiet=chosen.json) as bar:
        report = library.index(evaluate.corpus(chosen.folder), watch=bar)
        library.warm()
        runs = list(evaluate.run(library, questions, history=not chosen.no_history, watch=bar))
    figures = {"articles": report.articles, "passages": report.passages, **evaluate.measure(runs, texts)}
    if chosen.runs is not None:
        with chosen.runs.open("w", encoding="utf-8") as file:
            evaluate.write(runs, file)
    if chosen.json:
        screen.show_object(as_json.figures(figures))
    else:
        screen.show_figures(figures, sys.stdout)
    if figures["verbatim"] < 1:
        print(
            "footnote: some quotes are not slices of their articles. This is a defect: please report it.",
            file=sys.stderr,
        )
        return 1
    return 0


def _calibrate(settings: "Settings", chosen: argparse.Namespace) -> int:
    from bot import words  # noqa: PLC0415
    from bot.terminal import screen  # noqa: PLC0415
    from index.asking import judge  # noqa: PLC0415
    from index.quality import calibrate, evaluate  # noqa: PLC0415

    questions = evaluate.questions(chosen.folder)
    with _library(settings) as library, screen.Bar() as bar:
        library.warm()
        seen = list(calibrate.samples(library, questions, watch=bar))
        made = calibrate.calibrate([seen], fitted=words.FITTED.format(count=len(seen), model=settings.embedding.model))
        made.judge.write(library.data / judge.FILE)
    print(words.CALIBRATED.format(summary=calibrate.summary(made.outcomes[0]), path=library.data / judge.FILE))
    return 0


def _writable(path: Path) -> None:
    """Find out before the hours of work that their result can be written."""
    from config.errors import FootnoteError  # noqa: PLC0415

    try:
        path.open("a").close()
    except OSError as error:
        message = (
            f"{path} cannot be written: {(error.strerror or 'unknown error').lower()}. Name another file for --runs."
        )
        raise FootnoteError(message) from error


if __name__ == "__main__":
    sys.exit(main())
