"""What rules read from a screen. A screen is an observation's data: `package`, `activity`, `time`,
`width`, `height`, `elements`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentkit.agents.acting import ElementLine
from agentkit.capabilities import Observation

Screen = Mapping[str, Any]
KEPT = ("package", "activity", "time", "width", "height", "elements", "apps", "lost")
_WORD = re.compile(r"[^\W_]+")
_QUOTED = re.compile(r"[“\"‘](.{1,200}?)[”\"’](?!\w)")
_NUMBER = re.compile(r"\+?\d[\d ./:-]*\d|\d")


def kept(seen: Observation) -> dict[str, Any]:
    """What of an observation stays in the graph's state."""
    return {k: seen.data[k] for k in KEPT if seen.data.get(k)}


def place(screen: Screen) -> str:
    return f"{screen.get('package', '')}{screen.get('activity', '')}"


def elements(screen: Screen) -> list[dict[str, Any]]:
    return list(screen.get("elements", ()))


def size(screen: Screen) -> tuple[int, int] | None:
    """Width and height in pixels, where they are known."""
    wide, high = int(screen.get("width", 0)), int(screen.get("height", 0))
    return (wide, high) if wide and high else None


def digest(screen: Screen) -> str:
    """The same for two screens that show the same; the clock does not count."""
    said = [place(screen)]
    for one in elements(screen):
        line = ElementLine.of(one)
        said.append(json.dumps([line.role, line.text, line.states], ensure_ascii=False))
    return hashlib.blake2b("\n".join(said).encode(), digest_size=8).hexdigest()


def texts(screen: Screen) -> Iterator[str]:
    """All that it says, an element at a time."""
    for one in elements(screen):
        label = " ".join(str(one.get("label", "")).split())
        own = str(one.get("text", ""))
        if own and own not in label:
            yield own
        if label:
            yield label


def head(label: str) -> str:
    """What a label says before its details: `Wi-Fi, connected` is Wi-Fi."""
    return " ".join(label.partition(", ")[0].split())


def words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def quoted(goal: str) -> list[str]:
    """What stands in quotation marks."""
    return [q.strip() for q in _QUOTED.findall(goal) if q.strip()]


def numbers(goal: str) -> list[str]:
    """Numbers, times and telephone numbers."""
    return [n.strip() for n in _NUMBER.findall(goal)]


def named(goal: str) -> list[str]:
    """Runs of capitalised words that do not begin a sentence: most names, in most languages that
    have capitals."""
    found = re.findall(r"(?<=[\w,;“\"] )((?:[A-ZÀ-Þ][\w'’-]*)(?: [A-ZÀ-Þ][\w'’-]*)*)", goal)
    return list(dict.fromkeys(found))


def shows(screens: Sequence[Screen], text: str) -> bool:
    """Whether a text, case and marks aside, is on one of these screens."""
    wanted = " ".join(words(text))
    digits = re.sub(r"\D", "", text)
    for screen in screens:
        for said in texts(screen):
            if wanted and f" {wanted} " in f" {' '.join(words(said))} ":
                return True
            if len(digits) >= 6 and digits in re.sub(r"\D", "", said):
                return True
    return False
