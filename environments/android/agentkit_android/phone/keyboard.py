"""The soft keyboard: its keys as views, and what each of them types."""

from __future__ import annotations

from dataclasses import replace

from agentkit_android.screen.acts import system
from agentkit_android.screen.views import View

PACKAGE = "com.android.inputmethod.latin"
ADB_PACKAGE = "com.android.adbkeyboard"
METHODS = (f"{PACKAGE}/.LatinIME", f"{ADB_PACKAGE}/.AdbIME")

LAYERS = {
    "lower": ("qwertyuiop", "asdfghjkl", "zxcvbnm"),
    "upper": ("QWERTYUIOP", "ASDFGHJKL", "ZXCVBNM"),
    "symbols": ("1234567890", "@#$%&-+()", "*\"':;!?"),
    "more": ("~`|•√π÷×¶∆", "£€¥^°={}\\", "©®™§[]<>"),
    "korean": ("ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔ", "ㅁㄴㅇㄹㅎㅗㅓㅏㅣ", "ㅋㅌㅊㅍㅠㅜㅡ"),
    "korean_upper": ("ㅃㅉㄸㄲㅆㅛㅕㅑㅒㅖ", "ㅁㄴㅇㄹㅎㅗㅓㅏㅣ", "ㅋㅌㅊㅍㅠㅜㅡ"),
}
SHIFTED = {
    "lower": "upper", "upper": "lower", "symbols": "more", "more": "symbols",
    "korean": "korean_upper", "korean_upper": "korean",
}  # fmt: skip
ONCE = {"upper": "lower", "korean_upper": "korean"}
"""Layers that are left after one letter."""
LETTERS = ("lower", "upper", "korean", "korean_upper")
NAMES = {
    "*": "asterisk", "\"": "quote", "'": "apostrophe", ":": "colon", ";": "semicolon", ",": "comma",
    ".": "period", "!": "exclamation", "?": "question", "@": "at", "#": "hash", "/": "slash",
}  # fmt: skip


def _key(text: str) -> View:
    name = NAMES.get(text, text.lower() if text.isalnum() else f"u{ord(text):04x}")
    return View(
        "button", text=text, resource=f"key_{name}", description=text, height=46, style="key",
        fill="surface", corner=6, tap=system("key", text=text),
    )  # fmt: skip


def _special(name: str, icon: str, label: str, weight: float = 1.5, text: str = "") -> View:
    return View(
        "button", text=text, icon=icon, resource=f"key_{name}", description=label, height=46,
        weight=weight, style="button", fill="secondary-container", colour="on-secondary-container",
        corner=6, tap=system("key", text=f"<{name}>"),
    )  # fmt: skip


def keys(layer: str, *, korean: bool, multiline: bool, landscape: bool) -> View:
    """All keys of a layer; landscape ones are lower."""
    rows = LAYERS[layer]
    lines = [[_key(c) for c in row] for row in rows]
    shift = "=\\<" if layer == "symbols" else "?123" if layer == "more" else ""
    mark = "" if shift else "apple-keyboard-shift"
    lines[2] = [
        _special("shift", mark, "Shift", text=shift), *lines[2],
        _special("delete", "backspace", "Delete"),
    ]  # fmt: skip
    letters = layer in LETTERS
    last = [_special("symbols", "", "Symbols", text="?123" if letters else "ABC"), _key(",")]
    if korean:
        last.append(_special("language", "earth", "Change language", 1))
    space = View(
        "button", text="한국어" if layer.startswith("korean") else "English", description="Space",
        resource="key_space", height=46, weight=4, style="label", fill="surface", corner=6,
        colour="on-surface-variant", tap=system("key", text=" "),
    )  # fmt: skip
    enter = "keyboard-return" if multiline else "check"
    last += [space, _key("."), _special("enter", enter, "Enter")]
    if landscape:
        lines = [[_lower(k) for k in line] for line in lines]
        last = [_lower(k) for k in last]
    pads = (0, 18, 0, 0)
    drawn = [
        View("row", children=tuple(line), gap=4, padding=(pad, 0, pad, 0))
        for line, pad in zip([*lines, last], pads)
    ]
    hide = View(
        "icon", icon="keyboard-close", description="Hide keyboard", resource="key_hide", width=48,
        height=32, colour="on-surface-variant", tap=system("hide_keyboard"),
    )  # fmt: skip
    bar = View("row", children=(View("space", weight=1, width=None, height=32), hide), height=32)
    return View(
        "column", children=(bar, *drawn), gap=8, padding=(4, 4, 4, 8), fill="surface-container",
        resource="keyboard",
    )  # fmt: skip


def _lower(key: View) -> View:
    return replace(key, height=32)


def adb_bar() -> View:
    """What is seen of the keyboard that adb types with."""
    told = View("text", text="ADB Keyboard {ON}", height=40, style="label", centred=True)
    return View("column", children=(told,), fill="surface-container", resource="keyboard")
