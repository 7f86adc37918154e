"""What must not be let in: without the cookie, from elsewhere, beyond a role, out of its folder."""

from __future__ import annotations

import http.client
import json
import socket
import uuid
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from agentkit.bench.console_attacks import OUTSIDE, XSS
from agentkit.console.app import Api
from agentkit.console.desk import Desk
from agentkit.console.entry import Sessions
from agentkit.console.uploads import KINDS
from agentkit.kit import load
from agentkit.runs.sqlite import SqliteRunStore
from agentkit.runs.store import NewRun
from tests.console.serving import NOTES, SETTINGS, Answer, Console, serve, stop

pytestmark = pytest.mark.slow

POLICY = "default-src 'none'"
PLACES = {
    "run": "261127-000000-abcdef",
    "seq": "1",
    "key": "a:0",
    "name": "x",
    "agent": "research",
    "upload": "u-0123456789abcdef",
    "rest": "anything",
    "path": "x.js",
}


def every_route(folder: Path) -> list[tuple[str, str]]:
    """(method, path) of every route, read from the router itself."""
    (folder / "agentkit.toml").write_text(SETTINGS.format(folder=folder))
    with load(folder / "agentkit.toml", environ={"AGENTKIT_DATA": str(folder)}) as kit:
        desk = Desk(kit)
        try:
            api = Api(desk, Sessions({"operator": "x" * 32}))
            found = []
            for route in api.inner.routes:
                assert isinstance(route, Route)
                path = route.path
                for name, value in PLACES.items():
                    for form in (name, f"{name}:int", f"{name}:path"):
                        path = path.replace(f"{{{form}}}", value)
                methods = route.methods or {"GET", "POST", "PUT", "PATCH", "DELETE"}
                found += [(method, path) for method in sorted(methods - {"HEAD"})]
            return found
        finally:
            desk.close()


def test_nothing_answers_without_the_cookie(served: Console, tmp_path: Path) -> None:
    routes = every_route(tmp_path)
    assert len(routes) > 35
    for method, path in routes:
        for cookie in ("", "agentkit_console=", "agentkit_console=operator.x.y"):
            answer = served.ask(method, path, {} if method != "GET" else None, {"Cookie": cookie})
            mine = path.startswith("/api") and (method, path) != ("POST", "/api/session")
            assert (answer.status == 401) == mine or answer.status == 401, (method, path)
            if path.startswith("/api"):
                assert answer.status == 401, (method, path, answer.status)
    for path in ("/api", "/api/", "/api/nothing", "/api/../api/runs", "//api/runs", "/API/runs"):
        answer = served.ask("GET", path)
        assert answer.status in (401, 404) or b"<!doctype html>" in answer.body.lower(), path


def test_what_the_browser_is_told(console: Console) -> None:
    for path in ("/", "/runs/x", "/api/about", "/api/nothing", "/static/nothing"):
        headers = console.ask("GET", path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith(POLICY) and "unsafe" not in policy, path
        assert "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers and "server" not in headers
    assert console.ask("GET", "/api/about").headers["cache-control"] == "no-store"
    cookie = console.ask("POST", "/api/session", {"token": console.token}).headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example", "", "[::1]", "0.0.0.0"],
)
def test_other_hosts_are_refused(console: Console, host: str) -> None:
    for method, path in (("GET", "/"), ("GET", "/api/runs"), ("POST", "/api/session")):
        body = {"token": console.token} if method == "POST" else None
        connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=20)
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host)
        connection.putheader("Cookie", console.cookie)
        data = json.dumps(body).encode() if body else b""
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(len(data)))
        connection.endheaders(data)
        assert connection.getresponse().status in (400, 403), (method, path)
        connection.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {"Origin": "file://"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"X-CSRF": ""},
        {"X-CSRF": "0" * 64},
    ],
)
def test_other_pages_can_do_nothing(console: Console, headers: dict[str, str]) -> None:
    start = {"client_id": str(uuid.uuid4()), "agent": "research", "task": "x"}
    command = {"client_id": str(uuid.uuid4()), "kind": "stop", "args": {}}
    for path, body in (
        ("/api/runs", start),
        (f"/api/runs/{PLACES['run']}/commands", command),
        ("/api/uploads", {}),
        ("/api/agui/research", {}),
    ):
        answer = console.ask("POST", path, body, {**headers})
        assert answer.status == 403, (path, answer.status)
    if "X-CSRF" not in headers:
        assert console.ask("GET", "/api/stream?list=1", headers=headers).status == 403


