"""Unpacking what was made to keep whoever unpacks it busy."""

import gzip
import os
import time

import pytest

from index.errors import Cancelled, SourceError
from index.web.unpack import gunzip

MEMBER = gzip.compress(b"")


def test_a_file_of_several_members_is_whole_wherever_it_is_cut() -> None:
    parts = [os.urandom(size) for size in (0, 1, 65_500, 65_536, 200_000)]
    data = b"".join(map(gzip.compress, parts))
    assert gunzip(data, limit=1_000_000) == b"".join(parts)
    with pytest.raises(SourceError, match="cut off"):
        gunzip(data[:-1], limit=1_000_000)


def test_a_file_of_a_thousand_members_is_unpacked_and_of_more_is_refused_at_once() -> None:
    assert gunzip(MEMBER * 999 + gzip.compress(b"end"), limit=1_000_000) == b"end"
    began = time.perf_counter()
    with pytest.raises(SourceError, match=r"^cannot be fetched: it is packed in more than 1,000 parts$"):
        gunzip(MEMBER * 500_000, limit=50_000_000)
    assert time.perf_counter() - began < 2.0


def test_unpacking_can_be_stopped() -> None:
    looks = 0

    def heed() -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        gunzip(gzip.compress(os.urandom(1_000_000)), limit=2_000_000, heed=heed)
    assert looks == 3
