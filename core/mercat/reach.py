"""Which network addresses are public, and which may be reached."""

import ipaddress
from dataclasses import dataclass
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")
_LOW_32_BITS = 0xFFFF_FFFF
_NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Reach:
    """Where requests may go: by TLS to public addresses, and farther where these say so.

    `private` takes in networks that are not public, and one's own machine. `plain` is for
    developers: HTTP without TLS, to one's own machine alone.
    """

    private: bool = False
    plain: bool = False

    def includes(self, address: str, *, is_plain: bool = False) -> bool:
        """Whether an address may be connected to, by TLS or, with `is_plain`, without."""
        found = _led_to(ipaddress.ip_address(address.partition("%")[0]))
        if is_plain or (self.plain and found.is_loopback):
            return self.plain and found.is_loopback
        if found.is_link_local or found.is_unspecified or found.is_multicast:
            return False
        return found.is_global or (self.private and (found.is_private or found.is_loopback))


PUBLIC = Reach()


def is_loopback(host: str) -> bool:
    """Whether a URL's host is one's own machine, by its name or its address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _led_to(address: Address) -> Address:
    """The IPv4 address that an IPv6 one leads to (RFC 4291, 2.5.5; RFC 6052; RFC 3056)."""
    if isinstance(address, ipaddress.IPv4Address) or address.is_loopback or not int(address):
        return address
    if address in _NAT64 or address in _COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & _LOW_32_BITS)
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour or address


def network(address: str | None) -> str:
    """An IPv4 address, or the /64 that an IPv6 address is in: one subscriber has all of that."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return _NOWHERE
    if not isinstance(found, ipaddress.IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found.packed, 64), strict=False))
