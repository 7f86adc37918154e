"""The console's HTTP API as a client sees it: let in, read, command, follow. See
`agentkit/console/API.md`."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from pydantic import SecretStr

from agentkit.cli.context import printable
from agentkit.errors import BackendUnavailable, ConfigError, DataError, UsageError

SILENCE = 40.0  # seconds without a word on the stream, which speaks every 15, until it is given up
PATIENCE = 60  # times that a command is sent to a server that is away, a second apart
PAUSE = 1.0  # seconds between two tries


class Unknown(ConfigError):
    """The console does not know us: a wrong token, or a cookie of a server that has ended."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a console is. base: without a path. token: "" where the address holds none. run: the
    one that the address opens, "" for the list."""

    base: str
    token: SecretStr
    run: str


def read_address(text: str, token: str = "") -> Address:
    """An address as the console prints it, `http://127.0.0.1:8401/runs/ID#token=…`; a token in it
    counts more than the other one.

    Raises:
        UsageError: it is none.
    """
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or parts.username is not None:  # the text may hold a token: it is not repeated
        raise UsageError("this is no address of a console", "e.g. --url http://127.0.0.1:8401")
    given = parse_qs(parts.fragment).get("token", [token])[-1]
    folder, _, run = parts.path.strip("/").partition("/")
    found = run if folder == "runs" else ""
    return Address(f"{parts.scheme}://{parts.netloc}", SecretStr(given), found)


@dataclass(frozen=True, slots=True)
class Message:
    """One of the stream. id: "" for what passes and is no fact."""

    kind: str
    id: str
    data: Any


class Client:
    """A session with a console. Use it as a context; `enter` first."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.role = ""
        self._proof: Mapping[str, str] = {}  # cookie and X-CSRF, always of one session
        self._entering = asyncio.Lock()
        # No proxy of the environment's: a token for this machine passes none. No cookie is kept by
        # itself: one of a new session would go out with the header of the old one.
        none = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        self._http = httpx.AsyncClient(
            base_url=address.base, timeout=30.0, trust_env=False, cookies=none
        )

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    # -- asking -----------------------------------------------------------------------------------

    async def enter(self) -> None:
        """Trades the token for a cookie.

        Raises:
            Unknown: the token is wrong.
            BackendUnavailable: nothing answers there, or no console does.
        """
        token = self.address.token.get_secret_value()
        answer = await self._sent("POST", "/api/session", {"token": token})
        said = self._read(answer)
        if not isinstance(said, dict) or "csrf" not in said:
            raise self._no_console()
        cookies = "; ".join(f"{name}={value}" for name, value in answer.cookies.items())
        self.role = str(said.get("role", ""))
        self._proof = {"Cookie": cookies, "X-CSRF": str(said["csrf"])}

    async def get(self, path: str, **query: Any) -> Any:
        """What stands at a path of the API. Raises as `command`, and does not wait."""
        return await self.ask("GET", path, None, query)

    async def text(self, path: str) -> str:
        """A file of the API. Raises as `get`."""
        answer = await self._sent("GET", path)
        return answer.text if answer.status_code == 200 else str(self._read(answer))

    async def command(self, run: str, kind: str, **args: Any) -> Any:
        """One command on a run, done once however often it has to be sent: a server that is away
        gets a minute to come back.

        Raises:
            UsageError: what the console says against it.
            Unknown: it does not know us any more.
            BackendUnavailable: it stayed away.
        """
        body = {"client_id": str(uuid.uuid4()), "kind": kind, "args": args}
        return await self._once(f"/api/runs/{run}/commands", body)

    async def start(self, body: dict[str, Any]) -> Any:
        """A new run; body: as the API has it, with a client_id. Waits and raises as `command`."""
        return await self._once("/api/runs", body)

    async def _once(self, path: str, body: dict[str, Any]) -> Any:
        """What is done once however often it is sent, by its client_id."""
        for left in range(PATIENCE, -1, -1):
            try:
                return await self.ask("POST", path, body, None)
            except BackendUnavailable:
                if not left:
                    raise
            await asyncio.sleep(PAUSE)
        raise AssertionError

    async def ask(
        self, verb: str, path: str, body: Any = None, query: dict[str, Any] | None = None
    ) -> Any:
        """Any request of the API, once; enters again where the server that gave the cookie has
        ended. Raises as `command`."""
        proof = self._proof
        try:
            return self._read(await self._sent(verb, path, body, query))
        except Unknown:
            await self.enter_again(proof)
        return self._read(await self._sent(verb, path, body, query))

    async def enter_again(self, proof: Mapping[str, str] | None = None) -> None:
        """Enters, unless somebody else has since that proof did not do; as `enter`."""
        async with self._entering:
            if proof is None or proof is self._proof:
                await self.enter()

    async def _sent(
        self, verb: str, path: str, body: Any = None, query: dict[str, Any] | None = None
    ) -> httpx.Response:
        try:
            return await self._http.request(
                verb, path, json=body, params=query, headers=dict(self._proof)
            )
        except httpx.HTTPError as error:
            raise self._away(error) from error

    def _read(self, answer: httpx.Response) -> Any:
        try:
            made = answer.json()
        except ValueError as error:
            raise self._no_console() from error
        if answer.status_code < 400:
            return made
        said = made.get("error", {}) if isinstance(made, dict) else {}
        message = printable(str(said.get("message", f"status {answer.status_code}")))
        if answer.status_code == 401:
            raise Unknown(
                f"the console at {self.address.base} does not know this token",
                "take the address that `agentkit console` printed last, or its AGENTKIT_TOKEN",
            )
        if answer.status_code >= 500:
            raise DataError(f"the console has a fault: {message}", f"its log: {said.get('id', '')}")
        raise UsageError(message, printable(str(said.get("hint", ""))))

    def _away(self, error: Exception) -> BackendUnavailable:
        return BackendUnavailable(
            f"no console answers at {self.address.base} ({str(error) or type(error).__name__})",
            "start one with `agentkit console`, or say with --url where it is",
        )

    def _no_console(self) -> DataError:
        return DataError(
            f"what answers at {self.address.base} is no agentkit console", "is the port right?"
        )

    # -- following --------------------------------------------------------------------------------

    async def stream(self, query: str, last: str = "") -> AsyncIterator[Message]:
        """What the console tells, until it ends the stream. last: the id of the last message that
        was seen.

        Raises:
            Unknown, BackendUnavailable, UsageError: as `command`, which waits; this does not.
        """
        headers = {**self._proof, **({"Last-Event-ID": last} if last else {})}
        waits = httpx.Timeout(10.0, read=SILENCE)
        try:
            async with self._http.stream(
                "GET", f"/api/stream?{query}", headers=headers, timeout=waits
            ) as answer:
                if answer.status_code != 200:
                    await answer.aread()
                    self._read(answer)
                    raise self._no_console()
                async with aclosing(_lines(answer)) as lines:
                    async for message in _messages(lines):
                        yield message
        except httpx.HTTPError as error:
            raise self._away(error) from error


async def _lines(answer: httpx.Response) -> AsyncGenerator[str, None]:
    """Lines end with a line feed alone: U+2028 and its like stand within JSON as they are."""
    rest = b""
    async for piece in answer.aiter_raw():
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode()


async def _messages(lines: AsyncIterator[str]) -> AsyncIterator[Message]:
    kind, id, data = "", "", ""
    async for line in lines:
        name, _, value = line.partition(": ")
        if not line and data:
            yield Message(kind, id, json.loads(data))
        if not line:
            kind, id, data = "", "", ""
        elif name == "event":
            kind = value
        elif name == "id":
            id = value
        elif name == "data":
            data += value