def test_forms_cannot_speak_the_api(console: Console) -> None:
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain", ""):
        body = json.dumps({"client_id": str(uuid.uuid4()), "agent": "research", "task": "x"})
        answer = console.ask("POST", "/api/runs", body.encode(), {"Content-Type": kind or "x/y"})
        assert answer.status == 415


def test_a_viewer_looks_and_touches_nothing(served: Console) -> None:
    viewer = served.enter(served.viewer)
    assert viewer.get("/api/session")["role"] == "viewer"
    assert viewer.get("/api/runs")["runs"] is not None
    run = f"/api/runs/{PLACES['run']}"
    asked = {"client_id": str(uuid.uuid4()), "kind": "stop", "args": {}}
    start = {"client_id": str(uuid.uuid4()), "agent": "research", "task": "x"}
    for method, path, body in (
        ("POST", "/api/runs", start),
        ("POST", f"{run}/commands", asked),
        ("POST", f"{run}/screens/phone/act", {"kind": "tap", "x": 1, "y": 1}),
        ("POST", "/api/uploads", {}),
        ("PUT", "/api/uploads/u-0123456789abcdef/x.md", b"x"),
        ("POST", "/api/agui/research", {}),
        ("GET", "/api/audit", None),
    ):
        answer = viewer.ask(method, path, body)
        assert answer.status == 403, (method, path, answer.status)
        assert answer.json["error"]["message"] == "you may look, not touch"


def test_tokens(served: Console) -> None:
    for token in ("", "x", served.token[:-1], served.token + "x", served.token.swapcase()):
        assert served.ask("POST", "/api/session", {"token": token}).status == 401
    for body in ({}, {"token": None}, {"token": [served.token]}, [served.token], "x"):
        assert served.ask("POST", "/api/session", body).status in (401, 422)
    mine = served.enter()
    forged = mine.cookie.replace("operator", "viewer", 1)
    assert mine.ask("GET", "/api/runs", headers={"Cookie": forged}).status == 401
    assert served.ask("GET", f"/api/runs?token={served.token}").status == 401
    bearer = {"Authorization": f"Bearer {served.token}"}
    assert served.ask("GET", "/api/runs", headers=bearer).status == 401
    assert mine.ask("DELETE", "/api/session").status == 204
    assert mine.ask("GET", "/api/runs").status == 401
    viewer = served.enter(served.viewer)
    raised = viewer.cookie.replace("viewer", "operator", 1)
    assert viewer.ask("GET", "/api/audit", headers={"Cookie": raised}).status == 401


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_path_leads_out(console: Console, path: str) -> None:
    secrets = (b"root:", b"deep-research", b"import ")
    run = PLACES["run"]
    for before in (
        "/static/",
        "/api/results/",
        f"/api/runs/{run}/artifacts/",
        f"/api/runs/{run}/exports/",
        f"/api/runs/{run}/screens/",
        "/api/sources/",
        "/api/agents/",
        "/",
    ):
        raw = _raw(console, f"{before}{path}")
        assert raw.status in (200, 301, 307, 400, 404, 405, 414), (before, raw.status)
        assert not any(word in raw.body for word in secrets), before


def _raw(console: Console, path: str) -> Answer:
    """A request whose path no client library has tidied."""
    with socket.create_connection(("127.0.0.1", console.port), 20) as line:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{console.port}\r\nConnection: close\r\n"
        line.sendall(f"{head}Cookie: {console.cookie}\r\n\r\n".encode("latin-1", "ignore"))
        got = b""
        while piece := line.recv(65536):
            got += piece
    first, _, rest = got.partition(b"\r\n")
    words = first.split()
    return Answer(int(words[1]) if len(words) > 1 else 400, {}, rest.partition(b"\r\n\r\n")[2])


