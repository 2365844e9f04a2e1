"""The processes that read articles: what comes of a file is the same, what becomes of its reader nobody's trouble."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from index.articles.sources import SUFFIXES
from index.errors import Cancelled, Died, SourceError
from index.formats.extract import extract
from index.library import seeds
from index.reading import confine, parsers, parsing
from index.reading.parsers import Limits, Parsers
from index.records import ArticleId
from index.system import child
from tests import hostile
from tests.conftest import ROOT, MakeLibrary, until, write

SLOW = b"*a " * 1_000_000
"""Markdown that takes 20 seconds and more."""


@pytest.fixture(autouse=True)
def _processes_are_started_as_everybodys_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "subprocess", subprocess)


@pytest.fixture(scope="module")
def shared() -> Iterator[Parsers]:
    with Parsers(Limits(), most=1) as made:
        yield made


def read(made: Parsers, name: str, data: bytes) -> object:
    """Return the article, or why there is none."""
    try:
        return made.extract(ArticleId(name), data)
    except SourceError as error:
        return str(error)


def here(name: str, data: bytes) -> object:
    """Return the same, of this process."""
    try:
        made = extract(ArticleId(name), data)
        return replace(made, language=parsing.prepare().language(made.text, stated=made.language))
    except SourceError as error:
        return str(error)


def only(made: Parsers) -> psutil.Process:
    (parser,) = made._alive
    return psutil.Process(parser._child.pid)


def later(work: Callable[[], object], seconds: float = 0.5) -> None:
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()


@pytest.mark.parametrize("name", [name for name in hostile.sound() if Path(name).suffix in SUFFIXES])
def test_a_sound_file_of_each_kind_is_read_as_it_is_read_without_limits(shared: Parsers, name: str) -> None:
    data = hostile.sound()[name]
    assert read(shared, name, data) == here(name, data)


def test_there_is_a_sound_file_of_each_kind() -> None:
    assert {Path(name).suffix for name in hostile.sound()} >= SUFFIXES - {".jsonl"}  # is cut into lines, and not parsed


def test_the_seeds_and_what_is_no_article_are_read_the_same(shared: Parsers) -> None:
    files = {path.name: path.read_bytes() for path in seeds().glob("*.md")}
    files |= {"empty.md": b"", "binary.txt": bytes(range(256)) * 4, "none.html": b"<nav>x</nav>", "other.png": b"x"}
    files |= {f"{code}.txt": "Ξένος Gäste".encode(code, "replace") for code in ("utf-16", "cp1253", "utf-32")}
    files |= {f"{code}.html": f'<meta charset="{code}"><p>日本'.encode(code) for code in ("euc-jp", "gb18030", "big5")}
    assert {name: read(shared, name, data) for name, data in files.items()} == {
        name: here(name, data) for name, data in files.items()
    }


def test_an_article_comes_with_its_language_and_whoever_asked_loads_nothing_for_that(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Der alte Hafen wurde 1987 für Frachtschiffe geschlossen, der Rat will dort bauen.")
    line = {"id": "b", "text": "Старую гавань закрыли для грузовых судов, и теперь совет хочет построить там жильё."}
    (tmp_path / "b.jsonl").write_text(json.dumps(line))
    (tmp_path / "ask").write_text(ASKING)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    asking = [sys.executable, str(tmp_path / "ask"), str(tmp_path)]
    said = subprocess.run(asking, env=env, capture_output=True, check=True, text=True).stdout
    assert json.loads(said) == [{"a.txt": "de", "b.jsonl#b": "ru"}, []]


ASKING = """
import json
import sys
from pathlib import Path
from index.library import Library
from index.reading.parsers import Limits, Parsers
from index.articles.survey import Survey
with Parsers(Limits(), most=1) as made:
    survey = Survey(Path(sys.argv[1]), largest=10**6, extract=made.extract, tell=made.tell)
    told = {found.id: found.load().parse().language for found in survey}
