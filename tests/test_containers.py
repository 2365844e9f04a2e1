"""Container and service files: what they name exists, what they set is a setting, and little is open to others."""

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from config import Settings, load
from config.layers import SECRETS
from config.settings import Delivery, Web
from tests.conftest import ROOT, TOKEN

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
UNIT = (ROOT / "footnote.service").read_text(encoding="utf-8")
BOTS = ("bot1", "bot2")
DOMAIN = "bot.example.org"
CONTENT = {
    "TELEGRAM_BOT_TOKEN": TOKEN,
    "FOOTNOTE_DATABASE_URL": "postgresql://footnote:x@postgres:5432/footnote",
}
SECRET_FILES = {f"{name}_FILE" for name in SECRETS.values()}


def lines() -> list[str]:
    """The instructions of the Dockerfile, one a line."""
    joined = re.sub(r"\\\n\s*", "", DOCKERFILE)
    return [line for line in joined.splitlines() if line and not line.startswith("#")]


def filled(value: str) -> str:
    """Put in what compose takes from its environment."""
    given = {"BOT_DOMAIN": DOMAIN, "BOT_ADMINS": "7,8"}
    return re.sub(r"\$\{(\w+)[^}]*\}", lambda found: given.get(found[1], ""), value)


def loaded(environ: dict[str, str], folder: Path) -> Settings:
    """Read the settings that a file sets, with files for the secrets it names."""
    environ = dict(environ)
    for name in SECRET_FILES & environ.keys():
        path = folder / name
        path.write_text(CONTENT[name.removesuffix("_FILE")])
        environ[name] = str(path)
    return load(environ=environ, folder=folder)


def image() -> dict[str, str]:
    """The variables of the image."""
    last = [line for line in lines() if line.startswith("ENV ")][-1]
    return dict(pair.split("=", 1) for pair in shlex.split(last.removeprefix("ENV ")))


