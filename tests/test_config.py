"""Settings: their layers, their bounds, and one clear line for whatever is wrong."""

import os
import re
import tomllib
from pathlib import Path

import pytest

import config
from config import load
from config.errors import SettingsError
from config.layers import SECRETS, keys, secrets
from tests.logscan import TOKEN

DEFAULT = Path(config.__file__).parent / "default.toml"


def test_the_shipped_file_documents_every_setting_with_its_default() -> None:
    written = tomllib.loads(DEFAULT.read_text(encoding="utf-8"))
    in_code = load(environ={}, folder=DEFAULT.parent).model_dump(mode="json")
    for section, secret in SECRETS:
        in_code[section].pop(secret)
    assert in_code.pop("source") == []  # which is written there as an example, in comments
    assert written == in_code


def test_every_setting_in_the_shipped_file_has_a_comment_before_it() -> None:
    lines = DEFAULT.read_text(encoding="utf-8").splitlines()
    settings = [at for at, line in enumerate(lines) if re.match(r"\w+ = ", line)]
    assert len(settings) == len(list(keys()))
    for at in settings:
        assert lines[at - 1].startswith("#") or lines[at - 1].partition(" = ")[0].endswith("_prefix")


def test_the_example_of_a_source_names_every_key_and_can_be_used(tmp_path: Path) -> None:
    example = DEFAULT.read_text(encoding="utf-8").partition("# [[source]]\n")[2]
    table = re.sub(r"(?m)^# ?", "", example)
    file = tmp_path / "mine.toml"
    file.write_text(f"[[source]]\n{table}")
    (source,) = load(file, environ={}, folder=tmp_path).source
    assert (source.kind, source.called) == ("feed", "news")
    written = set(tomllib.loads(f"[[source]]\n{table}")["source"][0])
    assert set(type(source).model_fields) == written | {"folder", "url", "sitemap"}


@pytest.mark.parametrize(
    "text, says",
    [
        ('url = "https://a.example/"\nfeed = "https://a.example/f"', "exactly one of folder, url, feed and sitemap"),
        ('outlet = "A"', "exactly one of folder, url, feed and sitemap"),
        ('url = "ftp://a.example/"', "[[source]] no. 1 url:"),
        ('url = "https://me:secret@a.example/"', "[[source]] no. 1 url:"),
        ('feed = "https://a.example/f"\nmost = 0', "[[source]] no. 1 most:"),
        ('feed = "https://a.example/f"\nweight = 11.0', "less than or equal to 10"),
        ('feed = "https://a.example/f"\nwieght = 1.0', "did you mean weight"),
        ('folder = "articles"\nname = "added"', "cannot be called 'added'"),
        ('folder = "articles"\nname = "Ä b"', "give it a name of up to 40 of the characters a-z"),
        ('folder = ".."', "cannot be called ''"),
        ('folder = "a/notes"\n[[source]]\nfolder = "b/notes"', "two sources are called 'notes'"),
    ],
)
def test_what_is_wrong_with_a_source_is_one_line_that_says_which(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f"[[source]]\n{text}\n")
    with pytest.raises(SettingsError) as caught:
        load(file, environ={}, folder=tmp_path)
    assert says in str(caught.value)
    assert str(file) in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sources_are_called_after_their_host_or_folder(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[[source]]\nfeed = "https://www.News.example.org:8080/f"\n[[source]]\nfolder = "My Notes"\n')
    assert [one.called for one in load(file, environ={}, folder=tmp_path).source] == ["news.example.org", "my-notes"]
    file.write_text('[source]\nfeed = "https://a.example/f"\n')
    with pytest.raises(SettingsError, match=r"write \[\[source\]\] on a line of its own"):
        load(file, environ={}, folder=tmp_path)


def test_the_shipped_file_can_be_used_as_it_is() -> None:
    assert load(DEFAULT, environ={}) == load(environ={}, folder=DEFAULT.parent)


def test_flags_win_over_the_environment_over_the_file_over_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[answer]\ncaution = 0.2\nclaims = 2\nnearest = 1\n")
    env = {"FOOTNOTE_ANSWER_CLAIMS": "1", "FOOTNOTE_ANSWER_NEAREST": "2"}
    answer = load(file, environ=env, flags={"answer.nearest": 4}, folder=tmp_path).answer
    assert (answer.caution, answer.claims, answer.nearest, answer.longest_question) == (0.2, 1, 4, 2_000)


def test_a_file_in_the_working_directory_is_found_and_one_named_by_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / "footnote.toml").write_text("[answer]\nclaims = 1\n")
    assert load(environ={}, folder=tmp_path).answer.claims == 1
    (tmp_path / "other.toml").write_text("[answer]\nclaims = 2\n")
    assert load(environ={"FOOTNOTE_CONFIG": str(tmp_path / "other.toml")}, folder=tmp_path).answer.claims == 2


