"""Which addresses may be reached. A name is looked up once, every address behind it is judged, and
the connection goes to the very address that was judged: a name that means something else a moment
later (DNS rebinding) gains nothing."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from agentkit.errors import BackendUnavailable, Blocked
from agentkit.fetching.settings import FetchSettings

IP = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a host may be reached: what was judged, and what is connected to."""

    host: str
    ip: str
    port: int


class Gate:
    """Judges URLs and addresses by the settings."""

    def __init__(self, settings: FetchSettings) -> None:
        self.settings = settings
        self._networks = []
        self._named = set()
        for entry in settings.private:
            try:
                self._networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                self._named.add(entry.lower().rstrip("."))

    def url(self, url: str) -> tuple[str, int]:
        """(host, port) of a URL that may be fetched, as far as its text tells.

        Raises:
            Blocked: another scheme, credentials in it, or a host that is not allowed.
        """
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").rstrip("."), parts.port
            ascii_host = host if _ip(host) else host.encode("idna").decode() if host else ""
        except (ValueError, UnicodeError) as error:
            raise Blocked(f"{_short(url)} is no address: {error}") from error
        if parts.scheme not in ("http", "https"):
            raise Blocked(f"{_short(url)}: only http and https are fetched")
        if parts.username is not None or parts.password is not None:
            raise Blocked(f"an address with a user name in it is not fetched ({ascii_host})")
        if not ascii_host or any(c <= " " or c == "\x7f" for c in url):
            raise Blocked(f"{_short(url)} is no address")
        self._host(ascii_host.lower())
        return ascii_host.lower(), port or (443 if parts.scheme == "https" else 80)

    def resolve(self, host: str, port: int, seconds: float) -> list[Address]:
        """The addresses of a host, all of which may be reached; looked up once.

        Raises:
            Blocked: one of them may not be reached.
            BackendUnavailable: there is no such host, or nobody answers in time.
        """
        host = host.lower().strip("[]").rstrip(".")
        self._host(host)
        found = list(dict.fromkeys(lookup(host, port, seconds)))
        if not found:
            raise BackendUnavailable(f"{host} has no address", "check the spelling")
        free = {host, f"{host}:{port}"} & self._named
        for ip in found:
            if not free and not self._public(ip, port):
                raise Blocked(
                    f"{host} is at {ip}, which is not a public address",
                    f'to allow it, set private = ["{host}:{port}"]',
                )
        return [Address(host, ip, port) for ip in found]

    def _host(self, host: str) -> None:
        globs = self.settings.hosts
        if globs and not any(fnmatchcase(host, g.lower()) for g in globs):
            raise Blocked(f"{host} is not among the `hosts` that may be reached")

    def _public(self, text: str, port: int) -> bool:
        ip = _unwrapped(ipaddress.ip_address(text.partition("%")[0]))
        if any(ip.version == net.version and ip in net for net in self._networks):
            return True
        if {str(ip), f"{ip}:{port}", f"[{ip}]:{port}"} & self._named:
            return True
        return ip.is_global and not ip.is_multicast and not ip.is_reserved


def lookup(host: str, port: int, seconds: float) -> list[str]:
    """The system's answer for a name, in its order; a resolver that hangs is left behind.

    Raises:
        BackendUnavailable: the name is unknown, or nothing is known in time.
    """
    if ip := _ip(host):
        return [str(ip)]
    answers: queue.Queue[list[str] | OSError] = queue.Queue()

    def ask() -> None:
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put([str(info[4][0]) for info in infos])
        except (OSError, UnicodeError) as error:
            answers.put(OSError(str(error)))

    threading.Thread(target=ask, daemon=True, name=f"lookup {host}").start()
    try:
        answer = answers.get(timeout=max(seconds, 0.01))
    except queue.Empty:
        raise BackendUnavailable(f"{host} was not looked up within {seconds:.0f} s") from None
    if isinstance(answer, OSError):
        raise BackendUnavailable(f"{host} is not known: {answer}", "check the spelling")
    return answer


def _ip(host: str) -> IP | None:
    """The address that a host is written as: "127.1", "0x7f000001" and "2130706433" as well, which
    connect to this machine on most systems."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    if host and all(c in "0123456789abcdefx." for c in host.lower()) and host[0].isdigit():
        try:
            return ipaddress.ip_address(socket.inet_aton(host))
        except (OSError, ValueError):
            pass
    return None


def _unwrapped(ip: IP) -> IP:
    """The IPv4 address that an IPv6 one carries, where it does."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip.teredo is not None:
        return ip.teredo[1]
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip


def _short(url: str) -> str:
    return url if len(url) <= 120 else f"{url[:119]}…"
