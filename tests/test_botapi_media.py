"""The Bot API server for tests takes documents and photos, and people read what is in them."""

import asyncio
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from telegram.ext import ApplicationBuilder

from tests.barebot import Bot, keyboard
from tests.botapi import BotApi, Entity, Person

TOO_BIG = "400 Bad Request: file of size {} bytes is too big for a photo; the maximum size is 10485760 bytes"


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi() as api:
        yield api
        assert api.findings == []


def picture(width: int, height: int, kind: str = "PNG") -> bytes:
    file = BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, kind)
    return file.getvalue()


def test_a_document_is_read_back(anna: Person, bot: Bot) -> None:
    question = anna.says("/export")
    sent = bot.call(
        "sendDocument",
        chat_id=7,
        files={"document": ("cases 2026.jsonl", b'{"a": 1}\n\x00\xff')},
        caption="All <b>cases</b>",
        parse_mode="HTML",
        reply_markup=keyboard(callback_data="again"),
        reply_parameters={"message_id": question.id},
    )
    message = anna.waits(lambda m: m.document is not None)
    assert message.document
    assert (message.document.name, message.document.data) == ("cases 2026.jsonl", b'{"a": 1}\n\x00\xff')
    assert (message.text, message.entities, message.labels) == ("All cases", (Entity("bold", 4, 5),), ("Go",))
    assert (sent["document"]["file_name"], sent["document"]["file_size"]) == ("cases 2026.jsonl", 11)
    assert (sent["caption"], sent["caption_entities"][0]["type"], "text" in sent) == ("All cases", "bold", False)
    assert sent["reply_to_message"]["message_id"] == question.id


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_photo_is_measured_and_read_back(anna: Person, bot: Bot, kind: str) -> None:
    data = picture(1600, 400, kind)
    sent = bot.call("sendPhoto", chat_id=7, files={"photo": ("x", data)}, caption=" ")
    [message] = anna.chat
    assert message.photo
    assert (message.photo.width, message.photo.height, message.photo.data) == (1600, 400, data)
    sizes = [(size["width"], size["height"]) for size in sent["photo"]]
    assert sizes == [(90, 22), (320, 80), (800, 200), (1280, 320)]
    assert "caption" not in sent


def test_a_small_photo_keeps_its_size(anna: Person, bot: Bot) -> None:
    sent = bot.call("sendPhoto", chat_id=anna.id, files={"photo": ("x.png", picture(100, 50))})
    assert [(size["width"], size["height"]) for size in sent["photo"]] == [(90, 45), (100, 50)]


def test_files_go_into_topics_and_count_as_messages(api: BotApi, anna: Person, bot: Bot) -> None:
    forum = api.group("Readers", anna, forum=True)
    topic = forum.topic("Numbers")
    where = {"chat_id": forum.id, "message_thread_id": topic.thread}
    bot.call("sendPhoto", files={"photo": ("x.png", picture(9, 9))}, **where)
    bot.call("sendDocument", files={"document": ("x.txt", b"x")}, **where)
    assert [message.in_topic for message in topic.chat[1:]] == [True, True]
    assert len(api.pace) == 1
    api.enforce_limits()
    assert "429" in bot.refusal("sendDocument", files={"document": ("x.txt", b"x")}, **where)


PNG = {"photo": ("x.png", picture(9, 9))}
TEXT = {"document": ("x.txt", b"x")}


@pytest.mark.parametrize(
    "method, parameters, refusal",
    [
        ("sendDocument", {}, "400 Bad Request: there is no document in the request"),
        ("sendPhoto", {}, "400 Bad Request: there is no photo in the request"),
        ("sendDocument", {"files": {"document": ("x.txt", b"")}}, "400 Bad Request: file must be non-empty"),
        ("sendPhoto", {"files": {"photo": ("x.png", b"not a picture")}}, "400 Bad Request: IMAGE_PROCESS_FAILED"),
        ("sendPhoto", {"files": {"photo": ("x.png", picture(99, 99)[:-60])}}, "400 Bad Request: IMAGE_PROCESS_FAILED"),
        ("sendPhoto", {"files": {"photo": ("x", picture(9_990, 600))}}, "400 Bad Request: PHOTO_INVALID_DIMENSIONS"),
        ("sendPhoto", {"files": {"photo": ("x", picture(210, 10))}}, "400 Bad Request: PHOTO_INVALID_DIMENSIONS"),
        (
            "sendPhoto",
            {"files": {"photo": ("x", picture(9, 9, "GIF"))}},
            "400 Bad Request: not reproduced by this test server: a photo in the format GIF",
        ),
        (
            "sendPhoto",
            {"files": {"photo": ("x", picture(9, 9) + bytes(10 << 20))}},
            TOO_BIG.format(len(picture(9, 9)) + (10 << 20)),
        ),
        ("sendDocument", {"files": {"document": ("x", bytes((50 << 20) + 1))}}, "413 Request Entity Too Large"),
        ("sendDocument", {"files": {"document": ("x", bytes(65 << 20))}}, "413 Request Entity Too Large"),
        ("sendPhoto", {"files": PNG, "caption": "x" * 1025}, "400 Bad Request: message caption is too long"),
        ("sendDocument", {"files": TEXT, "caption": "x" * 1025}, "400 Bad Request: message caption is too long"),
        (
            "sendDocument",
            {"files": TEXT, "caption": "a <b>b", "parse_mode": "HTML"},
            "400 Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\"",
        ),
        ("sendDocument", {"files": TEXT, "reply_markup": keyboard(callback_data="x" * 65)}, "BUTTON_DATA_INVALID"),
        ("sendDocument", {"files": TEXT, "chat_id": 8}, "400 Bad Request: chat not found"),
        ("sendDocument", {"files": TEXT, "text": "x"}, "400 Bad Request: unknown field text"),
        (
            "sendDocument",
            {"files": {**TEXT, "thumbnail": ("x", b"x")}},
            "not reproduced by this test server: thumbnail",
        ),
        ("sendDocument", {"document": "BQACAgIAAxkB1"}, "not reproduced by this test server: files by id or URL"),
        ("sendDocument", {"files": {"document": ("x.mp4", b"x")}}, "not reproduced by this test server: a document of"),
        ("sendMessage", {"files": {"text": ("x.txt", b"x")}}, '400 Bad Request: field "text" must be of type String'),
    ],
)
def test_a_wrong_upload_is_refused_in_the_words_of_telegram(
    anna: Person, bot: Bot, method: str, parameters: dict[str, Any], refusal: str
) -> None:
    assert refusal in bot.refusal(method, **{"chat_id": 7, **parameters})
    assert anna.chat == []


