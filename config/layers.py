"""Layer the sources of settings: flags over environment over file over defaults.

Every problem becomes one SettingsError that names where the value stands, the key, and what to do.
"""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias, get_args, get_origin
from urllib.parse import unquote, urlsplit

from dotenv import dotenv_values
from pydantic import SecretStr, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from config.errors import SettingsError
from config.settings import Section, Settings
from config.sources import Source

PREFIX = "FOOTNOTE_"
DEFAULT_FILE = "footnote.toml"
SECRETS = {
    ("telegram", "token"): "TELEGRAM_BOT_TOKEN",
    ("telegram", "webhook_secret"): "FOOTNOTE_WEBHOOK_SECRET",
    ("store", "token"): "FOOTNOTE_STORE_TOKEN",
    ("store", "database"): "FOOTNOTE_DATABASE_URL",
}
"""Settings that come from a variable only, and its name; or from a file that the variable with `_FILE` names."""

IN_A_FILE = "_FILE"
LONGEST_SECRET = 8_192
"""Bytes; an address of a database with all its options has a few hundred."""

SOURCES = "source"
"""The one setting that is no section: a list of tables, which only a file can hold."""

Values: TypeAlias = dict[str, Any]
Origins: TypeAlias = dict[str, str]


def load(
    file: Path | None = None,
    *,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """Read the settings that hold for one run of the program.

    `file` must exist when given; otherwise `$FOOTNOTE_CONFIG`, else `footnote.toml` in `folder` (default: the
    working directory) where there is one. `flags` maps "section.key" to values from the command line.
    `.env` in `folder` counts as environment, beneath the real one. An empty variable counts as not set. A secret is
    also taken from the file that its variable with `_FILE` at the end names, as Docker and systemd hand secrets over.

    Raises:
        SettingsError: one line naming the file, variable or flag, the key and the remedy.
    """
    folder = folder or Path.cwd()
    given = dict(os.environ if environ is None else environ)
    env = {**_dotenv(folder / ".env"), **{name: value for name, value in given.items() if value}}
    values: Values = {}
    origins: Origins = {}
    for origin, key, value in _layers(file, env=env, flags=flags or {}, folder=folder):
        section, _, name = key.partition(".")
        if name:
            values.setdefault(section, {})[name] = value
        else:
            values[section] = value
        origins[key] = origin
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_one_line(error.errors()[0], origins)) from None


def keys() -> Iterator[tuple[str, str, Any]]:
    """Yield every setting of a section as (section, key, annotation), secrets left out."""
    for section, field in Settings.model_fields.items():
        if section == SOURCES:
            continue
        assert isinstance(field.annotation, type)  # noqa: S101  narrows for mypy: sections are classes
        assert issubclass(field.annotation, Section)  # noqa: S101
        for key, inner in field.annotation.model_fields.items():
            if (section, key) not in SECRETS:
                yield section, key, inner.rebuild_annotation()


def secrets(settings: Settings) -> list[str]:
    """Return the values of all secrets that are set, and the password within an address, for whoever blots them out."""
    held = [getattr(getattr(settings, section), key) for section, key in SECRETS]
    values = [secret.get_secret_value() for secret in held if secret is not None]
    passwords = [_password(value) for value in values]
    hook = settings.telegram.hook_secret()
    return [
        *values,
        *([hook] if hook else []),
        *(text for encoded in passwords if encoded for text in (encoded, unquote(encoded))),
    ]


def _password(address: str) -> str:
    """Return the password in an address as it stands there, or nothing."""
    try:
        return urlsplit(address).password or ""
    except ValueError:  # brackets that are no IPv6 address: whatever this is, it is no address
        return ""


