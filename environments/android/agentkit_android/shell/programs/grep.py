"""grep, egrep, fgrep."""

from __future__ import annotations

import asyncio
import re
import time

import regex  # type: ignore[import-untyped]

from agentkit_android.shell.call import Call, ProgramError, decode, program

MAX_PATTERN = 1000
PATIENCE = 1.0
"""Seconds that one file is searched."""


@program("grep", "egrep", "fgrep")
async def grep(call: Call) -> int:
    given, words = call.options("EFivcnqlorRwxhHse")
    if not words:
        raise ProgramError("Needs 1 argument", 2)
    pattern, *paths = words
    pattern = pattern if not ("F" in given or call.name == "fgrep") else re.escape(pattern)
    if not ({"E", "F"} & given) and call.name == "grep":
        pattern = re.sub(r"\\?([|+?(){}])", _basic, pattern)
    pattern = rf"\b(?:{pattern})\b" if "w" in given else pattern
    pattern = rf"^(?:{pattern})$" if "x" in given else pattern
    if len(pattern) > MAX_PATTERN:
        raise ProgramError("bad REGEX: too long", 2)
    try:
        wanted = regex.compile(pattern, regex.IGNORECASE if "i" in given else 0)
    except regex.error as error:
        raise ProgramError(f"bad REGEX: {error}", 2) from None
    files = call.phone.files
    if {"r", "R"} & given:
        found = [p for base in paths or ["."] for p, s in files.walk(call.path(base))]
        paths = [p for p in found if not files.stat(p).is_folder]
    hits = 0
    for path in paths or ["-"]:
        prefix = f"{path}:" if (len(paths) > 1 or "H" in given) and "h" not in given else ""
        lines = decode(await call.content(path)).splitlines()
        rows = await asyncio.to_thread(_rows, wanted, lines, "v" in given)
        hits += len(rows)
        if "q" in given:
            continue
        if "c" in given:
            await call.print(f"{prefix}{len(rows)}")
        elif "l" in given:
            if rows:
                await call.print(path)
        else:
            for number, text in rows:
                shown = _parts(wanted, text) if "o" in given else [text]
                for one in shown:
                    await call.print(prefix + (f"{number}:" if "n" in given else "") + one)
    return 0 if hits else 1


def _rows(wanted: regex.Pattern[str], lines: list[str], inverted: bool) -> list[tuple[int, str]]:
    """(number, line) of those that match, or do not. Some patterns take for ever on some lines: a
    phone that others use too does not wait for them."""
    end = time.monotonic() + PATIENCE
    found = []
    for number, text in enumerate(lines, 1):
        left = end - time.monotonic()
        try:
            hit = wanted.search(text, timeout=max(left, 0.001), concurrent=True)
        except TimeoutError:
            raise ProgramError(f"the pattern takes more than {PATIENCE:g} s", 2) from None
        if bool(hit) != inverted:
            found.append((number, text))
    return found


def _parts(wanted: regex.Pattern[str], text: str) -> list[str]:
    return [found[0] for found in wanted.finditer(text, timeout=PATIENCE)]


def _basic(found: re.Match[str]) -> str:
    """In a basic expression these letters are plain, and special after a backslash."""
    return found[1] if found[0].startswith("\\") else f"\\{found[1]}"
