"""A connection to one server, for callers that block: the SDK works in a thread of its own. Every
way in which a server can fail is a `BackendUnavailable` that names the server."""

from __future__ import annotations

import asyncio
import concurrent.futures
import hashlib
import json
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio
from mcp import Client, MCPError, StdioServerParameters, types

from agentkit.errors import AgentkitError, BackendUnavailable
from agentkit.kit import Parts
from agentkit.secrets import resolve
from agentkit_mcp.settings import ServerSettings
from agentkit_mcp.transport import Spoken, program

T = TypeVar("T")
_PAGES = 50  # of a list


class Connection:
    """One server, started when first used, and once more after it has died."""

    def __init__(self, settings: ServerSettings, parts: Parts) -> None:
        self._settings = settings
        self.name = settings.url or (settings.command or ("?",))[0].rpartition("/")[2]
        self._env = {
            key: resolve(value) if value.startswith(("env:", "keyring:")) else value
            for key, value in settings.env.items()
        }
        self._cwd = parts.resolve(settings.cwd, "cwd") if settings.cwd else None
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: Client | None = None
        self._stop: asyncio.Event | None = None
        self._done: concurrent.futures.Future[None] | None = None
        self._spoken = Spoken()

    # -- what is asked of a server ----------------------------------------------------------------

    def tools(self) -> list[types.Tool]:
        """All tools that it offers.

        Raises:
            BackendUnavailable: as everything here.
        """
        return self._all(lambda c, cursor: c.list_tools(cursor=cursor), "tools")

    def resources(self) -> list[types.Resource]:
        """All resources that it lists."""
        if self.ask(_capabilities).resources is None:
            raise self._fault("offers no resources")
        return self._all(lambda c, cursor: c.list_resources(cursor=cursor), "resources")

    def read(self, uri: str) -> types.ReadResourceResult:
        """The contents of a resource."""
        return self.ask(lambda client: client.read_resource(uri))

    def call(self, tool: str, arguments: dict[str, Any]) -> types.CallToolResult:
        """What a tool gives; an error of the tool itself is a result too (`is_error`)."""
        result = self.ask(lambda client: client.call_tool(tool, arguments))
        if not isinstance(result, types.CallToolResult):
            raise self._fault("answered a call with something else")
        return result

    def ask(self, work: Callable[[Client], Awaitable[T]]) -> T:
        """Does something with the client, within `seconds`."""
        with self._lock:
            client, loop = self._connected()
            waiting = asyncio.run_coroutine_threadsafe(_within(work(client), self._settings), loop)
            try:
                return waiting.result(timeout=self._settings.seconds + 10)
            except (TimeoutError, concurrent.futures.TimeoutError) as error:
                waiting.cancel()
                self._disconnect()
                seconds = self._settings.seconds
                raise self._fault(f"did not answer within {seconds:g} s") from error
            except MCPError as error:
                if self._spoken.fault or (self._done is not None and self._done.done()):
                    self._disconnect()
                    raise self._fault("broke off") from error
                if "closed" in str(error).lower():
                    self._disconnect()
                    raise self._fault("ended") from error
                raise self._fault(f"said no: {_short(error)}") from error
            except AgentkitError:
                raise
            except Exception as error:
                self._disconnect()
                raise self._fault(f"did not answer as it should: {_short(error)}") from error

    def close(self) -> None:
        with self._lock:
            self._disconnect()

    # -- inside -----------------------------------------------------------------------------------

    def _all(self, ask: Callable[[Client, str | None], Awaitable[Any]], what: str) -> list[Any]:
        found: list[Any] = []
        cursor: str | None = None
        for _ in range(_PAGES):
            page = self.ask(lambda client, at=cursor: ask(client, at))  # type: ignore[misc]
            found += getattr(page, what)
            cursor = page.next_cursor
            if not cursor:
                return found
        raise self._fault(f"lists {what} without end")

    def _connected(self) -> tuple[Client, asyncio.AbstractEventLoop]:
        if self._client is not None and self._done is not None and not self._done.done():
            assert self._loop is not None
            return self._client, self._loop
        self._disconnect()
        self._spoken = Spoken()
        started: concurrent.futures.Future[Client] = concurrent.futures.Future()
        self._done = concurrent.futures.Future()
        thread = threading.Thread(
            target=self._thread, args=(started, self._done), daemon=True, name=f"mcp {self.name}"
        )
        thread.start()
        try:
            self._client = started.result(timeout=self._settings.starting + 10)
        except (TimeoutError, concurrent.futures.TimeoutError) as error:
            self._disconnect()
            raise self._fault("did not start in time") from error
        except FileNotFoundError as error:
            raise BackendUnavailable(
                f"the MCP server {self.name} cannot be started: {_short(error)}",
                "install it, or give its whole path in `command`",
            ) from error
        except BaseException as error:
            self._disconnect()
            raise self._fault(f"did not start: {_short(error)}") from error
        assert self._loop is not None
        return self._client, self._loop

    def _thread(
        self,
        started: concurrent.futures.Future[Client],
        done: concurrent.futures.Future[None],
    ) -> None:
        async def live() -> None:
            self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
            with anyio.fail_after(self._settings.starting) as starting:
                async with Client(self._server(), read_timeout_seconds=None) as client:
                    starting.deadline = float("inf")
                    started.set_result(client)
                    await self._stop.wait()

        try:
            asyncio.run(live())
        except BaseException as error:
            if not started.done():
                started.set_exception(_innermost(error))
        finally:
            if not started.done():
                started.set_exception(ConnectionError("it ended at once"))
            done.set_result(None)

    def _server(self) -> Any:
        if self._settings.url is not None:
            return self._settings.url
        command, *arguments = self._settings.command or ()
        parameters = StdioServerParameters(
            command=command, args=arguments, env=self._env, cwd=self._cwd
        )
        return program(parameters, self._settings.bytes, self._spoken)

    def _disconnect(self) -> None:
        client, self._client = self._client, None
        if self._loop is not None and self._stop is not None and client is not None:
            try:
                self._loop.call_soon_threadsafe(self._stop.set)
            except RuntimeError:
                pass  # its loop has ended already
            if self._done is not None:
                try:
                    self._done.result(timeout=15)
                except (TimeoutError, concurrent.futures.TimeoutError):
                    pass

    def _fault(self, what: str) -> BackendUnavailable:
        if self._spoken.fault:
            what = f"was cut off: {self._spoken.fault}"
        last = self._spoken.said[-1].strip()[:200] if self._spoken.said else ""
        return BackendUnavailable(
            f"the MCP server {self.name} {what}", f"it last said: {last}" if last else ""
        )


def fingerprint(tool: types.Tool) -> str:
    """Of what a server says about a tool: another one means that it changed under our hands."""
    plain = [tool.name, tool.description, tool.input_schema]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


async def _capabilities(client: Client) -> types.ServerCapabilities:
    return client.server_capabilities


async def _within(work: Awaitable[T], settings: ServerSettings) -> T:
    return await asyncio.wait_for(work, settings.seconds)


def _innermost(error: BaseException) -> BaseException:
    """The one fault inside the groups that task groups make."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return error


def _short(error: BaseException) -> str:
    return " ".join(str(_innermost(error)).split())[:300] or type(error).__name__