def _layers(
    file: Path | None, *, env: Mapping[str, str], flags: Mapping[str, Any], folder: Path
) -> Iterator[tuple[str, str, Any]]:
    """Yield (origin, "section.key", value), the weakest first."""
    chosen = file or (Path(env[PREFIX + "CONFIG"]) if env.get(PREFIX + "CONFIG") else None)
    if chosen is None and (folder / DEFAULT_FILE).is_file():
        chosen = folder / DEFAULT_FILE
    if chosen is not None:
        yield from _from_file(chosen)
    yield from _from_environment(env)
    for key, value in flags.items():
        yield f"the flag --{key.rpartition('.')[2]}", key, value


def _dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        return {key: value for key, value in dotenv_values(path).items() if value is not None}
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot be read ({_reason(error)}). Mend the file or remove it."
        raise SettingsError(message) from error


def _from_file(path: Path) -> Iterator[tuple[str, str, Any]]:
    for section, content in _parsed(path).items():
        if section not in Settings.model_fields:
            message = f"{path}: there is no section [{section}]{_did_you_mean(section, Settings.model_fields)}."
            raise SettingsError(message)
        if section == SOURCES:
            yield from _tables(path, content)
            continue
        if not isinstance(content, dict):
            message = f"{path}: {section} must be a section: write [{section}] on a line of its own."
            raise SettingsError(message)
        for key, value in content.items():
            _known(section, key, origin=str(path))
            yield str(path), f"{section}.{key}", value


def _tables(path: Path, content: object) -> Iterator[tuple[str, str, Any]]:
    """Yield the sources as one value; each key in them is looked at, so that a slip of the pen is named."""
    if not isinstance(content, list) or not all(isinstance(table, dict) for table in content):
        message = f"{path}: {SOURCES} must be a list of tables: write [[{SOURCES}]] on a line of its own before each."
        raise SettingsError(message)
    for table in content:
        for key in table:
            if key not in Source.model_fields:
                known = list(Source.model_fields)
                message = f"{path}: there is no setting {key} in [[{SOURCES}]]{_did_you_mean(key, known)}."
                raise SettingsError(message)
    yield str(path), SOURCES, content


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        message = f"{path}: there is no such file. Name one that exists, or leave --config away to use the defaults."
        raise SettingsError(message) from None
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot be read ({_reason(error)}). Settings are a TOML file in UTF-8."
        raise SettingsError(message) from error
    except tomllib.TOMLDecodeError as error:
        message = f"{path}: is not valid TOML: {error}. Mend that line; text values need quotation marks."
        raise SettingsError(message) from error


def _from_environment(env: Mapping[str, str]) -> Iterator[tuple[str, str, Any]]:
    """Read FOOTNOTE_<SECTION>_<KEY>; lists are separated by commas."""
    known = {f"{PREFIX}{section}_{key}".upper(): (section, key, kind) for section, key, kind in keys()}
    apart = {PREFIX + "CONFIG", *SECRETS.values(), *(name + IN_A_FILE for name in SECRETS.values())}
    for name, text in env.items():
        if not name.startswith(PREFIX) or name in apart or not text:
            continue
        if name not in known:
            message = f"the environment variable {name} is not a setting{_did_you_mean(name, known)}."
            raise SettingsError(message)
        section, key, kind = known[name]
        yield f"the environment variable {name}", f"{section}.{key}", _typed(name, text, kind)
    for (section, key), name in SECRETS.items():
        if found := _secret(name, env):
            origin, secret = found
            yield f"the environment variable {origin}", f"{section}.{key}", SecretStr(secret)


def _secret(name: str, env: Mapping[str, str]) -> tuple[str, str] | None:
    """Return which variable gives a secret, and the secret. What a file holds is shown to nobody, right or wrong."""
    in_file = name + IN_A_FILE
    secret, path = env.get(name, "").strip(), env.get(in_file, "").strip()
    if secret and path:
        message = f"the environment variables {name} and {in_file} are both set. Keep one of them."
        raise SettingsError(message)
    if not path:
        return (name, secret) if secret else None
    content = _content(in_file, path)
    if not content:
        message = f"the environment variable {in_file}: the file {path} is empty. Write the secret into it."
        raise SettingsError(message)
    if len(content.splitlines()) > 1:
        message = f"the environment variable {in_file}: the file {path} must hold the secret on one line, and no more."
        raise SettingsError(message)
    return in_file, content


