"""Read the members of a zip file that is held in memory, as docx and epub are, and XML safely. Knows no format.

Names are looked up in the zip's own list and are never used as paths. What a member unpacks to is known before it is
unpacked, because `zipfile` never gives more than what is declared.
"""

import io
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias
from urllib.parse import unquote

from index.errors import SourceError

Node: TypeAlias = Any  # an lxml element; lxml ships no types

LARGEST = 32 << 20
"""Bytes of one member that is read: a document.xml of this size holds three million characters of text."""

TOTAL = 256 << 20
"""Bytes of all members together, pictures included: several times what the largest file that is read has by default."""

RATIO = 200
"""Times its packed size that a member of more than a megabyte may unpack to: an office program's XML does 10-50."""

_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
"""All that `zipfile` is known to raise over a file that is broken, or made to break it."""


class Archive:
    """A zip file whose members are read by name."""

    def __init__(self, data: bytes) -> None:
        """List the members.

        Raises:
            SourceError: it is no zip file, or holds more than can be a document.
        """
        with _translated():
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        members = self._zip.infolist()
        self._members = {member.filename: member for member in members}
        if sum(member.file_size for member in members) > TOTAL:
            message = f"unpacks to more than {TOTAL >> 20} MB"
            raise SourceError(message)
        if any(member.file_size > max(1 << 20, RATIO * member.compress_size) for member in members):
            message = "unpacks to far more than documents do"
            raise SourceError(message)

    def __contains__(self, name: str) -> bool:
        """Whether there is a member of this name."""
        return name in self._members

    def read(self, name: str) -> bytes:
        """Return a member. Raises SourceError if it is missing, too large, locked or damaged."""
        member = self._members.get(name)
        if member is None:
            message = f"is damaged: it has no {name[:100]}"
            raise SourceError(message)
        if member.flag_bits & 1:
            message = "is protected by a password: save it without one"
            raise SourceError(message)
        if member.file_size > LARGEST:
            message = f"has a part of more than {LARGEST >> 20} MB"
            raise SourceError(message)
        with _translated():
            return self._zip.read(member)

    def tree(self, name: str) -> Node:
        """Return the root of a member that is XML. Raises SourceError as `read` does, and if it is none."""
        return xml(self.read(name), name)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _DAMAGED as exc:
        message = "is damaged: it cannot be unpacked"
        raise SourceError(message) from exc


def xml(data: bytes, name: str) -> Node:
    """Return the root of an XML document; nothing outside of it is read, no entity expanded. Raises SourceError."""
    from lxml import etree  # noqa: PLC0415

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser=parser)
    except (etree.LxmlError, ValueError) as exc:
        message = f"is damaged: {name[:100]} is not XML"
        raise SourceError(message) from exc
    if root is None:
        message = f"is damaged: {name[:100]} is empty"
        raise SourceError(message)
    return root


def local(element: Node) -> str:
    """Return an element's name without its namespace; nothing for what is no element."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def attribute(element: Node, name: str) -> str:
    """Return an attribute by its name without a namespace, or nothing."""
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")


def named(root: Node, name: str) -> Iterator[Node]:
    """Yield an element and all below it that have a name, whatever their namespace."""
    return (element for element in root.iter() if local(element) == name)


def child(element: Node, *names: str) -> Node | None:
    """Return the first child of a name, its first child of the next name, and so on; None where there is none."""
    for name in names:
        element = next((one for one in element if local(one) == name), None)
        if element is None:
            return None
    return element


def beside(name: str, reference: str) -> str:
    """Return the member that a reference inside the member `name` leads to; it need not exist."""
    path = unquote(reference.partition("#")[0])
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(name), path)).lstrip("/") if path else name
