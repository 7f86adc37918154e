"""From a look at the phone to what an agent is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from agentkit.capabilities import Observation
from agentkit.capabilities.language_model import Image, Part, Text
from agentkit_android.client.driver import Look
from agentkit_android.client.tree import Element


def observation(look: Look, apps: Mapping[str, str] | None = None) -> Observation:
    """Parts: the elements as lines, then the screenshot, if there is one. data: the same as JSON:
    `elements` with their bounds, `package`, `activity`, `time`, `width` and `height`, and `lost`,
    why there is no tree.

    apps: packages that can be opened, with their names; they are in the data as `apps`."""
    parts: list[Part] = [Text(described(look))]
    if look.png:
        parts.append(Image(look.png))
    data = {
        "package": look.package,
        "activity": look.activity,
        "time": clock(look.time),
        "width": look.size[0],
        "height": look.size[1],
        "elements": [_plain(e) for e in look.elements],
        "lost": look.lost,
    }
    if apps:
        data["apps"] = dict(apps)
    return Observation(tuple(parts), data)


def described(look: Look) -> str:
    """The screen as text: what is in front, the time, and a numbered line for each element."""
    lines = [f"{look.package}{look.activity}  {clock(look.time)}"]
    lines += [element.line(number) for number, element in enumerate(look.elements)]
    if look.lost:
        lines.append(f"(the elements cannot be told: {look.lost})")
    return "\n".join(lines)


def clock(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _plain(element: Element) -> dict[str, Any]:
    """Only what is not as usual, since every step of a run is kept."""
    plain = asdict(element)
    usual = {"enabled": True, "checked": None}
    said = {k: v for k, v in plain.items() if v != usual.get(k, type(v)())}
    return {**said, "bounds": list(element.bounds)}