def unit(key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", UNIT, re.MULTILINE)


def health(command: list[str]) -> list[str]:
    """The program of a health check, with our own Python."""
    assert command[0] == "python"
    return [sys.executable, *command[1:]]


@contextmanager
def answering(status: int, asked: list[str]) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("bot", BOTS)
def test_what_compose_sets_for_a_bot_are_settings_of_a_bot_with_webhook_server_and_database(
    tmp_path: Path, bot: str
) -> None:
    environment = {name: filled(value) for name, value in COMPOSE["services"][bot]["environment"].items()}
    settings = loaded(image() | environment, tmp_path)
    assert settings.telegram.webhook == f"https://{DOMAIN}/telegram"
    assert settings.telegram.admins == (7, 8)
    assert settings.store.database is not None
    assert settings.telegram.token is not None
    assert settings.store.url == "http://chroma:8000"
    assert settings.library.data == "/data"
    assert f"{bot}:/data" in COMPOSE["services"][bot]["volumes"]


def test_every_secret_is_a_file_that_is_handed_to_who_needs_it_and_to_nobody_else() -> None:
    for name, service in COMPOSE["services"].items():
        files = {
            value.rpartition("/")[2] for value in service.get("environment", {}).values() if "/run/secrets" in value
        }
        assert set(service.get("secrets", [])) == files, name
        assert not set(SECRETS.values()) & service.get("environment", {}).keys()
    assert all(secret["file"].startswith("./secrets/") for secret in COMPOSE["secrets"].values())
    assert "secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_only_the_proxy_is_reached_from_outside_and_it_passes_on_the_webhook_alone() -> None:
    services = COMPOSE["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    assert COMPOSE["networks"]["store"] == {"internal": True}
    assert services["postgres"]["networks"] == services["chroma"]["networks"] == ["store"]
    assert services["proxy"]["networks"] == ["front"]
    proxy = filled(COMPOSE["configs"]["proxy"]["content"])
    assert re.findall(r"handle (\S+) \{", proxy) == ["/telegram"]
    assert re.search(r"handle \{\s+respond 404\s+\}", proxy)
    upstreams = re.search(r"reverse_proxy (.*) \{", proxy)
    assert upstreams is not None
    assert upstreams[1].split() == [f"{bot}:{Web().port}" for bot in BOTS]
    assert re.findall(r"health_uri (\S+)", proxy) == ["/readyz"]
    assert proxy.count("{") == proxy.count("}")


def test_every_service_starts_again_and_may_gain_no_rights() -> None:
    for service in COMPOSE["services"].values():
        assert service["restart"] == "unless-stopped"
        assert "no-new-privileges:true" in service["security_opt"]
        assert "privileged" not in service
    for bot in BOTS:
        assert COMPOSE["services"][bot]["read_only"] is True
        assert COMPOSE["services"][bot]["cap_drop"] == ["ALL"]


def test_whoever_stops_a_bot_waits_longer_than_it_takes_to_finish() -> None:
    for bot in BOTS:
        assert int(COMPOSE["services"][bot]["stop_grace_period"].removesuffix("s")) > Delivery().stopping
    assert int(unit("TimeoutStopSec")[0]) > Delivery().stopping


def test_volumes_networks_and_secrets_that_are_used_are_declared() -> None:
    for service in COMPOSE["services"].values():
        named = {volume.partition(":")[0] for volume in service.get("volumes", []) if volume[0] not in "./$"}
        assert named <= COMPOSE["volumes"].keys()
        assert set(service["networks"]) <= COMPOSE["networks"].keys()
        assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys()


def test_the_commands_that_the_files_name_exist(capsys: pytest.CaptureFixture[str]) -> None:
    from bot.cli import main

    named = [COMPOSE["services"][bot]["command"] for bot in BOTS]
    named += [json.loads(line.removeprefix("CMD ")) for line in lines() if line.startswith("CMD ")]
    named += [unit("ExecStart")[0].split()[1:]]
    for command in named:
        with pytest.raises(SystemExit) as ended:
            main([*command, "--help"])
        assert ended.value.code == 0
        assert f"footnote {command[0]}" in capsys.readouterr().out


def test_the_image_runs_as_nobody_in_particular_and_holds_no_secret() -> None:
    assert [line for line in lines() if line.startswith("USER ")][-1] == "USER 10001:10001"
    assert "useradd --uid 10001" in DOCKERFILE
    assert "STOPSIGNAL SIGTERM" in lines()
    assert f"EXPOSE {Web().port}" in lines()
    assert "VOLUME /data" in lines()
    assert not re.search("|".join(SECRETS.values()), DOCKERFILE)
    assert "://" not in "".join(lines()).replace("http://127.0.0.1", "")


def test_what_the_image_is_made_of_gets_to_the_builder_and_nothing_else_does() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    kept = {rule[1:] for rule in rules if rule.startswith("!")}
    assert all((ROOT / name).exists() for name in kept)
    built = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = built["project"]
    needed = {*built["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"], project["readme"]}
    assert kept == needed | set(project["license-files"]) | {"pyproject.toml", "requirements.lock"}
    assert "postgres" in project["optional-dependencies"]
    assert not any(
        fnmatch.fnmatch(name, rule) for rule in kept for name in (".env", "secrets", ".git", "footnote-data")
    )


@pytest.mark.parametrize("status, code", [(200, 0), (503, 1)])
def test_the_health_check_of_the_image_asks_the_bot(status: int, code: int) -> None:
    check = next(line for line in lines() if line.startswith("HEALTHCHECK"))
    command = health(json.loads(check.partition("CMD ")[2]))
    asked: list[str] = []
    with answering(status, asked) as port:
        env = {**os.environ, "FOOTNOTE_WEB_PORT": str(port), "http_proxy": "http://127.0.0.1:9"}
        assert subprocess.run(command, env=env, check=False, timeout=90).returncode == code
    assert asked == ["/healthz"]
    assert f"or {Web().port})" in check


def test_the_health_check_of_the_chroma_server_asks_where_it_listens(server: str) -> None:
    service = COMPOSE["services"]["chroma"]
    assert service["entrypoint"][-4:] == ["--port", "8000", "--path", "/data"]
    kind, *command = service["healthcheck"]["test"]
    assert kind == "CMD"
    host, port = server.removeprefix("http://").split(":")
    command[-1] = command[-1].replace("'127.0.0.1', 8000", f"'{host}', {port}")
    assert subprocess.run(health(command), check=False, timeout=90).returncode == 0


def test_what_the_service_sets_are_settings(tmp_path: Path) -> None:
    environ = dict(pair.split("=", 1) for pair in unit("Environment"))
    settings = loaded(environ, tmp_path)
    (credential,) = unit("LoadCredential")
    assert environ["TELEGRAM_BOT_TOKEN_FILE"] == f"%d/{credential.partition(':')[0]}"
    assert settings.library.data == f"/var/lib/{unit('StateDirectory')[0]}/data"
    assert unit("NoNewPrivileges") == ["yes"]
    assert unit("ProtectSystem") == ["strict"]
    assert unit("Restart") == ["on-failure"]
    assert unit("DynamicUser") == ["yes"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="only systemd can read its units")
def test_systemd_understands_the_service(tmp_path: Path) -> None:
    made = tmp_path / "footnote.service"
    made.write_text(re.sub(r"ExecStart=\S+", f"ExecStart={sys.executable}", UNIT))
    done = subprocess.run(
        ["systemd-analyze", "verify", made],  # noqa: S607  where it lies differs
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    about_us = [line for line in done.stderr.splitlines() if made.name in line]
    assert about_us == []
    assert done.returncode == 0
