"""Where messages may go: global addresses over https on ports 443 and 8443, nowhere else.

A merchant gives the URL and we make the request, so without this our network's inner addresses
could be asked through us. Names are resolved at every attempt, every address of a name must be
allowed, and the connection goes to one of exactly those. An operator may allow networks besides
(`SHUKE_ENDPOINT_NETWORKS`): in them also http and any port.

    >>> allowed("8.8.8.8", Target("https", "dns.example", 443), ())
    True
    >>> allowed("169.254.169.254", Target("https", "dns.example", 443), ())
    False
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
PORTS: Final = (443, 8443)
USUAL_PORT: Final = {"https": 443, "http": 80}
LONGEST: Final = 2_000
_SHOWN: Final = re.compile(r"https?://[!-\[\]-~]+")
_NAME: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*\.?")
_INNER: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.88.99.0/24",  # relays of 6to4
        "2001::/32",  # Teredo: an IPv4 address inside
        "2002::/16",  # 6to4: likewise
    )
)
_GLOBAL_6: Final = ipaddress.ip_network("2000::/3")
"""All global unicast addresses there are; mapped ones and NAT64 lie outside."""


class Target(Struct, frozen=True):
    """Where a URL points."""

    scheme: str
    host: str
    """A name, or an address without brackets."""
    port: int


def target(url: str, networks: Sequence[Network]) -> Target:
    """Where a URL points. Raises ValueError, in words, for one that can never be allowed."""
    if len(url) > LONGEST or not _SHOWN.fullmatch(url):
        raise ValueError("must be https:// and a host in ASCII, at most 2,000 characters")
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("must hold no user, password or fragment")
    port = USUAL_PORT[parts.scheme] if parts.port is None else parts.port
    if port == 0:
        raise ValueError("must have a port from 1 to 65535, or none")
    found = Target(parts.scheme, host, port)
    address = _address(host)
    if address is None and not _NAME.fullmatch(host):
        raise ValueError("must have the name or address of a host")
    if not networks and (found.scheme != "https" or found.port not in PORTS):
        raise ValueError("must be https on port 443 or 8443")
    if address is not None and not allowed(host, found, networks):
        raise ValueError("must point to a public address")
    return found


def allowed(address: str, at: Target, networks: Iterable[Network]) -> bool:
    """Whether a connection to this address may be made for a target."""
    found = _address(address)
    if found is None:
        return False
    if any(found.version == network.version and found in network for network in networks):
        return True
    return at.scheme == "https" and at.port in PORTS and _public(found)


def _public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_6:
        return False
    inner = any(address.version == each.version and address in each for each in _INNER)
    return address.is_global and not address.is_multicast and not inner


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
