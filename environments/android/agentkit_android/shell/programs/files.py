"""ls, cat, cp, mv, rm, mkdir, touch, chmod, stat, ln, readlink, find, du, df, sync."""

from __future__ import annotations

import errno
import fnmatch
import posixpath
import stat
from datetime import UTC, datetime

from agentkit_android.phone.files import ROOT_UID, Stat, fault
from agentkit_android.shell.call import Call, ProgramError, program
from agentkit_android.shell.streams import read_all

MAX_FIND = 20_000


def _mode(found: Stat) -> str:
    return stat.filemode(found.mode)


def _when(seconds: int) -> datetime:
    return datetime.fromtimestamp(max(0, min(seconds, 0xFFFFFFFF)), UTC)


def _owner(found: Stat) -> str:
    return "root" if found.uid == ROOT_UID else "shell"


def _long(name: str, found: Stat) -> str:
    arrow = f" -> {found.target}" if found.is_link else ""
    when = _when(found.mtime).strftime("%Y-%m-%d %H:%M")
    owner = _owner(found)
    return f"{_mode(found)} 1 {owner} {owner} {found.size:>8} {when} {name}{arrow}"


async def _each(call: Call, paths: list[str], what: str = "") -> list[str]:
    """Those of the paths that are there; the others are told of."""
    there = []
    for path in paths:
        try:
            call.phone.files.stat(call.path(path), follow=False)
            there.append(path)
        except OSError as error:
            await call.complain(f"{what}{path}: {error.strerror}")
    return there


@program("ls")
async def ls(call: Call) -> int:
    given, paths = call.options("laA1dhRFnrtSsi")
    files = call.phone.files
    names = paths or ["."]
    there = await _each(call, names)
    folders = [p for p in there if "d" not in given and files.is_folder(call.path(p))]
    rows = [(p, files.stat(call.path(p), follow=False)) for p in there if p not in folders]
    await _rows(call, rows, given)
    for folder in folders:
        if "R" in given:
            found = [p for p, s in files.walk(call.path(folder)) if s.is_folder]
        else:
            found = [call.path(folder)]
        for path in found:
            shown = folder if path == call.path(folder) else path
            if len(names) > 1 or len(found) > 1:
                await call.print(f"{shown}:")
            listed = files.list(path)
            hidden = {"a", "A"} & given
            rows = [(n, s) for n, s in listed if hidden or not n.startswith(".")]
            if "a" in given:
                own = files.stat(path)
                rows = [(".", own), ("..", own), *rows]
            if "l" in given:
                await call.print(f"total {sum(-(-s.size // 512) for _, s in rows)}")
            await _rows(call, rows, given)
    return 0 if len(there) == len(names) else 1


async def _rows(call: Call, rows: list[tuple[str, Stat]], given: set[str]) -> None:
    if "t" in given:
        rows = sorted(rows, key=lambda row: -row[1].mtime)
    if "S" in given:
        rows = sorted(rows, key=lambda row: -row[1].size)
    if "r" in given:
        rows = rows[::-1]
    for name, found in rows:
        await call.print(_long(name, found) if "l" in given else name)


@program("cat")
async def cat(call: Call) -> int:
    _, paths = call.options("uevt")
    status = 0
    for path in paths or ["-"]:
        if path == "-":
            while data := await call.stdin.read():
                await call.out.write(data)
            continue
        try:
            await call.out.write(call.phone.files.read(call.path(path)))
        except OSError as error:
            await call.complain(f"{path}: {error.strerror}")
            status = 1
    return status


@program("tee")
async def tee(call: Call) -> int:
    given, paths = call.options("ai")
    data = await read_all(call.stdin, call.phone.files.room)
    for path in paths:
        call.phone.files.write(call.path(path), data, append="a" in given)
    await call.out.write(data)
    return 0


@program("mkdir")
async def mkdir(call: Call) -> int:
    given, paths = call.options("pvm")
    paths = paths[1:] if "m" in given else paths
    if not paths:
        raise ProgramError("Needs 1 argument")
    status = 0
    for path in paths:
        try:
            call.phone.files.make_folder(call.path(path), parents="p" in given)
        except OSError as error:
            await call.complain(f"'{path}': {error.strerror}")
            status = 1
    return status


@program("rm")
async def rm(call: Call) -> int:
    given, paths = call.options("rRfv")
    status = 0
    for path in paths:
        try:
            call.phone.files.remove(call.path(path), recursive=bool({"r", "R"} & given))
        except OSError as error:
            if "f" not in given or error.errno != errno.ENOENT:
                await call.complain(f"{path}: {error.strerror}")
                status = 1
    if not paths and "f" not in given:
        raise ProgramError("Needs 1 argument")
    return status


@program("rmdir")
async def rmdir(call: Call) -> int:
    for path in call.words:
        if call.phone.files.list(call.path(path)):
            raise ProgramError(f"{path}: Directory not empty")
        call.phone.files.remove(call.path(path), recursive=True)
    return 0


def _target(call: Call, sources: list[str], target: str, source: str) -> str:
    path = call.path(target)
    if call.phone.files.is_folder(path):
        return posixpath.join(path, posixpath.basename(source.rstrip("/")))
    if len(sources) > 1:
        raise fault(errno.ENOTDIR, target)
    return path


