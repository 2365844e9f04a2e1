"""Which addresses may be reached: a table of them, every way to write one, and names that lie."""

import socket
import threading
import time
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from index.errors import SourceError
from index.web import guard
from index.web.guard import Guard, Resolve, canonical_host, is_public, named, shown
from tests.web import loopback

PUBLIC = """
8.8.8.8  1.1.1.1  93.184.215.14  172.15.255.255  172.32.0.1  100.63.255.255  100.128.0.1  192.0.1.1  223.255.255.254
169.253.255.255  11.0.0.1  198.17.255.255  2606:4700:4700::1111  2a00:1450:4001:81b::200e  ::ffff:8.8.8.8
64:ff9b::808:808  2002:808:808::1  2a00::5efe:808:808
""".split()

PRIVATE = {
    "this host": "0.0.0.0 0.1.2.3 ::",
    "loopback": "127.0.0.1 127.1.2.3 127.255.255.255 ::1",
    "private networks": "10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 192.168.255.255",
    "carriers' networks, and Alibaba's metadata": "100.64.0.1 100.100.100.200 100.127.255.255",
    "link-local, and the metadata of clouds": "169.254.0.1 169.254.169.254 169.254.170.2 fe80::1",
    "of one interface": "fe80::1%eth0 2606:4700::1%eth0",
    "clouds' own at other addresses": "168.63.129.16 192.0.0.192 fd00:ec2::254",
    "protocols' own": "192.0.0.1 192.0.0.8 192.88.99.1 2001:1::1 2001:20::1",
    "documents and benchmarks": "192.0.2.1 198.51.100.7 203.0.113.9 198.18.0.1 198.19.255.255 2001:db8::1 3fff::1",
    "groups": "224.0.0.1 239.255.255.250 ff02::1 ff0e::1",
    "reserved and everybody": "240.0.0.1 255.255.255.255",
    "private networks of IPv6": "fc00::1 fd12:3456::1 fec0::1",
    "not handed out": "4000::1 5f00::1 100::1 ::2",
    "IPv4 in IPv6": "::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1 ::ffff:0:10.0.0.1",
    "IPv4 in NAT64": "64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::a00:1",
    "IPv4 in 6to4": "2002:7f00:1::1 2002:a00:1::1 2002:c0a8:1::",
    "IPv4 in Teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2 2001::1",
    "IPv4 in ISATAP": "2a00::5efe:a00:1 2a00::200:5efe:7f00:1 fe80::5efe:c0a8:1",
}
TABLE = [(where, address) for where, addresses in PRIVATE.items() for address in addresses.split()]


def _answers(*addresses: str) -> Resolve:
    def resolve(host: str, port: int) -> Sequence[str]:
        del host, port
        return addresses

    return resolve


def _fails(error: OSError) -> Resolve:
    def resolve(host: str, port: int) -> Sequence[str]:
        del host, port
        raise error

    return resolve


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_public_internet_may_be_reached(address: str) -> None:
    assert is_public(ip_address(address))
    assert Guard(resolve=_answers(address)).addresses("news.example.org", 443, seconds=5)


@pytest.mark.parametrize("where,address", TABLE)
def test_any_other_address_may_not(where: str, address: str) -> None:
    assert not is_public(ip_address(address)), where
    with pytest.raises(SourceError, match="no address of the public internet"):
        Guard(resolve=_answers(address)).addresses("news.example.org", 443, seconds=5)


