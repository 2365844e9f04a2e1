"""What servers say of the kind of what they send."""

import time

from index.web.mime import ContentType, content_type


def test_a_kind_and_an_encoding_are_read_however_they_are_written() -> None:
    assert content_type("Text/HTML ;  charset = 'UTF-8'") == ContentType("text/html", "utf-8")
    assert content_type("text/html") == ContentType("text/html")


def test_a_header_of_spaces_is_read_at_once() -> None:
    began = time.perf_counter()
    for _ in range(10):
        assert content_type("text/html; charset=" + " " * 16_000 + "!") == ContentType("text/html")
    assert time.perf_counter() - began < 2.0  # one took seconds