def test_the_token_comes_from_dotenv_and_the_environment_wins_over_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"TELEGRAM_BOT_TOKEN={TOKEN}\nOTHER=1\n")
    token = load(environ={}, folder=tmp_path).telegram.token
    assert token is not None
    assert token.get_secret_value() == TOKEN
    other = TOKEN.replace("AAab", "BBab")
    token = load(environ={"TELEGRAM_BOT_TOKEN": other}, folder=tmp_path).telegram.token
    assert token is not None
    assert token.get_secret_value() == other


def test_the_token_never_shows() -> None:
    settings = load(environ={"TELEGRAM_BOT_TOKEN": TOKEN})
    assert TOKEN not in repr(settings)
    assert TOKEN not in str(settings)
    assert TOKEN not in settings.model_dump_json()


def test_a_malformed_token_is_refused_without_being_shown() -> None:
    with pytest.raises(SettingsError) as caught:
        load(environ={"TELEGRAM_BOT_TOKEN": "not-a-token-but-secret"})
    assert "TELEGRAM_BOT_TOKEN" in str(caught.value)
    assert "BotFather" in str(caught.value)
    assert "secret" not in str(caught.value).partition("TELEGRAM_BOT_TOKEN")[2]


@pytest.mark.parametrize("key", ["library.data", "library.articles"])
def test_a_home_that_nobody_has_is_one_clear_line(key: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"there is no home directory of that name, but it is '~nosuchuser/x'"):
        load(environ={}, flags={key: "~nosuchuser/x"}, folder=tmp_path)


def test_lists_in_the_environment_are_separated_by_commas() -> None:
    telegram = load(environ={"FOOTNOTE_TELEGRAM_ADMINS": "7, 8", "FOOTNOTE_TELEGRAM_ALLOWED": "9"}).telegram
    assert (telegram.admins, telegram.allowed) == ((7, 8), (9,))


def test_groups_have_negative_ids_and_people_positive_ones() -> None:
    assert load(environ={"FOOTNOTE_TELEGRAM_GROUPS": "-1001, -5"}).telegram.groups == (-1_001, -5)
    for name, text in (("GROUPS", "5"), ("GROUPS", "0"), ("ALLOWED", "-5")):
        with pytest.raises(SettingsError, match=f"FOOTNOTE_TELEGRAM_{name}"):
            load(environ={f"FOOTNOTE_TELEGRAM_{name}": text})


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"TELEGRAM_BOT_TOKEN={TOKEN}\n")
    empty = {"TELEGRAM_BOT_TOKEN": "", "FOOTNOTE_LIBRARY_DATA": "", "FOOTNOTE_ANSWER_CLAIMS": ""}
    settings = load(environ=empty, folder=tmp_path)
    assert settings.telegram.token is not None
    assert (settings.library.data, settings.answer.claims) == ("footnote-data", 3)
    with pytest.raises(SettingsError, match=r"library\.data"):
        load(environ={}, folder=tmp_path, flags={"library.data": ""})