@pytest.mark.parametrize("where,address", TABLE)
def test_nor_may_it_be_named_in_an_address(where: str, address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(SourceError, match="cannot be fetched"):
        _reach(f"http://{host}/latest/meta-data/", _answers("8.8.8.8"))
    assert where


def _reach(url: str, resolve: Resolve) -> None:
    """Do what a fetch does up to the connection."""
    asked = Guard(resolve=resolve)
    place = asked.url(url)
    asked.addresses(place.host, place.port or {"http": 80, "https": 443}[place.scheme], seconds=5)


def _carelessly(host: str, port: int) -> list[str]:
    """Resolve as the system does, which reads 2130706433, 0x7f.1 and 127.1 as addresses, and names as it likes."""
    del port
    try:
        return [socket.inet_ntoa(socket.inet_aton(host))]
    except OSError:
        return ["127.0.0.1"]


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/",  # 127.0.0.1 as one number
        "http://017700000001/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.1/",
        "http://10.1/",
        "http://0/",
        "http://0x8.0x8.0x8.0x8/",  # public, and written so that nobody can tell
        "http://134744072/",
        "http://08.8.8.8/",
        "http://127.0.0.1./",
        "http://127。0。0。1/",
        "http://１２７.０.０.１/",
        "http://①②⑦.⓪.⓪.①/",
        "http://%31%32%37.0.0.1/",
        "http://127.0.0.1%2f.example.org/",
        "http://[::ffff:7f00:1]/",
        "http://[0:0:0:0:0:ffff:127.0.0.1]/",
        "http://[fe80::1%25eth0]/",
        "http://[fe80::1%eth0]/",
        "http://[v1.fe]/",
        "http://[::1/",
        "http://localhost/",
        "http://LOCALHOST/",
        "http://localhost./",
        "http://localhost.localdomain/",
        "http://a.localhost/",
        "http://ⓛocalhost/",
        "http://router/",
        "http://printer.local/",
        "http://nas.lan/",
        "http://nas.home.arpa/",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://metadata/",
        "http://x.onion/",
        "http://user@example.org/",
        "http://user:password@example.org/",
        "http://example.org@10.0.0.1/",
        "http://example.org:80@10.0.0.1/",
        "http://example.org\\@10.0.0.1/",
        "http://10.0.0.1#@example.org/",
        "http://10.0.0.1?@example.org/",
        "http://example.org:22/",
        "http://example.org:6379/",
        "http://example.org:5432/",
        "http://example.org:0/",
        "http://example.org:99999/",
        "http://example.org:8O/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "javascript:alert(1)",
        "data:text/html,x",
        "unix:///run/docker.sock",
        "//example.org/",
        "example.org",
        "",
        " ",
        "http://",
        "http:///",
        "http:example.org",
        "http://.example.org/",
        "http://example..org/",
        "http://exa mple.org/",
        "http://example.org\r\nHost: x/",
        "http://exam\x00ple.org/",
        "http://-example.org/",
        f"http://{'a' * 64}.org/",
        f"http://{'a.' * 130}org/",
        f"http://example.org/{'a' * 5_000}",
    ],
)
@pytest.mark.parametrize("resolve", [_carelessly, _answers("8.8.8.8")])  # the form alone is enough to refuse
def test_no_form_of_an_address_leads_inside(url: str, resolve: Resolve) -> None:
    with pytest.raises(SourceError, match=r"^cannot be fetched: ") as caught:
        _reach(url, resolve)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "url,plain",
    [
        ("https://example.org", "https://example.org/"),
        (" https://Example.ORG/a?b=c#d ", "https://example.org/a?b=c"),
        ("https://example.org/a%2Fb%20c?d=%26&e", "https://example.org/a%2Fb%20c?d=%26&e"),
        ("http://example.org./", "http://example.org/"),
        ("http://example.org:80/", "http://example.org/"),
        ("https://example.org:8443/", "https://example.org:8443/"),
        ("http://my_site.example.org/", "http://my_site.example.org/"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://пример.испытание/мост", "https://xn--e1afmkfd.xn--80akhbyknj4f/%D0%BC%D0%BE%D1%81%D1%82"),
        ("http://8.8.8.8/", "http://8.8.8.8/"),
        ("http://[2606:4700:4700:0:0:0:0:1111]/", "http://[2606:4700:4700::1111]/"),
        ("https://3com.example.org/1", "https://3com.example.org/1"),
    ],
)
def test_an_address_is_brought_into_its_plain_form(url: str, plain: str) -> None:
    assert str(Guard().url(url)) == plain


def test_one_address_inside_refuses_a_name_that_has_others_outside() -> None:
    mixed = Guard(resolve=_answers("8.8.8.8", "2606:4700:4700::1111", "192.168.1.1"))
    with pytest.raises(
        SourceError, match=r"news.example.org is 192.168.1.1, which is no address of the public internet"
    ):
        mixed.addresses("news.example.org", 443, seconds=5)


def test_the_resolver_of_the_system_is_asked_where_there_is_no_other() -> None:
    assert {ip_address(text).is_loopback for text in guard._resolve("localhost", 80)} == {True}


def test_the_addresses_of_a_name_are_given_once_each_in_their_order() -> None:
    twice = Guard(resolve=_answers("2606:4700:4700::1111", "8.8.8.8", "8.8.8.8"))
    assert twice.addresses("news.example.org", 443, seconds=5) == ("2606:4700:4700::1111", "8.8.8.8")


