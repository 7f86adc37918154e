"""sh, toybox, id, date, sleep, getprop, ps and other small ones about the system itself."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime

from agentkit_android.screen.acts import clean
from agentkit_android.shell.call import PROGRAMS, Call, ProgramError, decode, encode, program
from agentkit_android.shell.streams import Nothing, Streams, read_all

MAX_SCRIPT = 1 << 20


@program("sh", "mksh")
async def sh(call: Call) -> int:
    from agentkit_android.shell.interpreter import Shell

    words = list(call.words)
    while words and re.fullmatch(r"-[xeul]+", words[0]):
        words.pop(0)
    stdin = call.stdin
    if words[:1] == ["-c"]:
        if len(words) < 2:
            raise ProgramError("-c: requires an argument")
        text, arguments = words[1], words[2:] or ["sh"]
    elif words:
        text, arguments = decode(call.phone.files.read(call.path(words[0]))), words
    else:
        text, arguments = decode(await read_all(stdin, MAX_SCRIPT)), ["sh"]
        stdin = Nothing()
    made: Shell = call.shell.copy()
    made.arguments = tuple(arguments)
    depth = int(made.variables.get("SHLVL", "0")) + 1
    if depth > 20:
        raise ProgramError("shells are nested too deeply")
    made.variables["SHLVL"] = str(depth)
    return await made.run(text, Streams(stdin, call.out, call.err))


@program("toybox", "toolbox", "busybox")
async def toybox(call: Call) -> int:
    if not call.words:
        await call.print(" ".join(sorted(n for n in PROGRAMS if " " not in n)))
        return 0
    if call.words[0] not in PROGRAMS or call.words[0] == call.name:
        raise ProgramError(f"Unknown command {call.words[0]}", 127)
    return await call.shell.call(call.words, Streams(call.stdin, call.out, call.err))


@program("xargs")
async def xargs(call: Call) -> int:
    words = decode(await read_all(call.stdin, MAX_SCRIPT)).split()
    streams = Streams(Nothing(), call.out, call.err)
    return await call.shell.call([*(call.words or ["echo"]), *words], streams)


@program("env", "printenv")
async def env(call: Call) -> int:
    for name, value in call.shell.variables.items():
        await call.print(f"{name}={value}")
    return 0


@program("true")
async def true(call: Call) -> int:
    return 0


@program("false")
async def false(call: Call) -> int:
    return 1


@program("yes")
async def yes(call: Call) -> int:
    line = encode(" ".join(call.words or ["y"]) + "\n") * 64
    while True:
        await call.out.write(line)
        await asyncio.sleep(0)


@program("pwd")
async def pwd(call: Call) -> int:
    await call.print(call.shell.folder)
    return 0


@program("id")
async def id_(call: Call) -> int:
    given, _ = call.options("ugnG")
    if "u" in given or "g" in given:
        await call.print("shell" if "n" in given else "2000")
    else:
        await call.print(
            "uid=2000(shell) gid=2000(shell) groups=2000(shell),1004(input),1007(log),"
            "1015(sdcard_rw),3003(inet) context=u:r:shell:s0"
        )
    return 0


@program("whoami")
async def whoami(call: Call) -> int:
    await call.print("shell")
    return 0


@program("hostname")
async def hostname(call: Call) -> int:
    await call.print("localhost")
    return 0


@program("uname")
async def uname(call: Call) -> int:
    given, _ = call.options("asnrvm")
    whole = "Linux localhost 5.15.41-android13 #1 SMP PREEMPT aarch64 Toybox"
    shown = {"r": "5.15.41-android13", "m": "aarch64", "n": "localhost"}
    await call.print(whole if "a" in given else shown.get("".join(given), "Linux"))
    return 0


@program("date")
async def date(call: Call) -> int:
    """`date`, `date +FORMAT`; only the phone's owner may set it: `date MMDDhhmmYY.ss`."""
    words = [w for w in call.words if w not in ("-u", "--utc")]
    now = datetime.fromtimestamp(call.phone.now(), UTC)
    if words and words[0].startswith("+"):
        form = words[0][1:].replace("%N", "000000000").replace("%s", str(call.phone.now()))
        await call.print(now.strftime(form))
        return 0
    if words:
        raise ProgramError("cannot set date: Operation not permitted")
    await call.print(now.strftime("%a %b %e %H:%M:%S GMT %Y"))
    return 0


@program("sleep", "usleep")
async def sleep(call: Call) -> int:
    """The phone's clock goes on; nobody waits."""
    word = call.words[0] if call.words else ""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)([smh]?)", word)
    if not found:
        raise ProgramError(f"bad number '{word}'")
    seconds = float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]
    call.phone.pass_time(seconds / (1e6 if call.name == "usleep" else 1))
    await asyncio.sleep(0)
    return 0


@program("timeout")
async def timeout(call: Call) -> int:
    if len(call.words) < 2:
        raise ProgramError("Needs 2 arguments")
    return await call.shell.call(call.words[1:], Streams(call.stdin, call.out, call.err))


@program("getprop")
async def getprop(call: Call) -> int:
    if call.words:
        default = call.words[1] if len(call.words) > 1 else ""
        await call.print(call.phone.properties.get(call.words[0], default))
        return 0
    for name, value in sorted(call.phone.properties.items()):
        await call.print(f"[{name}]: [{value}]")
    return 0


@program("setprop")
async def setprop(call: Call) -> int:
    if len(call.words) != 2:
        raise ProgramError("Needs 2 arguments")
    name, value = call.words
    if name.startswith("ro."):
        raise ProgramError(f"failed to set property '{name}' to '{value}'")
    if len(value) > 91 or len(name) > 255:
        raise ProgramError(f"failed to set property '{name}': value too long")
    call.phone.plain.properties[clean(name)] = clean(value)
    call.phone.save()
    return 0
