"""A real PostgreSQL on loopback, in a folder and on a port of its own; a fresh database for each who asks for one.

Debian's packages are enough (`apt-get install postgresql`): no cluster of the system is touched.
"""

import getpass
import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PASSWORD = "a p/ss:w@rd"
"""With all that must be percent-encoded in an address, so that every test also tests that."""

QUOTED = "a%20p%2Fss%3Aw%40rd"

_SETTINGS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "unix_socket_directories=")
"""What is killed here are our processes, not the machine, so nothing need reach the disk. No socket but on loopback."""


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest where there are several; None where there are none."""
    found = shutil.which("initdb")
    places = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    newest = max(places, key=lambda place: int(place.parent.name), default=None)
    return newest or (Path(found).parent if found else None)


@dataclass
class Postgres:
    """A server. Give it a folder that does not exist yet."""

    folder: Path
    port: int = 0
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def create(self) -> None:
        """Make its folder, and a user who needs a password."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder.mkdir(parents=True)
        secret = self.folder.with_name(f"{self.folder.name}.password")
        secret.write_text(PASSWORD)
        if os.geteuid() == 0:  # it refuses to run as root
            os.chown(self.folder, pwd.getpwnam(_USER).pw_uid, -1)
            os.chown(secret, pwd.getpwnam(_USER).pw_uid, -1)
        initdb = ("initdb", "-D", self.folder, "-U", "footnote", "--pwfile", secret, "-A", "scram-sha-256")
        self._run(*initdb, "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")

    def start(self) -> None:
        """Start it; it answers when this returns."""
        options = " ".join(f"-c {setting}" for setting in _SETTINGS)
        options += f" -c listen_addresses=127.0.0.1 -c port={self.port}"
        self._run("pg_ctl", "start", "-w", "-D", self.folder, "-l", self.folder / "log", "-o", options)

    def stop(self) -> None:
        """Stop it and cut all connections."""
        self._run("pg_ctl", "stop", "-w", "-m", "fast", "-D", self.folder)

    def restart(self) -> None:
        """Stop it and start it."""
        self.stop()
        self.start()

    def database(self) -> str:
        """Make a new database; return its address."""
        name = f"library_{next(self._numbers)}"
        self.sql("postgres", f"CREATE DATABASE {name} TEMPLATE template0")
        return self.address(name)

    def address(self, name: str) -> str:
        """Return the address of a database."""
        return f"postgresql://footnote:{QUOTED}@127.0.0.1:{self.port}/{name}"

    def sql(self, name: str, statement: str) -> str:
        """Let the server's own client run a statement in a database; return the values it prints."""
        client = ("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port))
        return self._run(*client, "-U", "footnote", "-d", name, "-c", statement).strip()

    def _run(self, program: str, *arguments: str | Path) -> str:
        place = programs()
        assert place is not None
        command = [*_as_somebody(), str(place / program), *map(str, arguments)]
        env = {**os.environ, "PGPASSWORD": PASSWORD, "LC_ALL": "C"}
        # Not a pipe for the server's own output, which it would hold open for as long as it runs.
        silent = "start" in arguments
        done = subprocess.run(
            command,
            check=False,
            cwd="/",
            env=env,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if silent else subprocess.PIPE,
            stderr=subprocess.DEVNULL if silent else subprocess.STDOUT,
            timeout=60,
        )
        if done.returncode:
            log = self.folder / "log"
            raise RuntimeError(f"{program}: {done.stdout or (log.read_text()[-2_000:] if log.exists() else '')}")
        return done.stdout or ""


_USER = "postgres"


def _as_somebody() -> Sequence[str]:
    """Return what to put before a command: as root, what gives root up."""
    if os.geteuid() != 0:
        return ()
    return ("runuser", "-u", _USER, "--") if shutil.which("runuser") else ("setpriv", "--reuid", _USER, "--init-groups")


def obstacle() -> str:
    """Return why there can be no PostgreSQL here, or nothing."""
    if programs() is None:
        return "PostgreSQL is not installed (apt-get install postgresql)"
    if os.geteuid() == 0:
        try:
            pwd.getpwnam(_USER)
        except KeyError:
            return f"PostgreSQL refuses to run as {getpass.getuser()}, and there is no user {_USER!r}"
        if not (shutil.which("runuser") or shutil.which("setpriv")):
            return "PostgreSQL refuses to run as root, and there is neither runuser nor setpriv"
    return ""


@contextmanager
def server() -> Iterator[Postgres]:
    """Run a server in a new folder; skip the test where there can be none."""
    if why := obstacle():
        pytest.skip(why)
    # Not in a folder of pytest's, which nobody but the one who runs it may enter.
    with tempfile.TemporaryDirectory(prefix="footnote-postgres-") as place:
        Path(place).chmod(0o711)
        made = Postgres(Path(place) / "data")
        made.create()
        made.start()
        try:
            yield made
        finally:
            with suppress(RuntimeError):  # a test may have stopped it
                made.stop()