def test_a_name_that_nobody_knows_is_said() -> None:
    nobody = _fails(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    with pytest.raises(SourceError, match=r"there is no host news.example.org"):
        Guard(resolve=nobody).addresses("news.example.org", 443, seconds=5)
    with pytest.raises(SourceError, match=r"there is no host news.example.org"):
        Guard(resolve=_answers()).addresses("news.example.org", 443, seconds=5)


def test_a_resolver_that_cannot_answer_now_is_not_taken_for_a_name_that_is_not_there() -> None:
    away = _fails(socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"))
    with pytest.raises(SourceError, match="cannot be looked up now"):
        Guard(resolve=away).addresses("news.example.org", 443, seconds=5)


def test_a_resolver_that_never_answers_holds_nobody_up() -> None:
    over = threading.Event()

    def silent(host: str, port: int) -> list[str]:
        del host, port
        over.wait(20)
        return ["8.8.8.8"]

    began = time.monotonic()
    with pytest.raises(SourceError, match="nobody said in time"):
        Guard(resolve=silent).addresses("news.example.org", 443, seconds=0.1)
    assert time.monotonic() - began < 5
    over.set()


def test_what_is_allowed_besides_is_allowed_at_any_port_and_nothing_else_is() -> None:
    allowing = loopback({"news.example.org": ["127.0.0.1"], "inside.example.org": ["10.0.0.1"]})
    assert allowing.addresses("news.example.org", 12_345, seconds=5) == ("127.0.0.1",)
    assert allowing.addresses("::1", 12_345, seconds=5) == ("::1",)
    for host in ("inside.example.org", "192.168.0.1", "169.254.169.254"):
        with pytest.raises(SourceError):
            allowing.addresses(host, 80, seconds=5)
    with pytest.raises(SourceError, match="port 12345"):
        allowing.addresses("8.8.8.8", 12_345, seconds=5)


@given(st.integers(0, 2**32 - 1))
def test_an_ipv4_address_is_as_public_in_any_dress_of_ipv6(number: int) -> None:
    bare = is_public(IPv4Address(number))
    assert is_public(IPv6Address(0xFFFF << 32 | number)) == bare
    assert is_public(IPv6Address(0x2002 << 112 | number << 80)) == bare
    assert is_public(IPv6Address((0x64FF9B << 96) | number)) == bare
    assert not is_public(IPv6Address(number))


@given(st.text(max_size=60) | st.from_regex(r"https?://[\[\]0-9a-fx.:%@\\/#?]{0,30}", fullmatch=True))
@example("http://[")
@example("http://a:b:c/")
@example("http://xn--/")
@example("http://\ud800/")
def test_no_text_is_understood_as_anything_but_a_host_on_the_internet(text: str) -> None:
    try:
        place = Guard().url(text)
    except SourceError:
        return
    assert canonical_host(place.raw_host.decode()) == place.raw_host.decode().strip("[]")
    assert not place.userinfo


def test_an_address_is_shown_without_what_may_be_secret() -> None:
    assert shown("https://user:pw@example.org/feed/?token=secret#part") == "example.org/feed"
    assert shown("https://пример.испытание/мост?x") == "пример.испытание/мост"
    assert shown("http://a:b:c/") == shown("nonsense") == "an address that cannot be understood"
    assert len(shown(f"https://example.org/{'a' * 999}")) == 200


@pytest.mark.parametrize(
    "place,name",
    [
        ("https://user:SECRET@example.org/feed?key=SECRET#SECRET", "https://example.org/feed?…"),
        (" HTTPS://example.org:8443/feed?key=SECRET", "https://example.org:8443/feed?…"),
        ("https://user:SECRET@[2001:db8::1]:8080/a", "https://[2001:db8::1]:8080/a"),
        ("http://user:SECRET@a:b:c/?SECRET", "an address that cannot be understood"),
        ("https://example.org/мост", "https://example.org/мост"),
        ("/srv/articles?", "/srv/articles?"),
        ("added:a.pdf", "added:a.pdf"),
        ("notes/a.md", "notes/a.md"),
    ],
)
def test_a_place_is_named_without_what_may_be_secret(place: str, name: str) -> None:
    assert named(place) == name


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_query_and_no_password_is_named(before: str, after: str) -> None:
    assert "s3cretword" not in named(f"https://a:s3cretword@example.org/{quote(before)}?s3cretword{after}")