@program("cp")
async def cp(call: Call) -> int:
    given, words = call.options("rRapfv")
    if len(words) < 2:
        raise ProgramError("Needs 2 arguments")
    *sources, last = words
    files = call.phone.files
    for source in sources:
        goal = _target(call, sources, last, source)
        start = call.path(source).rstrip("/") or "/"
        if not files.is_folder(start):
            files.write(goal, files.read(start), mode=files.stat(start).mode & 0o777)
            continue
        if not {"r", "R", "a"} & given:
            raise ProgramError(f"Skipped dir '{source}'")
        for path, found in list(files.walk(start)):
            copy = goal + path[len(start) :]
            if found.is_folder:
                if not files.is_folder(copy):
                    files.make_folder(copy)
            elif not found.is_link:
                files.write(copy, files.read(path), mode=found.mode & 0o777)
    return 0


@program("mv")
async def mv(call: Call) -> int:
    _, words = call.options("fnvi")
    if len(words) < 2:
        raise ProgramError("Needs 2 arguments")
    *sources, last = words
    for source in sources:
        call.phone.files.rename(call.path(source), _target(call, sources, last, source))
    return 0


@program("touch")
async def touch(call: Call) -> int:
    _, paths = call.options("acmh")
    files = call.phone.files
    for path in paths:
        if files.exists(call.path(path)):
            files.change(call.path(path), mtime=call.phone.now())
        else:
            files.write(call.path(path), b"")
    return 0


@program("chmod")
async def chmod(call: Call) -> int:
    _, words = call.options("Rvf")
    if len(words) < 2:
        raise ProgramError("Needs 2 arguments")
    for path in words[1:]:
        digits = words[0]
        octal = digits.isascii() and digits.isdigit() and not set(digits) & {"8", "9"}
        mode = int(digits[:5], 8) if octal else call.phone.files.stat(call.path(path)).mode
        call.phone.files.change(call.path(path), mode=mode)
    return 0


@program("chown", "chgrp", "restorecon", "sync")
async def accepted(call: Call) -> int:
    """There is one user, and every file is safe."""
    return 0


@program("ln")
async def ln(call: Call) -> int:
    given, words = call.options("sfnv")
    if "s" not in given or len(words) != 2:
        raise ProgramError("only ln -s TARGET LINK")
    path = call.path(words[1])
    if "f" in given and call.phone.files.exists(path):
        call.phone.files.remove(path)
    call.phone.files.link(path, words[0])
    return 0


@program("readlink", "realpath")
async def readlink(call: Call) -> int:
    _, paths = call.options("fenm")
    for path in paths:
        found = call.phone.files.stat(call.path(path), follow=False)
        if call.name == "readlink" and not found.is_link:
            return 1
        await call.print(found.target or posixpath.normpath(call.path(path)))
    return 0


@program("stat")
async def stat_(call: Call) -> int:
    words, form = list(call.words), ""
    if words[:1] == ["-c"]:
        form, words = words[1], words[2:]
    for path in await _each(call, words):
        found = call.phone.files.stat(call.path(path), follow=False)
        when = _when(found.mtime).strftime("%Y-%m-%d %H:%M:%S.000000000 +0000")
        kind = "directory" if found.is_folder else "regular file"
        values = {
            "s": found.size, "n": path, "N": path, "Y": found.mtime, "X": found.mtime,
            "Z": found.mtime, "y": when, "a": f"{found.mode & 0o7777:o}", "A": _mode(found),
            "f": f"{found.mode:x}", "F": kind, "i": found.inode, "u": found.uid,
            "U": _owner(found), "g": found.uid, "G": _owner(found), "h": 1,
        }  # fmt: skip
        if form:
            shown = form
            for letter, value in values.items():
                shown = shown.replace(f"%{letter}", str(value))
            await call.print(shown)
            continue
        await call.print(
            f"  File: {path}\n  Size: {found.size}\t Blocks: {-(-found.size // 512)}\t {kind}\n"
            f"Access: ({found.mode & 0o7777:04o}/{_mode(found)})\tUid: ({found.uid:>5}/"
            f"{_owner(found):>8})\nModify: {when}"
        )
    return 0


@program("find")
async def find(call: Call) -> int:
    words = list(call.words)
    starts = []
    while words and not words[0].startswith("-"):
        starts.append(words.pop(0))
    tests = dict(zip(words[::2], words[1::2]))
    if unknown := set(tests) - {"-name", "-iname", "-type", "-maxdepth"}:
        raise ProgramError(f"bad arg '{min(unknown)}'")
    pattern = tests.get("-name", tests.get("-iname", "*"))
    depth = tests.get("-maxdepth", "99")
    for start in await _each(call, starts or ["."]):
        base = call.path(start)
        for number, (path, found) in enumerate(call.phone.files.walk(base)):
            if number > MAX_FIND:
                raise ProgramError("too many files")
            below = path[len(base) :]
            kind = "d" if found.is_folder else "l" if found.is_link else "f"
            if (
                fnmatch.fnmatchcase(posixpath.basename(path), pattern)
                and tests.get("-type", kind) == kind
                and below.count("/") <= int(depth if depth.isdigit() else 99)
            ):
                await call.print(start + below)
    return 0


@program("du")
async def du(call: Call) -> int:
    _, paths = call.options("shkaxc")
    for path in await _each(call, paths or ["."]):
        size = sum(s.size for _, s in call.phone.files.walk(call.path(path)))
        await call.print(f"{-(-size // 1024)}\t{path}")
    return 0


@program("df")
async def df(call: Call) -> int:
    free = call.phone.files.room // 1024
    await call.print("Filesystem     1K-blocks  Used Available Use% Mounted on")
    await call.print(f"/dev/fuse      {free:>9}     0 {free:>9}   0% /storage/emulated")
    return 0