def _content(variable: str, path: str) -> str:
    try:
        with Path(path).expanduser().open("rb") as file:
            content = file.read(LONGEST_SECRET + 1)
        if len(content) > LONGEST_SECRET:
            message = f"the environment variable {variable}: the file {path} is too large to be a secret."
            raise SettingsError(message)
        return content.decode("utf-8-sig").strip()
    except FileNotFoundError:
        message = f"the environment variable {variable}: there is no file {path}."
        raise SettingsError(message) from None
    except (OSError, ValueError) as error:  # ValueError: no UTF-8, whose message would show a part of it; or no path
        reason = _reason(error) if isinstance(error, OSError | UnicodeDecodeError) else "that is no path"
        message = f"the environment variable {variable}: the file {path!r} cannot be read ({reason})."
        raise SettingsError(message) from None


def _typed(name: str, text: str, kind: Any) -> Any:  # noqa: ANN401  an annotation is no type mypy can name
    """Turn a variable's text into the setting's type; bounds are checked later, with all the others."""
    value: Any = [part.strip() for part in text.split(",") if part.strip()] if _is_list(kind) else text
    try:
        return TypeAdapter(kind).validate_python(value, strict=False)
    except ValidationError as error:
        message = f"the environment variable {name}: {_what(error.errors()[0])}."
        raise SettingsError(message) from None


def _is_list(kind: Any) -> bool:  # noqa: ANN401
    inner = get_args(kind)[0] if hasattr(kind, "__metadata__") else kind
    return get_origin(inner) is tuple


def _known(section: str, key: str, *, origin: str) -> None:
    if variable := SECRETS.get((section, key)):
        message = f"{origin}: {section}.{key} is a secret: put {variable}=… into .env or the environment instead."
        raise SettingsError(message)
    names = [k for s, k, _ in keys() if s == section]
    if key not in names:
        message = f"{origin}: there is no setting {section}.{key}{_did_you_mean(key, names)}."
        raise SettingsError(message)


def _one_line(error: ErrorDetails, origins: Origins) -> str:
    where = error["loc"]
    if where[:1] == (SOURCES,):
        what = _WRONG_ADDRESS if where[2:3] in _ADDRESSES else _what(error)
        origin = origins.get(SOURCES, "the settings")
        at = [f"no. {where[1] + 1}" if len(where) > 1 and isinstance(where[1], int) else "", *map(str, where[2:3])]
        return f"{origin}: [[{SOURCES}]] {' '.join(filter(None, at))}: {what}."
    key = ".".join(str(part) for part in where[:2])
    origin = origins.get(key, "the settings")
    what = _what(error)
    return f"{origin}: {key}: {what}." if key else f"{origin}: {what}."


_ADDRESSES = {("url",), ("feed",), ("sitemap",)}
_WRONG_ADDRESS = "this is not the address of a page (https://example.org/feed), without a name and a password in it"
"""Said without the address, which may hold a password."""


def _what(error: ErrorDetails) -> str:
    """Say what is wrong with a value; the value itself only where it cannot be a secret."""
    message = error["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    shown = error["input"]
    secret = tuple(str(part) for part in error["loc"][:2]) in SECRETS
    if isinstance(shown, str | int | float | bool) and not secret:
        return f"{message}, but it is {shown!r}"
    return message


def _did_you_mean(word: str, known: Mapping[str, Any] | list[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else f"; known are {', '.join(sorted(known)[:12])}"


def _reason(error: Exception) -> str:
    return error.strerror.lower() if isinstance(error, OSError) and error.strerror else "it is not UTF-8 text"
