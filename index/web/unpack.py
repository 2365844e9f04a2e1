"""Unpack what was packed on the way, up to a bound: a few kilobytes can unpack to gigabytes. No I/O."""

import zlib
from collections.abc import Callable, Iterable, Iterator

from index.errors import SourceError

ENCODINGS = "gzip, deflate"
"""What a server is told that we unpack. Brotli and zstandard would be libraries of their own, for little gain."""

_GZIP = zlib.MAX_WBITS | 16
_MAGIC = b"\x1f"
_STEP = 64 * 1024
_MEMBERS = 1_000  # gzip files that stand one behind the other; programs that pack so make a handful


def unpacked(pieces: Iterable[bytes], encoding: str, *, limit: int) -> bytes:
    """Return a body put together and unpacked, as `encoding` (a Content-Encoding) says. Holds `limit` bytes at most.

    Raises:
        SourceError: it is larger, broken, cut off, or packed in a way that we did not ask for.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return _counted(pieces, limit)
    if name in ("gzip", "x-gzip"):
        return _counted(_inflated(pieces, limit, gzip=True), limit)
    if name == "deflate":
        return _counted(_inflated(pieces, limit, gzip=False), limit)
    msg = f"cannot be fetched: it is packed in a way that was not asked for ({name[:40]!a})"
    raise SourceError(msg)


def gunzip(data: bytes, *, limit: int, heed: Callable[[], object] = lambda: None) -> bytes:
    """Return what a .gz file holds. `heed` is called again and again meanwhile, and may raise to stop it.

    Raises:
        SourceError: as `unpacked` does.
    """
    return unpacked(_slices(data, heed), "gzip", limit=limit)


def _slices(data: bytes, heed: Callable[[], object]) -> Iterator[bytes]:
    """Yield a file in steps: zlib copies all that it was given and did not use yet, at every member and every step."""
    for start in range(0, len(data), _STEP):
        heed()
        yield data[start : start + _STEP]


def too_large(limit: int) -> SourceError:
    """Return the error for what is larger than `limit` bytes."""
    return SourceError(f"is larger than {limit / 1_000_000:g} MB")


def _counted(pieces: Iterable[bytes], limit: int) -> bytes:
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > limit:
            raise too_large(limit)
    return bytes(body)


def _inflated(pieces: Iterable[bytes], limit: int, *, gzip: bool) -> Iterator[bytes]:
    """Yield what is packed, in steps, so that no small piece fills the memory at once."""
    inflate: zlib._Decompress | None = None
    size, members = 0, 1
    for piece in pieces:
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        rest, full = piece, False
        while rest or full:
            if inflate is None:
                inflate = zlib.decompressobj(_GZIP if gzip else _deflate_window(rest))
            elif inflate.eof:
                if not (gzip and rest.startswith(_MAGIC)):
                    return  # what stands behind the end is passed over by every program
                members += 1
                if members > _MEMBERS:
                    msg = f"cannot be fetched: it is packed in more than {_MEMBERS:,} parts"
                    raise SourceError(msg)
                inflate = zlib.decompressobj(_GZIP)  # gzip files may stand one behind the other
            try:
                given = inflate.decompress(rest, _STEP)
            except zlib.error as exc:
                msg = "cannot be fetched: what was packed for the way cannot be unpacked"
                raise SourceError(msg) from exc
            yield given
            rest, full = inflate.unused_data or inflate.unconsumed_tail, len(given) == _STEP and not inflate.eof
    if inflate is not None and not inflate.eof:
        msg = "cannot be fetched: it was cut off on the way"
        raise SourceError(msg)


def _deflate_window(data: bytes) -> int:
    """Return how deflate is read: with zlib's header, as HTTP means it, or without, as some servers understand it."""
    return zlib.MAX_WBITS if data[0] & 0x0F == zlib.DEFLATED else -zlib.MAX_WBITS