def test_text_of_others_stays_text(console: Console) -> None:
    """What comes in comes out the same, as JSON that no browser takes for a page; in streams and
    exports too, where it could otherwise end a message or begin a script."""
    store = SqliteRunStore(console.folder / "runs")
    for text in XSS:
        made = store.create(NewRun("research", text, {"question": text}, 0)).id
        console.command(made, "steer", text=text)
        console.command(made, "stop")
        whole = console.ask("GET", f"/api/runs/{made}")
        assert whole.headers["content-type"] == "application/json"
        state = whole.json["state"]
        assert state["run"]["task"] == text and state["messages"]["m1"]["text"] == text
        page = console.ask("GET", f"/api/runs/{made}/exports/run.html")
        assert page.headers["content-disposition"].startswith("attachment")
        low = page.body.lower()
        assert b"<script" not in low and b"<img" not in low and b"<svg" not in low
    store.close()
    found = console.get("/api/runs?limit=200")["runs"]
    assert set(XSS) <= {r["task"] for r in found}


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("a.md", b"# fine", 200),
        ("../../a.md", b"# fine", 404),
        ("..%2f..%2fevil.md", b"# fine", 404),
        ("%2e%2e.md", b"x", 422),
        ("%00.md", b"x", 422),
        ("a.exe", b"MZ", 415),
        ("a.html.svg", b"<svg>", 415),
        ("a.py", b"import os", 415),
        ("a.pdf", b"no pdf", 415),
        ("a.txt", b"\x00\x01binary", 415),
        ("a.docx", b"PK\x03\x04broken", 415),
        ("x" * 300 + ".md", b"x", 200),
        (".md", b"x", 422),
        ("a.md", b"x" * (20 * 2**20 + 1), 413),
    ],
)
def test_uploads(console: Console, name: str, content: bytes, status: int) -> None:
    made = console.ask("POST", "/api/uploads", {}).json
    assert made["limits"]["kinds"] == list(KINDS)
    folder = console.folder / "runs" / "console" / "uploads" / made["upload"]
    answer = _put(console, f"/api/uploads/{made['upload']}/{name}", content)
    assert answer == status or (status == 404 and answer == 405)
    there = [p.name for p in folder.iterdir()]
    assert len(there) == (status == 200) and all(n[0].isalnum() for n in there)
    assert sorted(p.name for p in (console.folder / "notes").iterdir()) == sorted(NOTES)


def _put(console: Console, path: str, content: bytes) -> int:
    try:
        return console.ask("PUT", path, content).status
    except (BrokenPipeError, ConnectionResetError):  # cut off while it sent too much
        return 413


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b"[" * 100_000, 422),
        (b'"x"', 422),
        (b"null", 422),
        (b"x" * (2**20 + 1), 413),
        (b'{"client_id": "short"}', 422),
        (b'{"client_id": "12345678", "kind": "sudo"}', 422),
        (b'{"client_id": "12345678", "kind": "steer", "args": {"text": ""}}', 422),
        (b'{"client_id": "12345678", "kind": "steer", "args": {"text": "x", "cmd": "y"}}', 422),
        (b'{"client_id": "12345678", "kind": "fork", "args": {"step": -1}}', 422),
        (b'{"client_id": "12345678", "kind": "budget.set", "args": {"seconds": Infinity}}', 422),
        (b'{"client_id": "12345678", "kind": "budget.set", "args": {"tokens": 1e400}}', 422),
    ],
)
def test_bodies_that_are_wrong(console: Console, body: bytes, status: int) -> None:
    path = f"/api/runs/{_any(console)}/commands"
    answer = console.ask("POST", path, body, {"Content-Type": "application/json"})
    assert answer.status == status, answer.body[:300]
    error = answer.json["error"]
    assert error["id"].startswith("e-") and "Traceback" not in answer.body.decode()


def _any(console: Console) -> str:
    found = console.get("/api/runs?limit=1")["runs"]
    if found:
        return str(found[0]["id"])
    run = console.start("x")
    console.command(run, "stop")
    return run


def test_it_listens_here_alone(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="did not start"):
        serve(tmp_path, "--host", "0.0.0.0")


def test_a_new_server_forgets_all_cookies(tmp_path: Path) -> None:
    first = serve(tmp_path)
    mine = first.enter()
    stop(first)
    second = serve(tmp_path, port=mine.port)
    try:
        assert mine.ask("GET", "/api/runs").status == 401
        assert second.token != first.token
    finally:
        stop(second)


def test_errors_tell_no_secrets(console: Console) -> None:
    answers: list[Any] = [
        console.ask("GET", "/api/runs/nope").json,
        console.ask("GET", "/api/runs/last").json,
        console.ask("GET", "/api/agents/nope").json,
        console.ask("GET", "/api/compare?one=a&two=b").json,
    ]
    for answer in answers:
        assert answer["error"]["code"] == "not-found"
        assert str(console.folder) not in json.dumps(answer)
