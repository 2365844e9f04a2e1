"""Methods that send files: documents and photos, uploaded with the request. Knows no HTTP."""

from io import BytesIO
from mimetypes import guess_type
from typing import Final

from aiogram import methods
from aiogram.types import BufferedInputFile, InputFile

from tests.botapi.formatting import Json, utf16_length
from tests.botapi.keyboard import check_keyboard, read_keyboard
from tests.botapi.records import Document, Photo
from tests.botapi.refusal import Refusal, refuse, unsupported
from tests.botapi.sending import MAX_CAPTION_LENGTH, edit, find_editable, read_caption, send
from tests.botapi.state import State
from tests.botapi.wire import file_json

MAX_FILE_SIZE: Final = 50 << 20
MAX_DOWNLOAD_SIZE: Final = 20 << 20
"""Largest file that a bot can download."""

MAX_PHOTO_SIZE: Final = 10 << 20
MAX_PHOTO_SIDES: Final = 10_000
"""Most pixels of width and height together."""

MAX_PHOTO_RATIO: Final = 20
PICTURES: Final = frozenset({"JPEG", "PNG"})


def send_document(state: State, request: methods.SendDocument) -> Json:
    """Post a file."""
    name, data = _upload(request.document)
    mime = guess_type(name)[0] or "application/octet-stream"
    if mime.startswith(("audio/", "video/", "image/gif")) and not request.disable_content_type_detection:
        raise unsupported(f"a document of type {mime}, which becomes another kind of message")
    body = read_caption(state, request)
    document = Document(f"BQACAgIAAxkB{state.new_id()}", name, mime, data)
    return send(state, request, html=request.caption or "", body=body, content={"document": document})


def send_photo(state: State, request: methods.SendPhoto) -> Json:
    """Post a picture."""
    _, data = _upload(request.photo)
    body = read_caption(state, request)
    if len(data) > MAX_PHOTO_SIZE:
        size = f"file of size {len(data)} bytes"
        raise refuse(f"{size} is too big for a photo; the maximum size is {MAX_PHOTO_SIZE} bytes")
    width, height = measure(data)
    photo = Photo(f"AgACAgIAAxkB{state.new_id()}", width, height, data)
    return send(state, request, html=request.caption or "", body=body, content={"photo": photo})


def edit_message_caption(state: State, request: methods.EditMessageCaption) -> Json | bool:
    """Replace the caption and the keyboard of a message with a file."""
    body = read_caption(state, request)
    buttons = read_keyboard(request.reply_markup)
    old = find_editable(state, request)
    if not (old.document or old.photo):
        raise refuse("there is no caption in the message to edit")
    if utf16_length(body.text) > MAX_CAPTION_LENGTH:
        raise refuse("MEDIA_CAPTION_TOO_LONG")
    check_keyboard(buttons)
    return edit(state, request, old, state.rewritten(old, html=request.caption or "", body=body, buttons=buttons))


def get_file(state: State, request: methods.GetFile) -> Json:
    """Tell where a file that somebody sent is downloaded."""
    document = state.files.get(request.file_id)
    if document is None:
        raise refuse("invalid file_id")
    if len(document.data) > MAX_DOWNLOAD_SIZE:
        raise refuse("file is too big")
    return file_json(document)


def measure(data: bytes) -> tuple[int, int]:
    """Decode a PNG or JPEG and return its width and height in pixels; raise Refusal where Telegram cannot show it."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(BytesIO(data)) as picture:
            kind, (width, height) = picture.format, picture.size
            if width + height > MAX_PHOTO_SIDES or max(width, height) > MAX_PHOTO_RATIO * min(width, height):
                raise refuse("PHOTO_INVALID_DIMENSIONS")
            picture.load()
    except Refusal:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise refuse("PHOTO_INVALID_DIMENSIONS") from exc
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as exc:
        raise refuse("IMAGE_PROCESS_FAILED") from exc
    if kind not in PICTURES:
        raise unsupported(f"a photo in the format {kind}")
    return width, height


def _upload(file: str | InputFile) -> tuple[str, bytes]:
    """Return the name and the bytes of an upload."""
    if not isinstance(file, BufferedInputFile):
        raise unsupported("files by id or URL")
    if len(file.data) > MAX_FILE_SIZE:
        raise Refusal(413, "Request Entity Too Large")
    if not file.data:
        raise refuse("file must be non-empty")
    return file.filename or "file", file.data
