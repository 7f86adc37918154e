"""app_process and `am instrument`: start the servers that clients bring, which stay until they are
left or stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from agentkit_android.device.automation import appium, uiautomator2
from agentkit_android.device.packages import installed
from agentkit_android.phone.phone import Phone, PortService
from agentkit_android.shell.call import PROGRAMS, Call, ProgramError, program

MAIN = "com.wetest.uia2.Main"
PORT = 9008
APPIUM = "io.appium.uiautomator2.server"

_running: WeakKeyDictionary[Phone, dict[str, asyncio.Event]] = WeakKeyDictionary()
"""What stops the instrumentation of a package, by package."""


@contextmanager
def listening(call: Call, port: int, service: PortService) -> Iterator[None]:
    """Has a service at a port of the phone for as long as the program runs.

    Raises:
        ProgramError: another program listens there.
    """
    ports = call.phone.ports
    if port in ports:
        raise ProgramError(f"java.net.BindException: {port} is in use")
    ports[port] = service
    try:
        yield
    finally:
        if ports.get(port) is service:
            del ports[port]


@program("app_process")
async def app_process(call: Call) -> int:
    words = call.words
    main = next((w for w in words if w[:1].isalpha() and "." in w), "")
    path = call.shell.variables.get("CLASSPATH", "")
    if main != MAIN or not path or not call.phone.files.exists(call.path(path)):
        await call.complain(f"java.lang.ClassNotFoundException: {main[:100]}")
        return 1
    port = int(words[words.index("-p") + 1]) if "-p" in words[:-1] else PORT
    with listening(call, port, uiautomator2.service(call.phone)):
        await call.print("[server] INFO: [UiAutomator2Server] Starting Server")
        await asyncio.Event().wait()
    return 0


@program("am instrument")
async def instrument(call: Call) -> int:
    """Runs Appium's server, which was installed; no other tests can be run here."""
    component = call.words[-1]
    package = component.partition("/")[0]
    tests = {c: t for one in installed(call.phone) for c, t in one.instrumentation}
    target = tests.get(component)
    if target is None:
        await call.print(f"INSTRUMENTATION_STATUS: Error=Unable to find {component[:100]}")
        await call.print("INSTRUMENTATION_STATUS_CODE: -1")
        return 1
    if target != APPIUM:
        raise ProgramError(f"{component[:100]} cannot run on this phone")
    over = asyncio.Event()
    events = _running.setdefault(call.phone, {})
    for name in (package, target):
        events[name] = over
    try:
        with listening(call, appium.PORT, appium.service(call.phone)):
            await over.wait()
    finally:
        for name in (package, target):
            if events.get(name) is over:
                del events[name]
    await call.print("INSTRUMENTATION_CODE: 0")
    return 0


@program("am force-stop")
async def force_stop(call: Call) -> int:
    over = _running.get(call.phone, {}).get(call.words[-1])
    if over is not None:
        over.set()
        await asyncio.sleep(0)  # its port is free when this program ends
    return await PROGRAMS["am"](call)


@program("dumpsys deviceidle", "am clear-debug-app", "am set-debug-app")
async def taken(call: Call) -> int:
    """Nothing here sleeps or is debugged."""
    return 0


@program("dumpsys activity")
async def services(call: Call) -> int:
    """`dumpsys activity services PACKAGE`: an installed package is taken to run in the foreground,
    as Appium's helper does once it was started."""
    words = call.words
    if words[1:2] != ["services"]:
        return await PROGRAMS["dumpsys"](call)
    await call.print("ACTIVITY MANAGER SERVICES (dumpsys activity services)")
    names = {p.name for p in installed(call.phone)}
    if words[2:] and words[2] in names:
        await call.print(
            f"  * ServiceRecord{{c0ffee u0 {words[2]}/.Service}}\n    isForeground=true"
        )
    return 0
