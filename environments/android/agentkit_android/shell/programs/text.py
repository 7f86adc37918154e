"""echo, printf, head, tail, wc, sort, uniq, cut, tr, md5sum, base64, seq, basename, test."""

from __future__ import annotations

import base64 as base64_
import hashlib
import posixpath
import re

from agentkit_android.shell.call import Call, ProgramError, decode, encode, program

ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "0": "\0", "a": "\a", "b": "\b"}
MAX_COUNT = 100_000


def _escaped(text: str) -> str:
    return re.sub(
        r"\\([ntr\\0ab])|\\x([0-9a-fA-F]{2})",
        lambda m: ESCAPES[m[1]] if m[1] else chr(int(m[2], 16)),
        text,
    )


def _number(text: str) -> int:
    if not re.fullmatch(r"[+-]?\d{1,15}", text):
        raise ProgramError(f"bad number '{text}'")
    return int(text)


@program("echo")
async def echo(call: Call) -> int:
    words, flags = list(call.words), ""
    while words and re.fullmatch(r"-[neE]+", words[0]):
        flags += words.pop(0)[1:]
    text = " ".join(words)
    await call.print(_escaped(text) if "e" in flags else text, end="" if "n" in flags else "\n")
    return 0


@program("printf")
async def printf(call: Call) -> int:
    if not call.words:
        raise ProgramError("Needs 1 argument")
    form, *values = call.words
    count = len(re.findall(r"%[-0-9.]*[sdxbc]", form))
    while True:
        now, values = values[:count], values[count:]
        given = iter(now)

        def fill(found: re.Match[str]) -> str:
            if found[0] == "%%":
                return "%"
            value = next(given, "")  # noqa: B023 - used within this turn
            if found[2] in "dx":
                return f"%{found[1]}{found[2]}" % _number(value or "0")
            return f"%{found[1]}s" % (_escaped(value) if found[2] == "b" else value)

        await call.print(re.sub(r"%%|%(-?\d{0,3})([sdxbc])", fill, _escaped(form)), end="")
        if not count or not values:
            return 0


@program("head", "tail")
async def head(call: Call) -> int:
    words, number, unit = list(call.words), 10, "n"
    while words and words[0].startswith("-") and words[0] != "-":
        word = words.pop(0)
        if word[1:2] in ("n", "c"):
            unit = word[1]
            number = _number(word[2:] or (words.pop(0) if words else ""))
        else:
            number = _number(word[1:])
    for path in words or ["-"]:
        data = await _enough(call, number, unit) if path == "-" else await call.content(path)
        items = data.splitlines(keepends=True)
        if unit == "c":
            kept = data[:number] if call.name == "head" else data[max(0, len(data) - number) :]
        else:
            last = max(0, len(items) - abs(number))
            kept = b"".join(items[:number] if call.name == "head" else items[last:])
        await call.out.write(kept)
    return 0


async def _enough(call: Call, number: int, unit: str) -> bytes:
    """Of standard input what head needs, so that an endless one is let go; all for tail."""
    if call.name == "tail":
        return await call.content("-")
    parts = bytearray()
    while (len(parts) if unit == "c" else parts.count(b"\n")) < number:
        if not (data := await call.stdin.read()):
            break
        parts += data
    return bytes(parts)


@program("wc")
async def wc(call: Call) -> int:
    given, paths = call.options("lwcm")
    for path in paths or ["-"]:
        data = await call.content(path)
        counts = {"l": data.count(b"\n"), "w": len(data.split()), "c": len(data)}
        if "m" in given:
            counts["m"] = len(decode(data))
        wanted = [str(n) for key, n in counts.items() if not given or key in given]
        await call.print(" ".join(wanted) + (f" {path}" if path != "-" else ""))
    return 0


@program("sort")
async def sort(call: Call) -> int:
    given, paths = call.options("nru")
    lines = [t for p in paths or ["-"] for t in decode(await call.content(p)).splitlines()]
    if "n" in given:
        lines.sort(key=lambda t: float(m[0]) if (m := re.match(r"\s*-?\d+", t)) else 0.0)
    else:
        lines.sort()
    lines = list(dict.fromkeys(lines)) if "u" in given else lines
    for line in reversed(lines) if "r" in given else lines:
        await call.print(line)
    return 0


@program("uniq")
async def uniq(call: Call) -> int:
    given, paths = call.options("c")
    rows: list[tuple[str, int]] = []
    for line in decode(await call.content(paths[0] if paths else "-")).splitlines():
        if rows and rows[-1][0] == line:
            rows[-1] = (line, rows[-1][1] + 1)
        else:
            rows.append((line, 1))
    for line, count in rows:
        await call.print(f"{count:>7} {line}" if "c" in given else line)
    return 0


