"""Audits what is installed: all of it pinned, and none of it known to be vulnerable. `python -m tests.dependencies`.

pip-audit asks the public service about every pinned version, and a package it would skip is a failure. Where the
service cannot be reached that is said, in so many words, and is a failure with `--must` only; what is pinned is checked
in any case.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

LOCK = Path(__file__).parent.parent / "requirements.lock"

OURS = frozenset({"footnote-bot", "pip", "setuptools", "wheel"})
"""What Footnote is, and what installs it: no lock pins them."""

PROBE = "pip==23.0"
"""Something that the service knows, if it answers at all."""

ACCEPTED = {
    "CVE-2026-45829": "only Chroma's older server in Python has it, which Footnote never starts; README says so",
}
"""Vulnerabilities that do not concern us, each with its reason."""

SECONDS = 300

PIP_AUDIT = (sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--timeout=10", "--progress-spinner=off")


def unpinned(lock: str, installed: Iterable[tuple[str | None, str]]) -> list[str]:
    """Return what is installed and not pinned at that very version, in words."""
    pinned = {_normal(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE)}
    return [
        f"{name or 'a distribution without a name'} {version} is installed, and "
        f"{pinned.get(_normal(name or ''), 'nothing')} is pinned"
        for name, version in sorted(installed, key=str)
        # a local version, such as 2.13.0+cpu, is another build of the same source
        if pinned.get(_normal(name or "")) != version.partition("+")[0] and _normal(name or "") not in OURS
    ]


def answers(audit: Sequence[str]) -> bool:
    """Whether the service of vulnerabilities can be reached from here."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as probe:
        probe.write(f"{PROBE}\n")
        probe.flush()
        try:
            done = _run([*audit, "--format=json", "--requirement", probe.name])
            return all("vulns" in found for found in json.loads(done.stdout)["dependencies"])
        except (ValueError, KeyError, TypeError, subprocess.TimeoutExpired):
            return False


def main(arguments: Sequence[str] | None = None, *, audit: Sequence[str] = PIP_AUDIT, lock: Path = LOCK) -> int:
    """Audit; return 0 where nothing was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--must", action="store_true", help="fail where the service cannot be reached")
    chosen = parser.parse_args(arguments)
    installed = ((found.metadata["Name"], found.version) for found in distributions())
    if loose := unpinned(lock.read_text(encoding="utf-8"), installed):
        print("\n".join(loose), file=sys.stderr)
        print(f"Pin what is installed in {lock.name}, or install what is pinned there.", file=sys.stderr)
        return 1
    if audit is PIP_AUDIT and find_spec("pip_audit") is None:
        print("pip-audit is not installed. Install what pyproject.toml names under dev.", file=sys.stderr)
        return 1
    if not answers(audit):
        print(
            f"NOT AUDITED: the service of known vulnerabilities does not answer from here. All that is installed is "
            f"pinned in {lock.name}, and nobody was asked about it. Where the service can be reached: make audit",
            file=sys.stderr,
        )
        return 1 if chosen.must else 0
    accepted = [f"--ignore-vuln={number}" for number in ACCEPTED]
    try:
        done = _run([*audit, "--strict", *accepted, "--requirement", str(lock)])
    except subprocess.TimeoutExpired:
        print(f"The audit did not end within {SECONDS} seconds.", file=sys.stderr)
        return 1
    print(done.stdout, done.stderr, sep="", end="", file=sys.stderr)
    return done.returncode


def _run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
