"""What people read: complete in every language, in the right forms, and to each person in their own."""

import ast
import asyncio
import datetime as dt
import re
import string
import threading
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

from bot import words
from bot.running.threads import Pool
from bot.sending.pace import Limits
from bot.words.language import LANGUAGE, PLACE
from index import errors
from index.library import Library
from index.records import Answer, Period, Plan, Progress
from tests.barebot import Bot
from tests.botapi import BotApi, Message, Person
from tests.conftest import ADMIN, BAKERY, GUEST, HARBOUR, HOURS, STRANGER, WHEN, Serve, answered, due_now, until, write

OTHERS = words.languages()[1:]
MARKS = {"_", "N_", "ngettext"}
NAMES = {
    "Telegram",
    "id",
    "footnote",
    "index",
    "onnxruntime",
    "torch",
    "int",
    "fp",
    "all",
    "MiniLM",
    "sentence",
    "transformers",
}
"""What is called so in every language: programs, and the parts of a model's name."""

Message_ = str | tuple[str, ...]


def modules() -> list[Path]:
    return sorted(PLACE.glob("*.py"))


@cache
def extracted() -> dict[str, dict[str, Message_]]:
    """Return the messages of each module that has any, by the first of their forms."""
    found = {
        module.stem: {forms(message)[0]: message for _, message, _, _ in extract_from_file("python", module)}
        for module in modules()
    }
    return {module: messages for module, messages in found.items() if messages}


def messages() -> dict[str, Message_]:
    return {first: message for some in extracted().values() for first, message in some.items()}


@cache
def parts(language: str) -> dict[str, Catalog]:
    found = {}
    for path in (PLACE / language).glob("*.po"):
        with path.open("rb") as lines:
            found[path.stem] = read_po(lines, locale=language, abort_invalid=True)
    return found


def forms(text: Message_) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def placeholders(text: str) -> list[str]:
    return sorted({name for _, name, _, _ in string.Formatter().parse(text) if name is not None})


def test_there_is_russian() -> None:
    assert "ru" in OTHERS
    assert len(messages()) > 100


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_is_translated_exactly_once_and_nothing_else_is(language: str) -> None:
    written = [forms(message.id)[0] for part in parts(language).values() for message in part if message.id]
    assert sorted(written) == sorted(messages())


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("area", sorted(extracted()))
def test_a_translation_is_whole(language: str, area: str) -> None:
    part = parts(language)[area]
    assert not part.obsolete
    for message in part:
        if not message.id:
            continue
        said, meant = forms(message.string), messages()[forms(message.id)[0]]
        assert not message.fuzzy
        assert forms(meant) == forms(message.id)
        assert len(said) == (part.num_plurals if isinstance(meant, tuple) else 1)
        assert all(form.strip() for form in said), message.id
        for form in said:
            assert placeholders(form) == placeholders(forms(message.id)[-1]), form


def test_russian_has_three_forms_whatever_the_header_of_a_part_says() -> None:
    assert {part.num_plurals for part in parts("ru").values()} == {3}