@program("cut")
async def cut(call: Call) -> int:
    words, mark, fields, chars = list(call.words), "\t", "", ""
    while words and words[0].startswith("-") and words[0] != "-":
        word = words.pop(0)
        value = word[2:] or (words.pop(0) if words else "")
        mark = value if word[1] == "d" else mark
        fields = value if word[1] == "f" else fields
        chars = value if word[1] in "cb" else chars
    wanted = []
    for part in (fields or chars).split(","):
        low, dash, high = part.partition("-")
        wanted.append((_number(low or "1"), _number(high or "99999") if dash else _number(low)))
    for path in words or ["-"]:
        for line in decode(await call.content(path)).splitlines():
            items = list(line) if chars else line.split(mark)
            if fields and mark not in line:
                await call.print(line)
                continue
            kept = [t for n, t in enumerate(items, 1) if any(a <= n <= b for a, b in wanted)]
            await call.print(("" if chars else mark).join(kept))
    return 0


@program("tr")
async def tr(call: Call) -> int:
    given, words = call.options("ds")
    text = decode(await call.content("-"))
    if not words:
        raise ProgramError("Needs 1 argument")
    before = _escaped(words[0])
    before = re.sub(
        r"(.)-(.)", lambda m: "".join(map(chr, range(ord(m[1]), ord(m[2]) + 1))), before
    )
    if "d" in given:
        text = text.translate({ord(c): None for c in before})
    elif len(words) > 1 and words[1]:
        after = _escaped(words[1])
        after = re.sub(
            r"(.)-(.)", lambda m: "".join(map(chr, range(ord(m[1]), ord(m[2]) + 1))), after
        )
        after = after.ljust(len(before), after[-1])
        text = text.translate({ord(a): b for a, b in zip(before, after)})
    await call.out.write(encode(text))
    return 0


@program("md5sum", "sha1sum", "sha256sum")
async def md5sum(call: Call) -> int:
    given, paths = call.options("b")
    status = 0
    for path in paths or ["-"]:
        try:
            digest = hashlib.new(call.name[:-3], await call.content(path)).hexdigest()
        except OSError as error:
            await call.complain(f"{path}: {error.strerror}")
            status = 1
            continue
        await call.print(digest if "b" in given else f"{digest}  {path}")
    return status


@program("base64")
async def base64(call: Call) -> int:
    given, paths = call.options("dw")
    paths = paths[1:] if "w" in given else paths
    data = await call.content(paths[0] if paths else "-")
    if "d" not in given:
        await call.print(base64_.encodebytes(data).decode(), end="")
        return 0
    try:
        await call.out.write(base64_.b64decode(data, validate=False))
    except ValueError:
        raise ProgramError("bad input") from None
    return 0


@program("seq")
async def seq(call: Call) -> int:
    numbers = [_number(w) for w in call.words] or [0]
    first, step = (numbers[0] if len(numbers) > 1 else 1), (numbers[1] if len(numbers) > 2 else 1)
    if not step or abs(numbers[-1] - first) // abs(step) > MAX_COUNT:
        raise ProgramError("too many numbers")
    for number in range(first, numbers[-1] + (1 if step > 0 else -1), step):
        await call.print(str(number))
    return 0


@program("basename", "dirname")
async def basename(call: Call) -> int:
    path = (call.words[0] if call.words else "").rstrip("/")
    if call.name == "dirname":
        await call.print(posixpath.dirname(path) or ("/" if path.startswith("/") else "."))
    else:
        base = posixpath.basename(path)
        await call.print(base.removesuffix(call.words[1]) if len(call.words) > 1 else base or "/")
    return 0


@program("test", "[")
async def test(call: Call) -> int:
    words = list(call.words)
    if call.name == "[":
        if words[-1:] != ["]"]:
            raise ProgramError("missing ]", 2)
        words.pop()
    return 0 if _true(call, words) else 1


NUMBERS = ("-eq", "-ne", "-lt", "-le", "-gt", "-ge")


def _compare(left: str, how: str, right: str) -> bool:
    if how in ("=", "=="):
        return left == right
    if how == "!=":
        return left != right
    a, b = _number(left), _number(right)
    return (a == b, a != b, a < b, a <= b, a > b, a >= b)[NUMBERS.index(how)]


def _true(call: Call, words: list[str]) -> bool:
    for join in ("-o", "-a"):
        if join in words[1:-1] and len(words) > 3:
            at = words.index(join, 1)
            left, right = _true(call, words[:at]), _true(call, words[at + 1 :])
            return (left or right) if join == "-o" else (left and right)
    if words[:1] == ["!"] and len(words) > 1:
        return not _true(call, words[1:])
    if len(words) == 3 and words[1] in ("=", "==", "!=", *NUMBERS):
        return _compare(words[0], words[1], words[2])
    if len(words) == 2 and re.fullmatch(r"-[a-zL]", words[0]):
        flag, value = words
        if flag in ("-n", "-z"):
            return bool(value) == (flag == "-n")
        files, path = call.phone.files, call.path(value)
        if flag in ("-L", "-h"):
            try:
                return files.stat(path, follow=False).is_link
            except OSError:
                return False
        if not files.exists(path):
            return False
        found = files.stat(path)
        if flag == "-s":
            return found.size > 0
        return {"-d": found.is_folder, "-f": not found.is_folder}.get(flag, True)
    if len(words) == 1:
        return bool(words[0])
    if not words:
        return False
    raise ProgramError(f"{words[0]}: unexpected operator/operand", 2)
