"""Which addresses may be reached: those that the whole internet reaches, and none inside of a network.

Whoever names an address decides what this machine asks, and articles, feeds and redirects name many: without this,
any of them could ask the router, the database beside us, or the cloud for its keys. Connects to nothing itself.
"""

import re
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NoReturn, TypeAlias

import httpx

from index.errors import SourceError

Address: TypeAlias = IPv4Address | IPv6Address
Resolve: TypeAlias = Callable[[str, int], Sequence[str]]
"""Gives the addresses of a name, as text. Raises OSError where there are none."""

PORTS = frozenset({80, 443, 8080, 8443})
"""Where pages are served to the public. Behind other ports are databases, mail and consoles, on this machine's own
public address too, and some of them act upon what looks like HTTP."""

LONGEST = 4_096
"""Characters of an address. Servers refuse more; 2,000 is what browsers agreed on."""

_INNER_NAMES = frozenset("localhost localdomain local internal intranet lan home.arpa onion".split())
"""Names that mean something only inside of a network (RFC 6761, 6762, 8375, ICANN's .internal), and Tor's."""

_UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that is handed out to the public so far. What embeds IPv4 is looked into before."""

_NAT64 = IPv6Network("64:ff9b::/96")

_SPECIAL = tuple(
    map(
        ip_network,
        (
            "168.63.129.16/32",  # Azure's own services in every machine there, at an address that counts as public
            "192.0.0.0/24",  # protocols' own (RFC 6890); older versions of Python take parts of it for public
            "192.88.99.0/24",  # the way into 6to4, given up by RFC 7526
            "2001::/23",  # protocols' own, Teredo among them (RFC 2928)
            "3fff::/20",  # for documents (RFC 9637), unknown to older versions of Python
        ),
    )
)

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class Guard:
    """Says which addresses may be reached."""

    def __init__(self, *, also: Iterable[str] = (), resolve: Resolve | None = None) -> None:
        """Allow the public internet; `also` are networks of the caller's own, at any port, such as 127.0.0.0/8."""
        self._also: tuple[IPv4Network | IPv6Network, ...] = tuple(map(ip_network, also))
        self._resolve = resolve or _resolve

    def url(self, text: str) -> httpx.URL:
        """Return the address of a page in its plain form, without a fragment. Looks up no name.

        Raises:
            SourceError: it is none, or one that may not be asked.
        """
        text = text.strip()
        if len(text) > LONGEST:
            _refuse(f"its address is longer than {LONGEST:,} characters")
        try:
            url = httpx.URL(text).copy_with(fragment=None)
            port = url.port
        except (httpx.InvalidURL, ValueError, TypeError):
            _refuse("its address cannot be understood")
        if url.scheme not in ("http", "https"):
            _refuse("its address does not begin with http:// or https://")
        if url.userinfo:
            _refuse("its address holds a user name or a password; leave them out")
        host = canonical_host(url.raw_host.decode("ascii", "replace"))
        if port is not None and port not in PORTS and not self._also:
            _refuse(_bad_port(port))
        # httpx calls the path / where the address ends with its host, and leaves it out of the address
        return url.copy_with(host=host, path="/") if url.path == "/" else url.copy_with(host=host)

    def addresses(self, host: str, port: int, *, seconds: float) -> tuple[str, ...]:
        """Return the addresses of a host, all of them public. A name is looked up here, and must be nowhere else again.

        Raises:
            SourceError: it has none within so many seconds, or one of them may not be reached.
        """
        host = canonical_host(host)
        literal = _literal(host)
        found = [host] if literal else self._look_up(host, port, seconds)
        addresses = [self._judged(host, text, port) for text in found]
        return tuple(dict.fromkeys(map(str, addresses)))

    def _judged(self, host: str, text: str, port: int) -> Address:
        try:
            address = ip_address(text)
        except ValueError:
            _refuse(f"{host} has an address that cannot be understood")
        if any(address in network for network in self._also if network.version == address.version):
            return address
        if not is_public(address):
            where = str(address) if _literal(host) else f"{host} is {address}, which"
            _refuse(f"{where} is no address of the public internet")
        if port not in PORTS:
            _refuse(_bad_port(port))
        return address

    def _look_up(self, host: str, port: int, seconds: float) -> Sequence[str]:
        """Ask for a name's addresses; the system's own resolver knows no deadline, so it is asked by a thread."""
        answer: list[Sequence[str] | Exception] = []

        def ask() -> None:
            try:
                answer.append(self._resolve(host, port))
            except (OSError, ValueError) as exc:  # ValueError: a name that cannot be encoded
                answer.append(exc)

        asking = threading.Thread(target=ask, name=f"look up {host}", daemon=True)
        asking.start()
        asking.join(max(0.0, seconds))
        if not answer:
            _refuse(f"nobody said in time what address {host} has")
        found = answer[0]
        if isinstance(found, socket.gaierror) and found.errno == socket.EAI_AGAIN:
            _refuse(f"the address of {host} cannot be looked up now")
        if isinstance(found, Exception) or not found:
            _refuse(f"there is no host {host}")
        return found


