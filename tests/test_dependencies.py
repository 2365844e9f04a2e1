"""The audit of dependencies: what is not pinned, not known to the service, or vulnerable fails it."""

import sys
from pathlib import Path

import pytest

from tests import dependencies

LOCK = "# a comment\nPyYAML==6.0.3\ntorch==2.13.0\ntyping_extensions==4.16.0\n"


def test_what_is_installed_must_be_pinned_at_that_version() -> None:
    fine = [("pyyaml", "6.0.3"), ("torch", "2.13.0+cpu"), ("typing-extensions", "4.16.0"), ("footnote-bot", "0.1.0")]
    assert dependencies.unpinned(LOCK, fine) == []
    loose = [("PyYAML", "6.0.2"), ("left-pad", "1.0"), (None, "1")]
    assert dependencies.unpinned(LOCK, loose) == [
        "PyYAML 6.0.2 is installed, and 6.0.3 is pinned",
        "left-pad 1.0 is installed, and nothing is pinned",
        "a distribution without a name 1 is installed, and nothing is pinned",
    ]


def test_every_accepted_vulnerability_has_a_reason() -> None:
    assert all(reason for reason in dependencies.ACCEPTED.values())


PROBED = '{"dependencies": [{"name": "pip", "version": "23.0", "vulns": [{"id": "X"}]}]}'
SKIPPED = '{"dependencies": [{"name": "pip", "skip_reason": "not found"}]}'


@pytest.mark.parametrize(
    "probed, code, must, result, says",
    [
        (PROBED, 0, False, 0, ""),
        (PROBED, 1, False, 1, "found"),
        (SKIPPED, 0, False, 0, "NOT AUDITED"),
        (SKIPPED, 0, True, 1, "NOT AUDITED"),
        ("Traceback: no route to host", 1, False, 0, "NOT AUDITED"),
        ("[]", 1, True, 1, "NOT AUDITED"),
    ],
)
def test_an_audit_fails_for_what_it_finds_and_says_when_it_was_not_made(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    probed: str,
    code: int,
    must: bool,
    result: int,
    says: str,
) -> None:
    program = tmp_path / "service.py"
    program.write_text(
        "import sys\n"
        "if '--strict' not in sys.argv:\n"
        f"    print({probed!r}); sys.exit(1)\n"
        f"assert sys.argv[-1].endswith('requirements.lock')\nprint('found' if {code} else ''); sys.exit({code})\n"
    )
    monkeypatch.setattr(dependencies, "distributions", list)
    made = dependencies.main(["--must"] if must else [], audit=(sys.executable, str(program)))
    assert made == result
    assert says in capfd.readouterr().err


def test_something_that_is_not_pinned_fails_before_anybody_is_asked(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "some.lock").write_text(LOCK)
    assert dependencies.main([], audit=("/nowhere",), lock=tmp_path / "some.lock") == 1
    assert "pytest" in capfd.readouterr().err
