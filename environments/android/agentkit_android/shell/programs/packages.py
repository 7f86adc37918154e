"""pm, cmd, pidof, ps: what is installed, and what runs."""

from __future__ import annotations

from agentkit_android.apps.app import App
from agentkit_android.apps.home import PACKAGE as HOME
from agentkit_android.phone.plain import Notice
from agentkit_android.screen.acts import clean
from agentkit_android.shell.call import PROGRAMS, Call, ProgramError, program

OTHERS = {"activity": "am", "appops": "appops", "input_method": "ime", "settings": "settings"}


def pid(call: Call, package: str) -> int:
    """One for each app, always the same."""
    return 4000 + 17 * sorted(call.phone.apps).index(package)


def _app(call: Call, package: str) -> App:
    app = call.phone.apps.get(package)
    if app is None:
        raise ProgramError(f"Unknown package: {package}")
    return app


@program("pm")
async def pm(call: Call) -> int:
    return await _package(call, call.words)


@program("cmd")
async def cmd(call: Call) -> int:
    service, *words = call.words or [""]
    if service == "package":
        return await _package(call, words)
    if service in OTHERS:
        return await PROGRAMS[OTHERS[service]](call.named(OTHERS[service], words))
    if service == "notification":
        return await _notification(call, words)
    if service == "statusbar":
        return await _status_bar(call, words)
    if service == "uimode":
        return await _night(call, words)
    raise ProgramError(f"Can't find service: {service}", 20)


async def _notification(call: Call, words: list[str]) -> int:
    """post [-t TITLE] TAG TEXT, list, and what only has to succeed."""
    phone = call.phone
    if words[:1] == ["list"]:
        for notice in phone.plain.notices:
            await call.print(f"0|{notice.package}|{notice.key}")
        return 0
    if words[:1] != ["post"]:
        return 0
    rest, title = words[1:], ""
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if rest and option in ("-t", "--title"):
            title = rest.pop(0)
    if len(rest) < 2:
        raise ProgramError("usage: cmd notification post [-t TITLE] TAG TEXT", 255)
    key, title, text = clean(rest[0]), clean(title), clean(rest[1])
    phone.plain.notices.append(Notice("com.android.settings", key, title, text, phone.now()))
    phone.save()
    return 0


async def _status_bar(call: Call, words: list[str]) -> int:
    shade = {"expand-notifications": 1, "expand-settings": 2, "collapse": 0}
    if words[:1] and words[0] in shade:
        call.phone.act("shade", value=shade[words[0]])
        return 0
    raise ProgramError(f"Unknown command: {' '.join(words)}", 255)


async def _night(call: Call, words: list[str]) -> int:
    if words[:1] == ["night"] and words[1:2] in (["yes"], ["no"]):
        call.phone.settings.put("secure", "ui_night_mode", "2" if words[1] == "yes" else "1")
    await call.print(f"Night mode: {'yes' if call.phone.dark else 'no'}")
    return 0


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
        call.phone.save()
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
    if verb == "query-activities" and "android.intent.category.LAUNCHER" in rest:
        started = (a for a in call.phone.apps.values() if a.main and a.package != HOME)
        found = sorted(started, key=lambda a: a.package)
        for number, app in enumerate(found):
            await call.print(f"  Activity #{number}:")
            await call.print("    priority=0 preferredOrder=0 match=0x108000 isDefault=true")
            await call.print(f"    {app.package}/{app.main}")
        return 0
    if verb in ("grant", "revoke") and rest:
        _app(call, rest[0])
        if len(rest) > 1:
            call.phone.grant(rest[0], rest[1], on=verb == "grant")
            call.phone.save()
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