def test_settings_cannot_be_changed() -> None:
    settings = load(environ={})
    with pytest.raises(ValueError, match="frozen"):
        settings.answer.claims = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    "text, says",
    [
        ("[anser]\nx = 1", ["[anser]", "did you mean answer"]),
        ("[answer]\ncautoin = 1", ["answer.cautoin", "did you mean caution"]),
        ('[answer]\ncaution = "0.5"', ["answer.caution", "valid number", "'0.5'"]),
        ("[answer]\ncaution = 1.5", ["answer.caution", "less than or equal to 1", "1.5"]),
        ("[chunk]\nsize = 3", ["chunk.size", "greater than or equal to 16"]),
        ("[answer]\nclaims = 1.5", ["answer.claims", "integer"]),
        ("[answer\nclaims = 1", ["not valid TOML", "line 1"]),
        ("claims = 1", ["claims", "[claims]"]),
        ("answer = 1", ["answer must be a section"]),
        ('[telegram]\ntoken = "x"', ["telegram.token is a secret", ".env"]),
        ('[telegram]\nadmins = ["anna"]', ["telegram.admins", "integer", "anna"]),
        ("[telegram]\nadmins = [-5]", ["telegram.admins", "greater than 0"]),
        ('[telegram]\napi_url = "ftp://x.org"', ["telegram.api_url", "pattern"]),
        ('[embedding]\ndevice = "tpu"', ["embedding.device", "tpu"]),
        ("[retrieval]\npassages = 60", ["retrieval.passages cannot be larger than retrieval.candidates"]),
    ],
)
def test_what_is_wrong_in_a_file_is_one_line_naming_file_key_and_remedy(
    tmp_path: Path, text: str, says: list[str]
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(file, environ={}, folder=tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    for part in says:
        assert part in message
    if "cannot be larger" not in message:
        assert str(file) in message


@pytest.mark.parametrize(
    "env, says",
    [
        ({"FOOTNOTE_ANSWER_CAUTOIN": "1"}, ["FOOTNOTE_ANSWER_CAUTOIN", "did you mean FOOTNOTE_ANSWER_CAUTION"]),
        ({"FOOTNOTE_ANSWER_CAUTION": "much"}, ["FOOTNOTE_ANSWER_CAUTION", "number", "much"]),
        ({"FOOTNOTE_ANSWER_CAUTION": "7"}, ["FOOTNOTE_ANSWER_CAUTION", "less than or equal to 1"]),
        ({"FOOTNOTE_TELEGRAM_ADMINS": "anna"}, ["FOOTNOTE_TELEGRAM_ADMINS", "integer"]),
        ({"FOOTNOTE_CONFIG": "/nowhere/at/all.toml"}, ["/nowhere/at/all.toml", "no such file"]),
    ],
)
def test_what_is_wrong_in_the_environment_is_one_line_naming_the_variable(env: dict[str, str], says: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load(environ=env)
    assert all(part in str(caught.value) for part in says)
    assert "\n" not in str(caught.value)


def test_a_missing_file_a_folder_and_a_file_that_is_no_text_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing\.toml: there is no such file"):
        load(tmp_path / "missing.toml", environ={})
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path, environ={})
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(SettingsError, match="UTF-8"):
        load(tmp_path / "binary.toml", environ={})


def test_the_tests_themselves_see_no_setting_of_the_machine() -> None:
    assert not [name for name in os.environ if name.startswith("FOOTNOTE_")]


def test_each_secret_may_come_from_a_file(tmp_path: Path) -> None:
    values = {
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "FOOTNOTE_WEBHOOK_SECRET": "abc-123",
        "FOOTNOTE_STORE_TOKEN": "of-the-store",
        "FOOTNOTE_DATABASE_URL": "postgresql://anna:p%40ss@db/footnote",
    }
    assert set(values) == set(SECRETS.values())
    for name, value in values.items():
        (tmp_path / name).write_text(f" {value}\n")
    settings = load(environ={f"{name}_FILE": str(tmp_path / name) for name in values}, folder=tmp_path)
    for (section, key), name in SECRETS.items():
        assert getattr(getattr(settings, section), key).get_secret_value() == values[name]
    assert set(secrets(settings)) == {*values.values(), "p%40ss", "p@ss"}
    assert not secrets(load(environ={}, folder=tmp_path))
    assert not any(value in repr(settings) + settings.model_dump_json() for value in values.values())


def test_a_file_for_a_secret_may_be_named_in_dotenv(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / ".env").write_text(f"TELEGRAM_BOT_TOKEN_FILE={tmp_path / 'token'}\n")
    token = load(environ={}, folder=tmp_path).telegram.token
    assert token is not None
    assert token.get_secret_value() == TOKEN


@pytest.mark.parametrize("name", sorted(SECRETS.values()))
@pytest.mark.parametrize(
    "content, says",
    [
        (None, "there is no file"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"HIDDEN\nHIDDEN\n", "one line"),
        (b"HIDDEN\xff", "UTF-8"),
        (b"HIDDEN" * 10_000, "too large"),
        ("folder", "cannot be read"),
        ("both", "both set"),
    ],
)
def test_a_file_for_a_secret_that_is_of_no_use_is_one_line_without_its_content(
    tmp_path: Path, name: str, content: bytes | str | None, says: str
) -> None:
    path = tmp_path / "secret"
    environ = {f"{name}_FILE": str(path)}
    if content == "folder":
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "both":
        environ[name] = "HIDDEN"
    with pytest.raises(SettingsError) as caught:
        load(environ=environ, folder=tmp_path)
    message = str(caught.value)
    assert f"{name}_FILE" in message
    assert says in message
    assert "HIDDEN" not in message
    assert "\n" not in message
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", ["TELEGRAM_BOT_TOKEN", "FOOTNOTE_WEBHOOK_SECRET", "FOOTNOTE_DATABASE_URL"])
def test_a_file_with_something_else_than_that_secret_names_the_variable_and_shows_nothing(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "secret").write_text("HIDDEN in words")
    with pytest.raises(SettingsError, match=f"{name}_FILE") as caught:
        load(environ={f"{name}_FILE": str(tmp_path / "secret")}, folder=tmp_path)
    assert "HIDDEN" not in str(caught.value)


def test_a_path_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="TELEGRAM_BOT_TOKEN_FILE"):
        load(environ={"TELEGRAM_BOT_TOKEN_FILE": "a\0b"}, folder=tmp_path)