@pytest.mark.parametrize("module", modules(), ids=lambda path: path.stem)
def test_what_is_marked_is_found_by_the_extraction(module: Path) -> None:
    """It does not see what stands within the braces of an f-string, nor what is put together."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    marked = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id in MARKS and call.args]
    found = {argument.value for argument in marked if isinstance(argument, ast.Constant)}
    assert found == extracted().get(module.stem, {}).keys()
    assert not [argument for argument in marked if isinstance(argument, ast.JoinedStr | ast.BinOp)]


def test_every_constant_but_those_of_the_terminal_is_marked() -> None:
    for area in words.AREAS:
        if area.__name__ == "bot.words.terminal":
            continue
        for name, value in vars(area).items():
            texts = value.values() if isinstance(value, dict) else [value]
            if name.lstrip("_").isupper():
                unmarked = [
                    text
                    for text in texts
                    if isinstance(text, str) and re.search(r"\w", text) and text not in messages()
                ]
                assert name in {"ENGLISH", "LANGUAGE"} or not unmarked, (name, unmarked)


def test_no_two_areas_say_the_same_name_and_none_is_named_like_an_area() -> None:
    said: dict[str, object] = {}
    for area in words.AREAS:
        for name, value in vars(area).items():
            if not name.startswith("_") and getattr(value, "__module__", area.__name__) == area.__name__:
                assert said.setdefault(name, value) is value, name
    assert not said.keys() & {path.stem for path in modules()}


def test_a_name_that_nothing_has_is_an_error() -> None:
    with pytest.raises(AttributeError, match="NOTHING_SO_CALLED"):
        words.NOTHING_SO_CALLED  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize(
    "number, russian, english",
    [
        (0, "0 статей", "0 articles"),
        (1, "1 статья", "1 article"),
        (2, "2 статьи", "2 articles"),
        (5, "5 статей", "5 articles"),
        (11, "11 статей", "11 articles"),
        (12, "12 статей", "12 articles"),
        (21, "21 статья", "21 articles"),
        (22, "22 статьи", "22 articles"),
        (111, "111 статей", "111 articles"),
        (1_204, "1\xa0204 статьи", "1,204 articles"),
    ],
)
def test_a_number_stands_with_its_form(number: int, russian: str, english: str) -> None:
    assert words.articles(number) == english
    with words.speaking("ru"):
        assert words.articles(number) == russian


@pytest.mark.parametrize(
    "code, language",
    [
        *((code, "ru") for code in ("ru", "ru-RU", "RU", "ru_RU")),
        *((code, "en") for code in ("en", "en-GB", "be", "uk", "pt-br", "", None, "russian", "../ru")),
    ],
)
def test_whose_language_we_lack_is_spoken_to_in_english(code: str | None, language: str) -> None:
    assert words.known(code) == language
    with words.speaking(code):
        assert (words.THANKS == "Спасибо!") == (language == "ru")


def test_what_a_language_lacks_is_said_in_english() -> None:
    with words.speaking("ru"):
        assert words.language._("Nobody has translated this.") == "Nobody has translated this."
        assert [words.language.ngettext("{n} ox", "{n} oxen", n) for n in (1, 2)] == ["{n} ox", "{n} oxen"]


def test_constants_and_tables_are_in_the_language_of_the_moment() -> None:
    assert words.ADMINS_ONLY == "Only an admin of this bot may do that."
    with words.speaking("ru"):
        assert words.ADMINS_ONLY == "Это может сделать только администратор бота."
        assert words.COMMANDS.keys() >= {"ask", "sources", "status", "help"}
        assert words.COMMANDS["status"].startswith("Что я знаю")
        with words.speaking("en"):
            assert words.COMMANDS["status"].startswith("What I know")
        assert words.turned_away("not_admitted").startswith("Это закрытый бот")
    assert words.COMMANDS["status"].startswith("What I know")


def test_figures_are_written_as_each_language_does() -> None:
    def figures() -> list[str]:
        return [
            words.day(dt.date(2025, 10, 6)),
            words.day(None),
            words.moment(dt.datetime(2025, 10, 6, 9, 5).astimezone()),
            words.number(1_204_000),
            words.megabytes(1_204_550_000),
            *(words.duration(seconds) for seconds in (0.25, 9.96, 42.4, 62, 3_725)),
        ]

    english = ["6 Oct 2025", "", "06 Oct 2025, 09:05", "1,204,000", "1,204.5 MB"]
    assert figures() == [*english, "0.2 s", "10.0 s", "42 s", "1 min 2 s", "1 h 2 min"]
    with words.speaking("ru"):
        russian = ["6 октября 2025", "", "6 октября 2025, 09:05", "1\xa0204\xa0000", "1\xa0204,5 МБ"]
        assert figures() == [*russian, "0,2 с", "10,0 с", "42 с", "1 мин 2 с", "1 ч 2 мин"]


def test_a_length_of_time_says_nothing_of_what_is_not_there() -> None:
    lengths = (59.7, 60, 1_800, 3_600, 86_400, 7_199.6)
    assert [words.duration(one) for one in lengths] == ["1 min", "1 min", "30 min", "1 h", "24 h", "2 h"]
    with words.speaking("ru"):
        assert [words.duration(one) for one in lengths[1:4]] == ["1 мин", "30 мин", "1 ч"]


@pytest.mark.parametrize(
    "period, english, russian",
    [
        (Period(dt.date(2026, 11, 16), dt.date(2026, 11, 23)), "from 16 to 23 Nov 2026", "с 16 по 23 ноября 2026"),
        (Period(dt.date(2026, 1, 3), dt.date(2026, 2, 5)), "from 3 Jan to 5 Feb 2026", "с 3 января по 5 февраля 2026"),
        (
            Period(dt.date(2025, 12, 3), dt.date(2026, 2, 5)),
            "from 3 Dec 2025 to 5 Feb 2026",
            "с 3 декабря 2025 по 5 февраля 2026",
        ),
        (Period(dt.date(2026, 5, 1), dt.date(2026, 5, 1)), "on 1 May 2026", "1 мая 2026"),
        (Period(dt.date(2026, 5, 1), None), "since 1 May 2026", "с 1 мая 2026"),
        (Period(None, dt.date(2026, 5, 1)), "up to 1 May 2026", "до 1 мая 2026 включительно"),
    ],
)
def test_a_period_is_written_out(period: Period, english: str, russian: str) -> None:
    answer = Answer("?", (), (), (), (), probability=0.0, revision=1, period=period)
    assert f"published {english} first" in words.period(answer)
    with words.speaking("ru"):
        assert f"опубликованных {russian}, а затем" in words.period(answer)


@pytest.mark.parametrize("language", words.languages())
def test_what_answers_a_button_fits_there(language: str) -> None:
    """Telegram shows at most 200 characters."""
    with words.speaking(language):
        said = [
            words.turned_away(outcome) for outcome in ("not_admitted", "not_for_us", "expired", "crowded", "too_fast")
        ]
        said += [words.ADMINS_ONLY, words.TOO_OLD, words.SETTLED, words.REINDEX_BUSY, words.REINDEX_STARTED, words.KEPT]
        said += [words.OUT_OF_DATE.format(command="rollback"), words.STOPPING, words.ENDED_ALREADY]
        said += [words.THANKS, words.WHAT_WAS_WRONG, words.THANKS_FOR_REASON]
        said += [words.ANSWER_FORGOTTEN, words.NOT_THIS_ANSWER]
        assert max(len(text.encode("utf-16-le")) // 2 for text in said) <= 200


def test_a_thread_speaks_the_language_of_who_gave_it_work() -> None:
    with Pool(1, thread_name_prefix="test") as pool:
        with words.speaking("ru"):
            first = pool.submit(lambda: words.THANKS)
        second = pool.submit(lambda: words.THANKS)
        assert (first.result(), second.result()) == ("Спасибо!", "Thank you!")


def test_many_threads_may_be_the_first_to_speak() -> None:
    words.language._catalog.cache_clear()
    start, said = threading.Barrier(8), list[str]()

    def speak() -> None:
        words.speak("ru")
        start.wait()
        said.append(words.THANKS)

    threads = [threading.Thread(target=speak) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == ["Спасибо!"] * 8
    assert LANGUAGE.get() == "en"


def test_tasks_begun_for_a_person_go_on_in_their_language() -> None:
    async def update(code: str) -> str:
        words.speak(code)
        background = asyncio.create_task(later())
        await asyncio.sleep(0)
        return f"{words.THANKS} {await background}"

    async def later() -> str:
        await asyncio.sleep(0.01)
        return await asyncio.to_thread(lambda: words.BACK_BUTTON)

    async def both() -> list[str]:
        return await asyncio.gather(*(asyncio.create_task(update(code)) for code in ("ru", "en", "ru")))

    assert asyncio.run(both()) == ["Спасибо! ‹ Назад", "Thank you! ‹ Back", "Спасибо! ‹ Назад"]


TROUBLES = [
    errors.Blank(),
    errors.Wordless(),
    errors.TooLong(4_321, 2_000),
    errors.Superseded(),
    errors.Cancelled("Stopped."),
    errors.NothingToUndo("There is none."),
    errors.NotIndexed("Nothing in /srv/data yet."),
    errors.Busy("The data directory /srv/data is in use: process 17."),
    errors.TooMuchGone("2 of 3 would go."),
    errors.SourceError("There is no folder /srv/articles."),
    errors.Gone("cannot be fetched: example.org does not have it any more (404)"),
    errors.OtherModel("Made with another/model."),
    errors.ModelUnavailable("No such/model."),
    errors.StoreUnavailable("db.example.org is away."),
    errors.Died("It ended."),
    errors.SettingsError("[answer] caution is 7."),
    errors.FootnoteError("Who knows."),
]
WHOLE = (errors.Blank, errors.Wordless, errors.TooLong, errors.Superseded, errors.Cancelled, errors.NothingToUndo)


@pytest.mark.parametrize("error", TROUBLES, ids=lambda error: type(error).__name__)
def test_trouble_is_told_in_ones_own_language_and_nothing_an_admin_needs_is_lost(error: errors.FootnoteError) -> None:
    assert words.trouble(error) == str(error)
    with words.speaking("ru"):
        said = words.trouble(error)
    assert re.match(r"[А-Я][а-яё ]+", said)
    whole = isinstance(error, (*WHOLE, errors.NotIndexed))
    assert said.endswith(str(error)) != whole
    assert not whole or not latin(said)


def test_every_error_of_the_library_has_a_case_here() -> None:
    kinds = {
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.FootnoteError)
    }
    assert kinds - {type(error) for error in TROUBLES} == {errors.QuestionError, errors.Damaged}


def test_a_plan_and_its_progress_are_told_in_russian() -> None:
    plan = Plan("/srv/articles", 21, added=3, changed=1, removed=5, unchanged=15, failures=(), again=True, consent=True)
    with words.speaking("ru"):
        assert words.plan(plan) == "+3 ~1 -5 · без изменений: 15 · все векторы вычисляются заново"
        assert words.gone(plan).startswith("Будет удалено 5 из 21 статьи: в папке /srv/articles их больше нет.")
        assert words.remove_button(plan) == "Удалить 5 статей"
        assert words.progress(Progress("embedding", 1_500, 3_000, 100.0)) == (
            "Вычисление векторов\n▰▰▰▰▰▰▱▱▱▱▱▱ 1\xa0500 из 3\xa0000 · 100/с · осталось 15 с"
        )


# conversations

PACED = Limits(1_000.0, 1.0, 1_000, call=3.0)
"""People tap no faster than Telegram lets a message be edited."""

OWN = [
    HARBOUR,
    BAKERY,
    HOURS,
    "The old harbour",
    "A bakery moves",
    "Library hours",
    "The Gazette",
    "What is known about",
    WHEN,
    "A new ferry",
]


def latin(text: str) -> list[str]:
    """Return the words in Latin letters that are no command, nor of an article, or asked about it."""
    sentences = [sentence for one in OWN for sentence in (one, *re.split(r"(?<=\.)\s+", one))]
    for one in sorted(sentences, key=len, reverse=True):
        text = re.sub(re.escape(one), " ", text, flags=re.IGNORECASE)
    text = re.sub(r"/[a-z_]+|`[^`]*`", " ", text)
    return [word for word in re.findall(r"[A-Za-z]{2,}", text) if word not in NAMES]


def all_russian(messages: Iterable[Message]) -> Iterator[str]:
    """Yield what of some messages and their buttons is not in Russian."""
    for message in messages:
        yield from latin(message.text)
        yield from (word for label in message.labels for word in latin(label))


def settles(person: Person, message: Message, text: str) -> Message:
    """Wait until a message begins so."""
    return person.waits(lambda m: m.id == message.id and m.text.startswith(text), timeout=60)


def test_a_person_who_speaks_russian_reads_nothing_else(api: BotApi, serve: Serve, shared: Library) -> None:
    vera = api.person(GUEST, "Вера", language_code="ru")
    with serve(shared, telegram__allowed=[GUEST], limits=PACED):
        assert answered(vera, "/start").text.startswith("Спрашивайте о чём угодно")
        answer = answered(vera, WHEN)
        assert answer.labels == ("1", "Почему", "👍", "👎")
        assert "1 мая 2024" in answer.text
        for label, begins in (("1", "[1]"), ("‹ Назад", "The old"), ("Почему", "Вы спросили"), ("‹ Назад", "The old")):
            assert vera.presses(answer, label).answer().text == ""
            shown = settles(vera, answer, begins)
            assert not list(all_russian([shown]))
        assert vera.presses(answer, "👎").answer().text == "Спасибо. Что было не так?"
        until(lambda: "Не тот источник" in vera.chat[-1].labels)
        refused = answered(vera, "Who won the zeppelin race of Kraków?")
        assert refused.text.startswith("Насколько я могу судить")
        assert "Ближе всего к вопросу:" in refused.text
        assert set(latin(refused.text)) <= {"zeppelin", "race", "Krak", "Kraków", "won"}  # the words nobody mentions
        told = [answered(vera, text) for text in ("/help", "/sources", "/status", "/reindex", "/ask", "?!", "/new")]
        told += [answered(vera, "слово " * 600)]
    assert told[5].text == "Я не вижу здесь слов. Пожалуйста, задайте вопрос словами."
    assert re.match(r"Вопрос слишком длинный: 3\s\d{3} знаков", told[-1].text)
    said = [message for message in vera.chat if message.from_bot and message.id != refused.id]
    assert {m.text: bad for m in said if (bad := list(all_russian([m])))} == {}


def test_an_admin_who_speaks_russian_reindexes_in_russian(
    api: BotApi, serve: Serve, own_library: Library, folder: Path
) -> None:
    boss = api.person(ADMIN, "Начальник", language_code="ru-RU")
    with serve(own_library, telegram__reindex_every=60):
        idle = answered(boss, "/reindex")
        settles(boss, idle, "Изменений нет: 3 статьи.")
        write(folder / "ferry.md", title="A new ferry", text="A new ferry goes to the island of Vessel.")
        plan = settles(boss, answered(boss, "/reindex"), "+1 ~0 -0")
        assert plan.labels == ("Переиндексировать", "Оставить всё как есть")
        assert boss.presses(plan, "Переиндексировать").answer().text == "Переиндексация…"
        done = settles(boss, plan, "Готово за ")
        assert "4 статьи" in done.text
        assert "Добавлено: 1" in done.text
        for name in ("bakery.md", "library.md", "ferry.md"):
            (folder / name).unlink()
        asked = settles(boss, answered(boss, "/reindex"), "+0 ~0 -3")
        assert asked.labels == ("Удалить 3 статьи", "Оставить всё как есть")
        assert "из 4 статей" in asked.text
        assert boss.presses(asked, "Оставить всё как есть").answer().text == "Всё остаётся как есть."
        settles(boss, asked, "Всё осталось как есть")
        back = answered(boss, "/rollback")
        assert back.labels == ("Вернуться", "Не менять")
        boss.presses(back, "Вернуться").answer()
        settles(boss, back, "Снова действует версия 1")
        status = answered(boss, "/status").text
        assert "приостановлена" in status
        assert re.search(r"Последняя переиндексация, .+: добавлено 1", status)
        assert answered(boss, "/stats").text.startswith("С ")
        assert answered(boss, "/gaps 5").text.startswith("За последние 5 дней")
        assert answered(boss, "/export 1").text.startswith("Среди отзывов за последний 1 день")
        assert answered(boss, "/export 0").text.startswith("Напишите просто /export")
        answered(boss, "/help")
    said = [re.sub(r"/\S*articles\b", "", message.text) for message in boss.chat if message.from_bot]
    assert not [word for text in said for word in latin(text)]


def test_the_schedule_tells_each_admin_in_the_language_they_asked_in(
    api: BotApi, serve: Serve, own_library: Library, folder: Path
) -> None:
    boss, other = api.person(ADMIN, "Борис", language_code="ru"), api.person(ADMIN + 50, "Other", language_code="fr")
    with serve(own_library, telegram__reindex_every=60, telegram__admins=[ADMIN, ADMIN + 50]) as running:
        answered(boss, WHEN)
        answered(other, WHEN)
        for name in ("bakery.md", "library.md"):
            (folder / name).unlink()
        due_now(running)
        russian = boss.waits(lambda m: m.text.startswith("Папка перечитана по расписанию."), timeout=90)
        english = other.waits(lambda m: m.text.startswith("The folder was read again on schedule."), timeout=90)
    assert "Будет удалено 2 из 3 статей" in russian.text
    assert russian.labels == ("Удалить 2 статьи", "Оставить всё как есть")
    assert english.labels == ("Remove 2 articles", "Leave all as it is")


def test_who_is_turned_away_hears_it_in_their_language(api: BotApi, serve: Serve, shared: Library) -> None:
    igor, eve = (
        api.person(STRANGER + n, name, language_code=code) for n, (name, code) in enumerate([("И", "ru"), ("E", "de")])
    )
    with serve(shared, telegram__allowed=[GUEST]):
        assert answered(igor, WHEN).text.startswith("Это закрытый бот.")
        assert answered(eve, WHEN).text.startswith("This bot is private.")


def test_what_nobody_foresaw_is_told_in_ones_language(
    api: BotApi, serve: Serve, shared: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    vera = api.person(GUEST, "Вера", language_code="ru")
    monkeypatch.setattr(shared, "ask", lambda *_: 1 // 0)
    with serve(shared):
        assert answered(vera, WHEN).text.startswith("У меня что-то пошло не так.")


def test_two_who_ask_at_once_are_each_answered_in_their_language(
    api: BotApi, serve: Serve, shared: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [
        api.person(GUEST + n, f"P{n}", language_code=code)
        for n, code in enumerate(["ru", "en", "ru", None, "ru", "fr", "en", "ru"])
    ]
    ask, together = shared.ask, threading.Barrier(2)

    def at_once(question: str, *history: object) -> Answer:
        together.wait(20)  # the two threads that ask have one question each
        return ask(question, *history)  # type: ignore[arg-type]

    monkeypatch.setattr(shared, "ask", at_once)
    with serve(shared):
        asked = [person.says(WHEN) for person in people]
        replies = [p.waits(lambda _: True, after=said, timeout=40) for p, said in zip(people, asked, strict=True)]
    russian = [person.user.language_code == "ru" for person in people]
    assert [reply.labels[1] for reply in replies] == ["Почему" if one else "Why" for one in russian]
    assert ["1 мая 2024" in reply.text for reply in replies] == russian


def test_each_language_has_menus_and_everybody_else_the_english_ones(
    api: BotApi, bot: Bot, serve: Serve, shared: Library
) -> None:
    api.person(ADMIN, "Boss")
    with serve(shared):
        until(lambda: len(api.calls("setMyCommands")) == 6)
    for scope, names in (
        ({"type": "default"}, list(words.COMMANDS)),
        ({"type": "all_group_chats"}, list(words.GROUP_COMMANDS)),
        ({"type": "chat", "chat_id": ADMIN}, [*words.COMMANDS, *words.ADMIN_COMMANDS]),
    ):
        english, russian = (bot.call("getMyCommands", scope=scope, language_code=code) for code in ("", "ru"))
        assert [one["command"] for one in english] == [one["command"] for one in russian] == names
        assert all(re.match(r"[A-Z][a-z]*\b", one["description"]) for one in english)
        assert all(re.match(r"[А-Я][а-я]*\b", one["description"]) for one in russian)
        assert not [word for one in russian for word in latin(one["description"])]
