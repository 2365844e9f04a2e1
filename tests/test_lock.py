"""One holder at a time, freed by the kernel when it dies."""

import subprocess
import sys
from pathlib import Path

import pytest

from index.errors import Busy
from index.system.lock import hold

HOLDER = """
import sys, time
from pathlib import Path
from index.system.lock import hold
with hold(Path(sys.argv[1]), "writer", doing="indexing"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_is_told_who_holds_it_and_since_when(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Busy) as caught, hold(tmp_path, "writer", doing="indexing"):
            pytest.fail("two held it")
        holder.kill()
    assert f"process {holder.pid}" in str(caught.value)
    assert "indexing since 20" in str(caught.value)


def test_a_holder_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.kill()
    with hold(tmp_path, "writer", doing="indexing"):
        assert (tmp_path / "writer.json").is_file()
    assert not (tmp_path / "writer.json").exists()


def test_two_threads_of_one_process_exclude_each_other_too(tmp_path: Path) -> None:
    with (
        hold(tmp_path, "writer", doing="one thing"),
        pytest.raises(Busy, match="one thing"),
        hold(tmp_path, "writer", doing="another"),
    ):
        pytest.fail("two held it")


def test_different_names_do_not_exclude_each_other(tmp_path: Path) -> None:
    with hold(tmp_path, "writer", doing="a"), hold(tmp_path, "bot", doing="b"):
        assert (tmp_path / "bot.json").is_file()


def test_a_note_that_cannot_be_removed_keeps_nobody_out(tmp_path: Path) -> None:
    with hold(tmp_path, "writer", doing="indexing"):
        (tmp_path / "writer.json").unlink()
        (tmp_path / "writer.json").mkdir()
    with hold(tmp_path, "writer", doing="indexing"):
        pass
