"""Packages that are installed: kept as files of the phone, listed like any other, and never run.

The programs here stand before those of the shell, for the verbs that they know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentkit_android.apps.app import App
from agentkit_android.device import apk
from agentkit_android.phone.phone import Phone
from agentkit_android.phone.snapshots import State
from agentkit_android.shell.call import PROGRAMS, Call, ProgramError, program
from agentkit_android.shell.streams import Source

MAX_SIZE = 128 << 20
HUE = "#5F6368"
VALUED = {"-S", "-i", "--user", "--abi", "--install-location", "--originating-uri"}


def installed(phone: Phone) -> Iterator[apk.Package]:
    """What was installed on the phone, by the files that it keeps."""
    for name, _ in phone.files.list("/data/app"):
        path = f"/data/app/{name}/base.apk"
        if phone.files.exists(path):
            yield apk.read(phone.files.read(path))


def add(phone: Phone, package: apk.Package) -> None:
    """Has the phone list a package."""
    version = (package.version, package.code)
    phone.apps[package.name] = App(package.name, package.name, HUE, main="", version=version)
    if package.name not in phone.databases:
        phone.add_database(package.name)


def load(phone: Phone) -> None:
    """Lists again what a phone that was switched off had installed."""
    for package in installed(phone):
        if package.name not in phone.apps:
            add(phone, package)


def put_back(phone: Phone, state: State) -> None:
    """Brings a phone to a state that was kept; what was installed since stays installed, and what
    was removed since is there again, with its data."""
    kept = {p.name: phone.files.read(f"/data/app/{p.name}/base.apk") for p in installed(phone)}
    for name in kept:
        phone.databases.pop(name, None)
    phone.restore(state)
    load(phone)
    for name in phone.databases.keys() & state.databases.keys() - kept.keys():
        phone.databases[name].load(state.databases[name])
    for name, data in kept.items():
        phone.files.make_folder(f"/data/app/{name}", parents=True)
        phone.files.write(f"/data/app/{name}/base.apk", data)
        add(phone, apk.read(data))


async def install(call: Call, words: list[str]) -> int:
    """`install [-r] [-g] … -S SIZE` reads the package from standard input, else from a file."""
    phone, size, paths, rest = call.phone, -1, [], list(words)
    while rest:
        word = rest.pop(0)
        if word in VALUED and rest:
            value = rest.pop(0)
            size = int(value) if word == "-S" and value.isdecimal() else size
        elif not word.startswith("-"):
            paths.append(word)
    if size > MAX_SIZE:
        raise ProgramError("Failure [INSTALL_FAILED_INSUFFICIENT_STORAGE]")
    if size >= 0:
        data = await _exactly(call.stdin, size)
    elif paths:
        data = phone.files.read(call.path(paths[-1]))
    else:
        raise ProgramError("Failure [INSTALL_FAILED_INVALID_APK: no package was given]")
    try:
        package = apk.read(data)
    except ValueError as error:
        await call.print(f"Failure [INSTALL_PARSE_FAILED_NOT_APK: {error}]")
        return 1
    path = f"/data/app/{package.name}/base.apk"
    if package.name in phone.apps and not phone.files.exists(path):
        await call.print("Failure [INSTALL_FAILED_VERSION_DOWNGRADE: it is a part of the phone]")
        return 1
    phone.files.make_folder(f"/data/app/{package.name}", parents=True)
    phone.files.write(path, data)
    add(phone, package)
    phone.save()
    await call.print("Success")
    return 0


async def _exactly(source: Source, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size and (data := await source.read()):
        parts += data
    return bytes(parts[:size])


async def uninstall(call: Call, words: list[str]) -> int:
    phone = call.phone
    name = next((w for w in reversed(words) if not w.startswith("-")), "")
    if not phone.files.exists(f"/data/app/{name}/base.apk"):
        await call.print("Failure [DELETE_FAILED_INTERNAL_ERROR]")
        return 1
    phone.stop(name)
    phone.files.remove(f"/data/app/{name}", recursive=True)
    phone.apps.pop(name, None)
    phone.databases.pop(name, None)
    phone.save()
    await call.print("Success")
    return 0


@program("pm install", "pm install-existing")
async def pm_install(call: Call) -> int:
    return await install(call, call.words[1:])


@program("pm uninstall")
async def pm_uninstall(call: Call) -> int:
    return await uninstall(call, call.words[1:])


@program("pm list")
async def pm_list(call: Call) -> int:
    what, *flags = [*call.words[1:], ""]
    if what == "instrumentation":
        for package in installed(call.phone):
            for component, target in package.instrumentation:
                await call.print(f"instrumentation:{component} (target={target})")
        return 0
    if what in ("packages", "package") and "-3" in flags:
        words = [f for f in flags if f and not f.startswith("-")]
        for package in installed(call.phone):
            if all(w in package.name for w in words):
                await call.print(f"package:{package.name}")
        return 0
    return await PROGRAMS["pm"](call)


@program("cmd package")
async def cmd_package(call: Call) -> int:
    words = call.words[1:]
    name = f"pm {words[0]}" if words else ""
    own = PROGRAMS.get(name) if re.fullmatch(r"pm [a-z-]+", name) else None
    return await own(call.named("pm", words)) if own else await PROGRAMS["cmd"](call)
