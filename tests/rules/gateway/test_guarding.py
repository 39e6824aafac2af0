"""Where outgoing webhooks may go, and where never."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.outbound.rules.guarding import PORTS, Target, allowed, target

HOOK = Target("https", "hooks.example", 443)
LOCAL = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("fd00:1::/64"))


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",  # noqa: S104 - refused
        "100.64.0.1",
        "169.254.169.254",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "233.252.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::8.8.8.8",
        "::ffff:8.8.8.8",
        "::ffff:169.254.169.254",
        "64:ff9b::8.8.8.8",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:808:808::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "hooks.example",
        "2130706433",
        "",
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not allowed(address, HOOK, ())


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00::1"])
def test_a_public_address_is_allowed_over_https_on_two_ports_alone(address: str) -> None:
    for port in (443, 8443):
        assert allowed(address, Target("https", "hooks.example", port), ())
    assert not allowed(address, Target("https", "hooks.example", 444), ())
    assert not allowed(address, Target("http", "hooks.example", 443), ())
    assert not allowed(address, Target("http", "hooks.example", 80), LOCAL)
    assert not allowed(address, Target("https", "hooks.example", 9200), LOCAL)


def test_an_operators_network_allows_what_is_in_it_and_nothing_beside() -> None:
    """Also over http, and on any port."""
    plain = Target("http", "hooks.example", 8000)
    assert allowed("127.0.0.1", plain, LOCAL)
    assert allowed("fd00:1::7", plain, LOCAL)
    assert not allowed("fd00:2::7", plain, LOCAL)
    assert not allowed("10.0.0.1", plain, LOCAL)
    assert not allowed("::ffff:127.0.0.1", plain, LOCAL)
    assert not allowed("169.254.169.254", HOOK, LOCAL)


@given(st.ip_addresses(), st.sampled_from(PORTS))
def test_nothing_is_allowed_that_the_registry_does_not_call_global(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> None:
    """The guard may be narrower than the registry of special addresses, never wider."""
    if allowed(str(address), Target("https", "hooks.example", port), ()):
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_reserved


@given(st.ip_addresses(v=4))
def test_an_address_within_another_is_never_a_way_around(address: ipaddress.IPv4Address) -> None:
    """Mapped, compatible, NAT64, 6to4 and Teredo forms of any IPv4 address."""
    number = int(address)
    forms = [
        (0xFFFF << 32) | number,
        number,
        (0x64FF9B << 96) | number,
        (0x2002 << 112) | (number << 80) | 1,
        (0x20010000 << 96) | (number ^ 0xFFFFFFFF),
    ]
    for form in forms:
        assert not allowed(str(ipaddress.IPv6Address(form)), HOOK, ())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://hooks.example", Target("https", "hooks.example", 443)),
        ("https://hooks.example/a?b=c&d", Target("https", "hooks.example", 443)),
        ("https://Hooks.Example:8443/a", Target("https", "hooks.example", 8443)),
        ("https://xn--zfr164b.example/", Target("https", "xn--zfr164b.example", 443)),
        ("https://8.8.8.8/", Target("https", "8.8.8.8", 443)),
        ("https://[2606:4700:4700::1111]/", Target("https", "2606:4700:4700::1111", 443)),
    ],
)
def test_a_url_says_where_it_leads(url: str, expected: Target) -> None:
    assert target(url, ()) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "http://hooks.example/",
        "https://hooks.example:22/",
        "https://hooks.example:0/",
        "https://hooks.example:65536/",
        "https://hooks.example:x/",
        "https://user:pass@hooks.example/",
        "https://@hooks.example/",
        "https://hooks.example/#there",
        "https://hooks.example\\@inner/",
        "https://hooks example/",
        "https://hooks.example/\n",
        "https://hooks.example/\x00",
        "https://钩子.example/",
        "https:///path",
        "https://-a.example/",
        "https://a..b/",
        "https://[::1]/",
        "https://[::ffff:8.8.8.8]/",
        "https://[zz]/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://hooks.example/" + "x" * 2_000,
    ],
)
def test_a_url_that_can_never_be_allowed_is_refused_in_words(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        target(url, ())


@given(st.text(max_size=60))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    """Whatever is given as a URL: a target over https on an allowed port, or words."""
    for url in (text, f"https://{text}"):
        try:
            found = target(url, ())
        except ValueError:
            continue
        assert found.scheme == "https"
        assert found.port in PORTS


def test_with_a_network_of_the_operators_a_name_may_be_asked_over_http() -> None:
    """Whether it may be reached there is for its addresses to say."""
    assert target("http://hooks.example:8000/", LOCAL) == Target("http", "hooks.example", 8000)
    assert target("http://127.0.0.1:8000/", LOCAL).port == 8000
    with pytest.raises(ValueError, match="public address"):
        target("http://10.0.0.1:8000/", LOCAL)
