"""Inline mode as the bot meets it: answerInlineQuery, and the cache that spares it some queries."""

import re
from typing import Final

from aiogram import methods
from aiogram.types import InlineQueryResultArticle, InlineQueryResultsButton, InputTextMessageContent

from tests.botapi.formatting import utf16_length
from tests.botapi.keyboard import check_keyboard, read_keyboard
from tests.botapi.records import InlineAnswer, InlineQuery, InlineResult
from tests.botapi.refusal import Refusal, refuse, unsupported
from tests.botapi.sending import MAX_TEXT_LENGTH, read_link_preview, read_text
from tests.botapi.state import State

MAX_RESULTS: Final = 50
MAX_ID_BYTES: Final = 64
MAX_OFFSET_BYTES: Final = 64
USUAL_CACHE_TIME: Final = 300
LONGEST_CACHE_TIME: Final = 86_400
START_PARAMETER: Final = re.compile("[A-Za-z0-9_-]{1,64}")
_NO_PART: Final = "InlineQueryResultsButton must have exactly one optional field"


def answer_inline_query(state: State, request: methods.AnswerInlineQuery) -> bool:
    """Show somebody results; also whoever asks the same while the answer is cached."""
    button = _read_button(request.button)
    if len(request.results) > MAX_RESULTS:
        raise refuse("Too many inline query results specified")
    results = tuple(_read_result(state, result) for result in request.results)
    query = state.inline.waiting.get(request.inline_query_id)
    if not state.inline.enabled:
        raise refuse("USER_BOT_INVALID")
    if query is None:
        raise refuse("query is too old and response timeout expired or query ID is invalid")
    _check(request, results)
    cache_time = USUAL_CACHE_TIME if request.cache_time is None else request.cache_time
    answer = InlineAnswer(
        results,
        cache_time=min(max(cache_time, 0), LONGEST_CACHE_TIME),
        is_personal=request.is_personal is True,
        next_offset=request.next_offset or "",
        button=button.text if button else None,
        start_parameter=button.start_parameter if button else None,
    )
    del state.inline.waiting[request.inline_query_id]
    state.inline.answers[request.inline_query_id] = answer
    _cache(state, query, answer)
    state.changed.notify_all()
    return True


def cached(state: State, query: InlineQuery) -> InlineAnswer | None:
    """Find an answer that spares the bot this query."""
    for person in (query.person, None):
        until, answer = state.inline.cache.get((query.text, query.offset, person), (0.0, None))
        if answer and state.clock() < until:
            return answer
    return None


def _cache(state: State, query: InlineQuery, answer: InlineAnswer) -> None:
    person = query.person if answer.is_personal else None
    state.inline.cache[query.text, query.offset, person] = (state.clock() + answer.cache_time, answer)


def _read_button(button: InlineQueryResultsButton | None) -> InlineQueryResultsButton | None:
    if button is None:
        return None
    if button.web_app:
        raise unsupported("a button that opens a web app")
    if button.start_parameter is None:
        raise refuse(f"Can't parse inline query results button: {_NO_PART}")
    if not button.text:
        raise refuse("BUTTON_TEXT_INVALID")
    if not START_PARAMETER.fullmatch(button.start_parameter):
        raise refuse("START_PARAM_INVALID")
    return button


def _read_result(state: State, result: object) -> InlineResult:
    if not isinstance(result, InlineQueryResultArticle):
        raise unsupported(type(result).__name__)
    content = result.input_message_content
    if not isinstance(content, InputTextMessageContent):
        raise unsupported(type(content).__name__)
    if not content.message_text:
        raise refuse("Can't parse inline query result: Message text is empty")
    try:
        body = read_text(state, content.message_text, content.parse_mode, content.entities)
    except Refusal as refusal:
        raise _in_result(refusal) from refusal
    if utf16_length(body.text) > MAX_TEXT_LENGTH:
        raise refuse("MESSAGE_TOO_LONG")
    buttons = read_keyboard(result.reply_markup)
    check_keyboard(buttons)
    return InlineResult(
        id=result.id,
        title=result.title,
        description=result.description or None,
        url=result.url or None,
        text=body.text,
        html=content.message_text,
        entities=body.entities,
        buttons=buttons,
        link_preview=read_link_preview(content.link_preview_options),
    )


def _in_result(refusal: Refusal) -> Refusal:
    """Say where the text is that could not be parsed; what comes of cleaning it is not said to be anywhere."""
    reason = refusal.description.removeprefix("Bad Request: ")
    if not reason.startswith(("can't parse entities", "unsupported parse_mode", "text is too long")):
        return refusal
    return refuse(f"Can't parse inline query result: {reason[0].upper()}{reason[1:]}")


def _check(request: methods.AnswerInlineQuery, results: tuple[InlineResult, ...]) -> None:
    """Check what only Telegram's own servers check."""
    ids = [result.id for result in results]
    if any(not 1 <= len(each.encode()) <= MAX_ID_BYTES for each in ids):
        raise refuse("RESULT_ID_INVALID")
    if len(set(ids)) < len(ids):
        raise refuse("RESULT_ID_DUPLICATE")
    if not all(result.title.strip() for result in results):
        raise refuse("ARTICLE_TITLE_EMPTY")
    if len((request.next_offset or "").encode()) > MAX_OFFSET_BYTES:
        raise refuse("NEXT_OFFSET_INVALID")
