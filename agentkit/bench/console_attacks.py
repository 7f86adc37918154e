"""Attacks on the console that are tried, and how many of them get through.

Texts that would run as a script, paths that lead out of their folder, requests from other pages,
other hosts and people who were not let in.
"""

from __future__ import annotations

import random
import socket
import uuid
from dataclasses import dataclass

from agentkit.bench.console_server import Client
from agentkit.errors import BackendUnavailable

XSS = [
    "<script>alert(1)</script>",
    '"><script>alert(1)</script>',
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert&#40;1)</script>",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "<iframe src=javascript:alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<body onload=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "![x](http://evil.example/?data)",
    "![x](x\" onerror=\"alert(1))",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<link rel=stylesheet href=http://evil.example/x.css>",
    "<style>@import 'http://evil.example'</style>",
    "<base href=http://evil.example>",
    "<meta http-equiv=refresh content='0;url=http://evil.example'>",
    "<form action=http://evil.example><input name=a>",
    "<button formaction=javascript:alert(1)>",
    "';alert(1);//",
    '";alert(1);//',
    "</script><script>alert(1)</script>",
    "<!--<script>-->alert(1)",
    "]]><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)}",
    "#{alert(1)}",
    "<%= alert(1) %>",
    "\u202e<script>alert(1)</script>",
    "\ufeff<script>alert(1)</script>",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
    "\u2028alert(1)\u2029",
    "data: x\n\nevent: run\ndata: {\"run\":\"forged\"}\n\n",
    "\r\nid: 999\r\n\r\n",
    "<xss style=behavior:url(x.htc)>",
    "<table background=javascript:alert(1)>",
    "<div style=background:url(javascript:alert(1))>",
    "<isindex type=image src=1 onerror=alert(1)>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<svg><animate onbegin=alert(1) attributeName=x>",
    "<svg><use href='data:image/svg+xml,<svg onload=alert(1)>'>",
    "<svg><foreignObject><iframe src=javascript:alert(1)>",
    "<img srcset='x 1x' onerror=alert(1)>",
    "<a ping=http://evil.example href=#>x</a>",
    "<portal src=http://evil.example>",
]  # fmt: skip
OUTSIDE = [
    "../agentkit.toml",
    "..%2fagentkit.toml",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "....//....//etc/passwd",
    "..%5c..%5cetc%5cpasswd",
    "..%c0%af..%c0%afetc/passwd",
    "%252e%252e%252fetc%252fpasswd",
    "/etc/passwd",
    "//etc/passwd",
    "%2fetc%2fpasswd",
    "file:///etc/passwd",
    "index.html%00.png",
    ".%2e/.%2e/etc/passwd",
    "..;/..;/etc/passwd",
    "~root/.ssh/id_rsa",
    "C:%5cwindows%5cwin.ini",
    ".hidden",
    "./index.html",
    "fonts/../../app.py",
    "__pycache__/x.pyc",
    "%F0%9F%94%A5",
    "a" * 5000,
]
SECRETS = (b"root:", b"[host]", b"import ")  # of files that no request may read
READ = ("/api/runs", "/api/inbox", "/api/agents", "/api/audit", "/api/stream?list=1")
ROOTS = ("/static/", "/api/results/", "/api/agents/", "/")
FOREIGN: list[dict[str, str]] = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1.evil.example"},
    {"Origin": "file://"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"X-CSRF": ""},
    {"X-CSRF": "0" * 64},
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Host": "evil.example"},
    {"Host": "localhost.evil.example"},
    {"Host": "0.0.0.0"},
]


@dataclass(frozen=True, slots=True)
class Tried:
    """How many attacks were made, and those that got what they wanted."""

    number: int
    through: tuple[str, ...]


def attack(client: Client, run: str, seed: int) -> Tried:
    """Everything but the texts, which want a browser: see `console_browser`."""
    tried = [*_tokens(client, seed), *_forged(client, run), *_paths(client, run)]
    return Tried(len(tried), tuple(name for name, through in tried if through))


def _tokens(client: Client, seed: int) -> list[tuple[str, bool]]:
    """Tokens that are guessed, cut, lengthened; cookies that are forged; none at all."""
    chance, token = random.Random(seed), client.token
    guesses = ["", "x", token[:-1], token + "x", token.swapcase(), token[::-1]]
    guesses += ["".join(chance.sample(token, len(token))) for _ in range(20)]
    made = [
        (f"token {n}", client.ask("POST", "/api/session", {"token": guess})[0] < 400)
        for n, guess in enumerate(guesses)
    ]
    name, _, value = client.cookie.partition("=")
    cookies = ["", f"{name}=", f"{name}={value[:-1]}", f"{name}={value[::-1]}", f"{name}=operator"]
    cookies.append(client.cookie.replace("operator", "admin", 1))
    for path in READ:
        for n, cookie in enumerate(cookies):
            status, _ = client.ask("GET", path, headers={"Cookie": cookie})
            made.append((f"cookie {n} {path}", status < 400))
        status, _ = client.ask("GET", f"{path.split('?')[0]}?token={token}")
        made.append((f"token in the address {path}", status < 400))
        status, _ = client.ask("GET", path, headers={"Authorization": f"Bearer {token}"})
        made.append((f"token as bearer {path}", status < 400))
    return made


def _forged(client: Client, run: str) -> list[tuple[str, bool]]:
    """Requests that another page makes the person's browser send, with the cookie."""
    made = []
    for forged in FOREIGN:
        for path, kind in ((f"/api/runs/{run}/commands", "pause"), ("/api/runs", "")):
            body = {"client_id": str(uuid.uuid4()), "kind": kind, "args": {}}
            if not kind:
                body = {"client_id": str(uuid.uuid4()), "agent": "research", "task": "x"}
            headers = {"Cookie": client.cookie, "X-CSRF": client.csrf, **forged}
            status, _ = client.ask("POST", path, body, headers)
            made.append((f"{forged} {path}", status < 400))
    return made


def _paths(client: Client, run: str) -> list[tuple[str, bool]]:
    roots = [*ROOTS, f"/api/runs/{run}/artifacts/", f"/api/runs/{run}/exports/"]
    return [
        (f"{root}{path[:40]}", any(word in _raw(client, f"{root}{path}") for word in SECRETS))
        for root in roots
        for path in OUTSIDE
    ]


def _raw(client: Client, path: str) -> bytes:
    """The answer to a path that no client library has tidied, with its head."""
    with socket.create_connection(("127.0.0.1", client.port), 30) as line:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nConnection: close\r\n"
        line.sendall(f"{head}Cookie: {client.cookie}\r\n\r\n".encode("latin-1", "ignore"))
        got = b""
        while piece := line.recv(65536):
            got += piece
    if not got:
        raise BackendUnavailable("the console did not answer an attack")
    return got
