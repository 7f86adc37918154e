"""am and monkey: activities, broadcasts, apps that stop."""

from __future__ import annotations

import base64
import binascii

from agentkit_android.apps import HOME
from agentkit_android.phone.keyboard import ADB_PACKAGE
from agentkit_android.screen.acts import Intent, Value, clean
from agentkit_android.shell.call import Call, ProgramError, decode, program
from agentkit_android.shell.programs.input import key_name

MAIN = "android.intent.action.MAIN"
WITH_VALUE = {"-a", "-c", "-d", "-f", "-n", "-t", "-p", "--user", "--display"}
EXTRAS = {"-e", "--es", "--ei", "--ez", "--el", "--ef", "--eu", "--esn"}


@program("am")
async def am(call: Call) -> int:
    verb, words = (call.words[0], call.words[1:]) if call.words else ("", [])
    phone, package = call.phone, words[-1] if words else ""
    if verb in ("start", "start-activity"):
        return await _start(call, words)
    if verb == "broadcast":
        return await _broadcast(call, words)
    if verb in ("force-stop", "kill"):
        phone.stop(package)
        return 0
    if verb in ("crash", "hang"):
        if package not in phone.apps:
            raise ProgramError(f"Unknown package: {package}", 255)
        (phone.crash if verb == "crash" else phone.hang)(package)
        return 0
    if verb in ("stack", "task", "startservice", "start-service", "start-foreground-service"):
        return 0
    if verb == "get-current-user":
        await call.print("0")
        return 0
    raise ProgramError(f"Unknown command: {verb}", 255)


def parsed(words: list[str]) -> tuple[dict[str, str], dict[str, Value]]:
    """(options, extras) of the words of an intent."""
    given: dict[str, Value] = {}
    options: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in EXTRAS and len(rest) > 1:
            key, value = rest.pop(0), rest.pop(0)
            given[key] = value
        elif word in WITH_VALUE and rest:
            options[word] = rest.pop(0)
        elif not word.startswith("-"):
            name = "-n" if "/" in word and ":" not in word else "-d" if ":" in word else "-p"
            options[name] = word
    return options, given


async def _start(call: Call, words: list[str]) -> int:
    phone = call.phone
    options, given = parsed(words)
    package, _, activity = options.get("-n", "").partition("/")
    action, data = options.get("-a", ""), options.get("-d", "")
    if not package and options.get("-p") in phone.apps and action in ("", MAIN):
        package, activity = options["-p"], phone.apps[options["-p"]].main
    elif not package and "android.intent.category.HOME" in options.values():
        package, activity = HOME, phone.apps[HOME].main
    shown = f"{package}/{activity}" if package else action
    told = f"cmp={shown}" if package else f"act={action}" + (f" dat={data}" if data else "")
    await call.print(f"Starting: Intent {{ {told} }}")
    if package:
        if activity.startswith(f"{package}."):
            activity = activity.removeprefix(package)
        if data:
            given["data"] = data
        if action not in ("", MAIN):
            given["action"] = action
        started = phone.start(package, activity, given)
    else:
        intent = Intent(
            action, data, options.get("-t", ""), options.get("-p", ""), extras=tuple(given.items())
        )
        started = phone.send(intent)
    phone.save()
    if not started:
        kind = f"Activity class {{{shown}}} does not exist." if package else "unable to resolve"
        await call.err.write(f"Error type 3\nError: {kind}\n".encode())
        return 1
    return 0


async def _broadcast(call: Call, words: list[str]) -> int:
    """Those of the keyboard that adb types with are heard while it is the one in use."""
    phone = call.phone
    options, given = parsed(words)
    action = options.get("-a", "")
    await call.print(f"Broadcasting: Intent {{ act={action} flg=0x400000 }}")
    method = phone.settings.get("secure", "default_input_method") or ""
    data, code = "", 0
    if action == "clipper.get":
        code, data = -1, phone.plain.clipboard
    elif action == "clipper.set":
        phone.plain.clipboard, code, data = clean(str(given.get("text", ""))), -1, "Text is copied"
    elif action.startswith("ADB_") and method.startswith(ADB_PACKAGE):
        _keyboard(call, action, given)
    phone.save()
    told = f', data="{data}"' if data else ""
    await call.print(f"Broadcast completed: result={code}{told}")
    return 0


def _keyboard(call: Call, action: str, given: dict[str, Value]) -> None:
    phone, message = call.phone, str(given.get("msg", ""))
    if action == "ADB_INPUT_B64":
        try:
            phone.type(decode(base64.b64decode(message, validate=True)))
        except (binascii.Error, ValueError):
            phone.note("AdbIME", "ADB_INPUT_B64: msg is no base64")
    elif action == "ADB_INPUT_TEXT":
        phone.type(message)
    elif action == "ADB_CLEAR_TEXT":
        phone.erase()
    elif action == "ADB_INPUT_CODE":
        phone.press(key_name(str(given.get("code", ""))))
    elif action == "ADB_EDITOR_CODE":
        phone.press("ENTER")


@program("monkey")
async def monkey(call: Call) -> int:
    words = call.words
    package = words[words.index("-p") + 1] if "-p" in words[:-1] else ""
    app = call.phone.apps.get(package)
    if app is None or not app.main:
        await call.print("** No activities found to run, monkey aborted.")
        return 252
    call.phone.start(package, app.main)
    call.phone.save()
    await call.print("Events injected: 1")
    return 0