print(json.dumps([told, [name for name in ("py3langid", "feedparser", "pypdfium2") if name in sys.modules]]))
"""


def test_half_a_character_and_a_nul_arrive_as_what_can_be_stored(shared: Parsers) -> None:
    article = shared.extract(ArticleId("a\udce9.html"), b"<title>&#xD83D; t</title><p>a&#xDC00;b</p>" + b"c" * 100)
    assert "\0" not in article.text
    (article.text + article.title).encode()


def test_what_takes_too_long_is_a_failure_and_the_next_file_is_read() -> None:
    with Parsers(Limits(seconds=1), most=1) as made:
        read(made, "a.txt", b"Title\n\nWords.")
        started = time.process_time(), time.monotonic()
        assert read(made, "slow.md", SLOW) == "takes more than 1 seconds to read ([library] parse_seconds)"
        assert time.process_time() - started[0] < 1  # it is not this process that tries
        assert time.monotonic() - started[1] < 30
        assert "Words." in str(read(made, "a.txt", b"Title\n\nWords."))


def test_a_reader_that_sleeps_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsers, "LEISURE", 1)
    with Parsers(Limits(seconds=1), most=1) as made:
        read(made, "a.txt", b"Title\n\nWords.")
        asleep = only(made)
        asleep.suspend()
        assert read(made, "b.txt", b"Title\n\nWords.") == "takes more than 1 seconds to read ([library] parse_seconds)"
        assert not asleep.is_running()
        assert not made._alive


def test_what_needs_too_much_memory_is_a_failure_and_is_never_given_it() -> None:
    with Parsers(Limits(megabytes=64), most=1) as made:
        read(made, "a.txt", b"Title\n\nWords.")
        watched, most, over = only(made), [0], threading.Event()
        before = watched.memory_info().rss

        def watch() -> None:
            while not over.wait(0.005):
                try:
                    most.append(watched.memory_info().rss)
                except psutil.NoSuchProcess:
                    return

        thread = threading.Thread(target=watch)
        thread.start()
        reason = read(made, "many.html", b"<p>a</p>" * 1_000_000)
        over.set()
        thread.join()
        assert reason == "needs more than 64 MB of memory to be read ([library] parse_mb)"
        assert before + 30_000_000 < max(most) < before + 70_000_000
        assert "Words." in str(read(made, "a.txt", b"Title\n\nWords."))


def test_more_text_than_a_file_may_have_bytes_is_a_failure() -> None:
    with Parsers(Limits(largest=1_000), most=1) as made:
        assert read(made, "a.txt", b"Title\n\n" + b"word " * 300) == "holds 1,499 characters of text, of at most 1,000"


@pytest.mark.parametrize(
    "told, reason", [(signal.SIGSEGV, "made the program"), (signal.SIGKILL, "needs more than 512")]
)
def test_a_reader_that_dies_over_a_file_is_replaced(told: signal.Signals, reason: str) -> None:
    with Parsers(Limits(), most=1) as made:
        read(made, "a.txt", b"Title\n\nWords.")
        later(lambda: only(made).send_signal(told))
        assert str(read(made, "slow.md", SLOW)).startswith(reason)
        assert "Words." in str(read(made, "a.txt", b"Title\n\nWords."))


LIVES_ON = """
import os, signal, time
signal.signal(signal.SIGUSR1, lambda *_: (os.closerange(0, 999), time.sleep(100)))
"""


def test_a_reader_that_closes_its_pipes_and_lives_on_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(LIVES_ON)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    monkeypatch.setattr(parsers, "_DYING", 0.5)
    with Parsers(Limits(), most=1) as made:
        read(made, "a.txt", b"Title\n\nWords.")
        living = only(made)
        later(lambda: living.send_signal(signal.SIGUSR1))
        started = time.monotonic()
        assert str(read(made, "slow.md", SLOW)).startswith("made the program")
        assert time.monotonic() - started < 50
        assert not living.is_running()
        assert "Words." in str(read(made, "a.txt", b"Title\n\nWords."))


def test_a_reader_that_dies_while_it_rests_costs_no_file() -> None:
    with Parsers(Limits(), most=1) as made:
        read(made, "a.txt", b"Title\n\nWords.")
        dead = only(made)
        dead.kill()
        until(lambda: dead.status() == psutil.STATUS_ZOMBIE)
        assert "Words." in str(read(made, "a.txt", b"Title\n\nWords."))


def test_closing_ends_what_is_being_read_at_once() -> None:
    made = Parsers(Limits(), most=1)
    read(made, "a.txt", b"Title\n\nWords.")
    process = only(made)
    started = time.monotonic()
    later(made.close)
    with ThreadPoolExecutor(3) as threads:
        both = [threads.submit(made.extract, ArticleId("slow.md"), SLOW) for _ in range(3)]
        ended = [str(one.exception()) for one in both]
    assert time.monotonic() - started < 10
    assert len([1 for words in ended if words.startswith("Stopped.")]) == 2
    assert not process.is_running()
    with pytest.raises(Cancelled):
        made.extract(ArticleId("a.txt"), b"Title\n\nWords.")


def test_as_many_read_at_once_as_may_once_files_have_to_wait() -> None:
    with Parsers(Limits(), most=2) as made, ThreadPoolExecutor(4) as threads:
        read(made, "a.txt", b"Title\n\nWords.")
        assert len(made._alive) == 1
        page = b"<p>" + hostile.WORDS.encode() * 20
        list(threads.map(lambda _: read(made, "t.html", page * 200), range(40)))
        assert len(made._alive) == 2


def test_what_cannot_be_started_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with Parsers(Limits()) as made, pytest.raises(Died, match=r"cannot be started .*No such file"):
        made.extract(ArticleId("a.txt"), b"Words.")


def test_what_breaks_at_its_start_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "lxml").mkdir()
    (tmp_path / "lxml" / "__init__.py").write_text("raise ImportError('this is not lxml')")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    with Parsers(Limits()) as made, pytest.raises(Died, match=r"cannot be started \(ImportError: this is not lxml\)"):
        made.extract(ArticleId("a.txt"), b"Words.")


def test_a_reader_is_told_no_secret_and_says_nothing_to_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FOOTNOTE_DATABASE_URL", "postgresql://u:secret@h/n")
    monkeypatch.setenv("SOMEBODYS_KEY", "secret")
    with Parsers(Limits(), most=1) as made:
        read(made, "a.md", b"---\na: [\n---\n")
        assert "secret" not in str(only(made).environ())
    assert capfd.readouterr() == ("", "")


PARENT = """
import sys
from index.reading.parsers import Limits, Parsers
made = Parsers(Limits(), most=1)
made.extract("a.txt", b"Title\\n\\nWords.")
print(*[parser._child.pid for parser in made._alive], flush=True)
made.extract("slow.md", b"*a " * 1_000_000)
"""


def test_readers_end_with_whoever_started_them_even_in_the_midst_of_a_file() -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, env=env) as parent:
        assert parent.stdout is not None
        reader = psutil.Process(int(parent.stdout.readline()))
        until(lambda: reader.cpu_percent(0.1) > 20)
        parent.kill()
        until(lambda: not reader.is_running() or reader.status() == psutil.STATUS_ZOMBIE, seconds=5)


def test_a_reindex_of_what_did_not_change_starts_no_process(
    make_library: MakeLibrary, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    real = child.start

    def start(module: str, *arguments: str, **named: object) -> object:
        started.append(module)
        return real(module, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(child, "start", start)
    library = make_library()
    library.index(folder)
    assert started.count("index.reading.parsing") == 1  # three small files: a second one would cost more than it saves
    started.clear()
    assert library.index(folder).unchanged == 3
    library.plan(folder)
    write(folder / "new.md", title="New", text="A new mill was built.")
    library.plan(folder)
    assert not started


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are told by Linux only")
def test_a_reader_has_no_network_and_can_open_write_and_start_nothing(shared: Parsers) -> None:
    read(shared, "a.txt", b"Title\n\nWords.")
    process = only(shared)
    for kind in (psutil.RLIMIT_NOFILE, psutil.RLIMIT_FSIZE, psutil.RLIMIT_NPROC, psutil.RLIMIT_CORE):
        assert process.rlimit(kind) == (0, 0)
    if os.geteuid() == 0:  # others may not look, and may not be allowed to make one
        assert Path(f"/proc/{process.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()
    status = Path(f"/proc/{process.pid}/status").read_text()
    assert "NoNewPrivs:\t1" in status
    assert "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000" in status


TAKEN_OVER = """
import ctypes, errno, os, sys
from index.reading.confine import confine
libc = ctypes.CDLL(None, use_errno=True)
kept, folder = sys.argv[1].encode(), sys.argv[2].encode()
confine()
tried = {
    "unlink": lambda: libc.unlink(kept),
    "rename": lambda: libc.rename(kept, kept + b"2"),
    "mkdir": lambda: libc.mkdir(folder, 0o700),
    "execute": lambda: libc.execl(b"/bin/true", b"true", None),
    "truncate": lambda: libc.truncate(kept, ctypes.c_long(0)),
    "kill": lambda: libc.kill(os.getppid(), 0),
}
for name, call in tried.items():
    print(name, call() and errno.errorcode[ctypes.get_errno()], flush=True)
"""


@pytest.mark.skipif(not confine.landlock(), reason="this system has no Landlock")
def test_native_code_of_a_reader_can_do_nothing_to_paths_and_other_processes(tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("Words.")
    command = [sys.executable, "-c", TAKEN_OVER, str(kept), str(tmp_path / "made")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    said = dict(line.split() for line in done.stdout.splitlines())
    assert {said[name] for name in ("unlink", "rename", "mkdir", "execute")} == {"EACCES"}, done.stderr
    if confine.landlock() >= 3:
        assert said["truncate"] == "EACCES"
        assert kept.read_text() == "Words."
    if confine.landlock() >= 6:
        assert said["kill"] == "EPERM"
    assert list(tmp_path.iterdir()) == [kept]