def _resolve(host: str, port: int) -> Sequence[str]:
    return [str(place[0]) for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def canonical_host(host: str) -> str:
    """Return a host as it is looked up and as certificates name it, in ASCII.

    Numbers are taken only as everybody writes addresses: 2130706433, 0x7f.1 and 0177.0.0.1 are 127.0.0.1 to some
    programs and a name to others.

    Raises:
        SourceError: it is no host, or one inside of a network.
    """
    host = host.strip("[]").lower()
    if literal := _literal(host):
        return str(literal)
    host = host.removesuffix(".")
    labels = host.split(".")
    if not host or len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        _refuse("its address names no host")
    if _NUMBER.fullmatch(labels[-1]):
        _refuse(f"{host} is a number; write an address as four numbers with dots, or a name")
    if len(labels) == 1 or labels[-1] in _INNER_NAMES or ".".join(labels[-2:]) in _INNER_NAMES:
        _refuse(f"{host} is a name inside of a network, not on the public internet")
    return host


def _literal(host: str) -> Address | None:
    """Return the address that a host is, if it is one; a scope (%eth0) names an interface, so no public address."""
    try:
        return None if "%" in host else ip_address(host)
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Whether an address is on the public internet, and each IPv4 address that is embedded in it, too."""
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast and not _is_special(address)
    if address.scope_id:
        return False
    inner = address.ipv4_mapped or address.sixtofour
    if address in _NAT64:
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    if inner is not None:
        return is_public(inner)
    # ISATAP (RFC 5214): an IPv4 address behind 0000:5efe or 0200:5efe
    if (int(address) >> 32) & 0xFDFFFFFF == 0x5EFE and not is_public(IPv4Address(int(address) & 0xFFFFFFFF)):
        return False
    return address in _UNICAST and address.is_global and not _is_special(address)


def _is_special(address: Address) -> bool:
    return any(address in network for network in _SPECIAL if network.version == address.version)


def shown(url: str) -> str:
    """Return an address as it may be shown: host and path, without the query, which may hold a secret."""
    try:
        parts = httpx.URL(url)
        text = f"{parts.host}{parts.path.rstrip('/')}" if parts.host else ""
    except (httpx.InvalidURL, ValueError, TypeError):
        text = ""
    return _printable(text) if text else "an address that cannot be understood"


def named(place: str) -> str:
    """Return a folder, a file or an id as it is; an address of the web without its query and what may be a password.

    That there is a query is shown by ?…, so that two pages of one script do not look like one thing named twice.
    """
    if not re.match(r"(?i)\s*https?:", place):
        return place
    try:
        parts = httpx.URL(place.strip())
        host = f"[{parts.host}]" if ":" in parts.host else parts.host
        port = f":{parts.port}" if parts.port else ""
        text = f"{parts.scheme}://{host}{port}{parts.path}"
    except (httpx.InvalidURL, ValueError, TypeError):
        return shown(place)
    return f"{_printable(text)}?…" if parts.query else _printable(text)


def _printable(text: str) -> str:
    text = re.sub(r"[^\x20-\x7e\xa1-\ud7ff\ue000-\U0010ffff]", "\ufffd", text)
    return text if len(text) <= 200 else f"{text[:199]}…"


def _bad_port(port: int) -> str:
    *first, last = sorted(PORTS)
    return f"port {port} is none that pages are read from ({', '.join(map(str, first))} and {last} are)"


def _refuse(why: str) -> NoReturn:
    msg = f"cannot be fetched: {why}"
    raise SourceError(msg)