def test_limits_of_files_are_inclusive(anna: Person, bot: Bot) -> None:
    small = picture(9, 9)
    bot.call("sendPhoto", chat_id=7, files={"photo": ("x.png", small + bytes((10 << 20) - len(small)))})
    bot.call(
        "sendPhoto",
        chat_id=7,
        files={"photo": ("x.png", picture(200, 10))},
        caption=f"<b>{'x' * 1024}</b>",
        parse_mode="HTML",
    )
    bot.call("sendDocument", chat_id=7, files={"document": ("x", bytes(50 << 20))})
    assert [len(message.text) for message in anna.chat] == [0, 1024, 0]


def test_a_caption_is_edited_and_a_file_deleted(anna: Person, bot: Bot) -> None:
    bot.call("sendPhoto", chat_id=7, files=PNG, caption="one")
    bot.call("sendMessage", chat_id=7, text="x")
    assert bot.call("editMessageCaption", chat_id=7, message_id=1, caption="two")["caption"] == "two"
    assert anna.chat[0].photo
    for method, number, text, refusal in (
        ("editMessageCaption", 2, "x", "there is no caption in the message to edit"),
        ("editMessageCaption", 1, "x" * 1025, "MEDIA_CAPTION_TOO_LONG"),
        ("editMessageCaption", 1, "two", "message is not modified"),
        ("editMessageText", 1, "x", "there is no text in the message to edit"),
    ):
        what = {"text" if method == "editMessageText" else "caption": text}
        assert f"400 Bad Request: {refusal}" in bot.refusal(method, chat_id=7, message_id=number, **what)
    assert bot.call("deleteMessage", chat_id=7, message_id=1)
    assert [message.text for message in anna.chat] == ["x"]


def test_the_library_sends_files(api: BotApi, anna: Person) -> None:
    data = picture(64, 32)

    async def send() -> None:
        async with ApplicationBuilder().token(api.token).base_url(f"{api.url}/bot").build() as app:
            sent = await app.bot.send_document(7, b"a,b\n", filename="Größe.csv", caption="Here")
            assert sent.document
            assert (sent.document.file_name, sent.document.mime_type, sent.caption) == ("Größe.csv", "text/csv", "Here")
            shown = await app.bot.send_photo(7, BytesIO(data))
            assert (shown.photo[-1].width, shown.photo[-1].height) == (64, 32)

    asyncio.run(send())
    document, photo = anna.chat
    assert document.document
    assert document.document.data == b"a,b\n"
    assert photo.photo
    assert photo.photo.data == data


def test_a_file_that_a_person_sends_is_downloaded_by_the_bot(api: BotApi, anna: Person, bot: Bot) -> None:
    sent = anna.sends("mill.md", b"The mill", caption="Read this", album="a1", said_size=5)
    (update,) = bot.updates()
    message = update["message"]
    assert (message["caption"], message["media_group_id"], message["document"]["file_size"]) == ("Read this", "a1", 5)
    told = bot.call("getFile", file_id=message["document"]["file_id"])
    assert (told["file_size"], sent.document and sent.document.data) == (8, b"The mill")
    path = f"{api.url}/file/bot{api.token}/{told['file_path']}"
    assert bot.http.get(path).content == b"The mill"
    assert bot.http.get(path + "x").status_code == 404
    assert bot.http.get(path.replace(api.token, "1:other")).status_code == 404
    assert "invalid file_id" in bot.refusal("getFile", file_id="nothing")


def test_a_file_above_twenty_megabytes_cannot_be_had(anna: Person, bot: Bot) -> None:
    anna.sends("large.pdf", bytes((20 << 20) + 1))
    (update,) = bot.updates()
    refusal = bot.refusal("getFile", file_id=update["message"]["document"]["file_id"])
    assert refusal == "400 Bad Request: file is too big"


def test_what_a_person_forwards_says_who_wrote_it(anna: Person, bot: Bot) -> None:
    origin = {"type": "hidden_user", "sender_user_name": "Eve", "date": 5}
    anna.forwards("Hello", origin)
    (update,) = bot.updates()
    assert (update["message"]["text"], update["message"]["forward_origin"]) == ("Hello", origin)
