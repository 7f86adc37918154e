"""am, pm, cmd, monkey, pidof: apps and their activities."""

from __future__ import annotations

from agentkit_android.apps import HOME
from agentkit_android.apps.app import App
from agentkit_android.shell.call import Call, ProgramError, program

WITH_VALUE = {"-a", "-c", "-d", "-f", "-n", "-t", "-p", "--user"}
EXTRAS = {"-e", "--es", "--ei", "--ez", "--el", "--ef"}
ACTIONS = {
    "android.settings.SETTINGS": ("com.android.settings", ".Settings"),
    "android.settings.WIFI_SETTINGS": ("com.android.settings", ".Network"),
    "android.settings.WIRELESS_SETTINGS": ("com.android.settings", ".Network"),
    "android.settings.AIRPLANE_MODE_SETTINGS": ("com.android.settings", ".Network"),
    "android.settings.BLUETOOTH_SETTINGS": ("com.android.settings", ".Connected"),
    "android.settings.DISPLAY_SETTINGS": ("com.android.settings", ".Display"),
    "android.settings.LOCATION_SOURCE_SETTINGS": ("com.android.settings", ".Location"),
}


def pid(call: Call, package: str) -> int:
    """One for each app, always the same."""
    return 4000 + 17 * sorted(call.phone.apps).index(package)


def _app(call: Call, package: str) -> App:
    app = call.phone.apps.get(package)
    if app is None:
        raise ProgramError(f"Unknown package: {package}")
    return app


@program("am")
async def am(call: Call) -> int:
    verb, words = (call.words[0], call.words[1:]) if call.words else ("", [])
    if verb in ("start", "start-activity"):
        return await _start(call, words)
    if verb in ("force-stop", "kill"):
        call.phone.activities.stop(words[-1] if words else "")
        return 0
    if verb == "broadcast":
        action = words[words.index("-a") + 1] if "-a" in words[:-1] else ""
        await call.print(f"Broadcasting: Intent {{ act={action} flg=0x400000 }}")
        await call.print("Broadcast completed: result=0")
        return 0
    raise ProgramError(f"Unknown command: {verb}", 255)


async def _start(call: Call, words: list[str]) -> int:
    given: dict[str, str] = {}
    options: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in EXTRAS and len(rest) > 1:
            given[rest.pop(0)] = rest.pop(0)
        elif word in WITH_VALUE and rest:
            options[word] = rest.pop(0)
        elif not word.startswith("-"):
            options["-n" if "/" in word and ":" not in word else "-p"] = word
    package, _, activity = options.get("-n", "").partition("/")
    if not package and options.get("-a") in ACTIONS:
        package, activity = ACTIONS[options["-a"]]
    elif not package and options.get("-p") in call.phone.apps:
        package, activity = options["-p"], call.phone.apps[options["-p"]].main
    elif not package and "android.intent.category.HOME" in options.values():
        package, activity = HOME, call.phone.apps[HOME].main
    shown = f"{package}/{activity}" if package else options.get("-a", "")
    await call.print(f"Starting: Intent {{ cmp={shown} }}")
    activity = activity.removeprefix(package) if activity.startswith(f"{package}.") else activity
    if not call.phone.start(package, activity, given):
        kind = f"Activity class {{{shown}}} does not exist." if package else "unable to resolve"
        await call.err.write(f"Error type 3\nError: {kind}\n".encode())
        return 1
    return 0


@program("monkey")
async def monkey(call: Call) -> int:
    words = call.words
    package = words[words.index("-p") + 1] if "-p" in words[:-1] else ""
    app = call.phone.apps.get(package)
    if app is None or not app.main:
        await call.print("** No activities found to run, monkey aborted.")
        return 252
    call.phone.start(package, app.main)
    await call.print("Events injected: 1")
    return 0


@program("pm")
async def pm(call: Call) -> int:
    return await _package(call, call.words)


@program("cmd")
async def cmd(call: Call) -> int:
    service, *words = call.words or [""]
    if service == "package":
        return await _package(call, words)
    if service == "activity":
        return await am(Call("am", words, call.shell, call.stdin, call.out, call.err))
    raise ProgramError(f"Can't find service: {service}", 20)


async def _package(call: Call, words: list[str]) -> int:
    verb, *rest = words or [""]
    if verb == "list" and rest[:1] in (["packages"], ["package"]):
        return await _list(call, rest[1:])
    if verb == "list":
        return 0  # no features, instrumentations or libraries
    if verb == "path" and rest:
        if rest[-1] not in call.phone.apps:
            return 1
        await call.print(f"package:/data/app/{rest[-1]}/base.apk")
        return 0
    if verb == "clear" and rest:
        if rest[-1] not in call.phone.apps:
            await call.print("Failed")
            return 1
        call.phone.clear(rest[-1])
        await call.print("Success")
        return 0
    if verb == "resolve-activity" and rest:
        app = call.phone.apps.get(rest[-1])
        if app is None or not app.main:
            await call.print("No activity found")
            return 0
        await call.print("priority=0 preferredOrder=0 match=0x108000 isDefault=true")
        await call.print(f"{app.package}/{app.main}")
        return 0
    if verb in ("grant", "revoke") and rest:
        _app(call, rest[0])
        return 0
    if verb in ("install", "uninstall"):
        raise ProgramError(f"Failure [{verb} is not possible on this phone]")
    raise ProgramError(f"Unknown command: {verb}", 255)


async def _list(call: Call, words: list[str]) -> int:
    flags = {w for w in words if w.startswith("-")}
    filters = [w for w in words if not w.startswith("-")]
    if "-3" in flags or "-d" in flags:
        return 0  # every app here came with the phone, and is enabled
    for package, app in sorted(call.phone.apps.items()):
        if all(f in package for f in filters):
            path = f"/data/app/{package}/base.apk=" if "-f" in flags else ""
            version = f" versionCode:{app.version[1]}" if "--show-versioncode" in flags else ""
            await call.print(f"package:{path}{package}{version}")
    return 0


@program("pidof")
async def pidof(call: Call) -> int:
    found = [str(pid(call, p)) for p in call.words if p in call.phone.activities.running()]
    if found:
        await call.print(" ".join(found))
    return 0 if found else 1


@program("ps")
async def ps(call: Call) -> int:
    await call.print("USER           PID  PPID     VSZ    RSS WCHAN            ADDR S NAME")
    rows = [(1, "root", "init"), (900, "system", "system_server")]
    rows += [(pid(call, p), "u0_a100", p) for p in call.phone.activities.running()]
    for number, user, name in rows:
        await call.print(
            f"{user:<12} {number:>5}     1 1000000  90000 0                   0 S {name}"
        )
    return 0
