"""From the actions of an environment to the published ones, which rewards are told in.

Known are the phone's (`agentkit` Android actions, version 1), told apart by `kind`, and the
published ten themselves. Runs of another space or version are refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agentkit.capabilities import EnvironmentInfo
from agentkit.errors import DataError
from agentkit_stepwise_rl import actions as said
from agentkit_stepwise_rl.actions import Said

SPACE = "phone/1"
"""The phone's actions, and the version that is read."""
VERSION = 1
FINGER: Mapping[str, tuple[float, float]] = {
    "up": (0.0, 1.0), "down": (0.0, -1.0), "left": (1.0, 0.0), "right": (-1.0, 0.0),
}  # fmt: skip
"""Which way the finger moves to show more of what lies in a direction."""
_Maker = Callable[[Mapping[str, Any]], Said | None]


class OtherSpace(DataError):
    """An action of another action space, or of another version of it."""

    code = "other-space"


def check_space(info: EnvironmentInfo) -> str:
    """The name of an environment's action space.

    Raises:
        OtherSpace: it is not known here.
    """
    if info.version != VERSION:
        raise OtherSpace(
            f"environment {info.name!r} has version {info.version} of its actions, "
            f"version {VERSION} is known",
            "split its runs with the release that made them",
        )
    return SPACE


def _point(plain: Mapping[str, Any], x: str = "x", y: str = "y") -> said.Point:
    return float(max(0, plain[x])), float(max(0, plain[y]))


def _scroll(plain: Mapping[str, Any]) -> Said:
    dx, dy = FINGER[plain["direction"]]
    start = (1000.0, 1000.0)
    return said.Swipe(coordinate=start, coordinate2=(start[0] + 500 * dx, start[1] + 500 * dy))


def _swipe(kind: type[said.Swipe] | type[said.Drag]) -> _Maker:
    return lambda a: kind(coordinate=_point(a), coordinate2=_point(a, "to_x", "to_y"))


def _key(plain: Mapping[str, Any]) -> Said:
    if plain["key"] == "enter":
        return said.SystemButton(button="Enter")
    return said.Key(text=plain["key"])


_MAKERS: Mapping[str, _Maker] = {
    "tap": lambda a: said.Click(coordinate=_point(a)),
    "double-tap": lambda a: said.DoubleClick(coordinate=_point(a)),
    "long-press": lambda a: said.LongPress(coordinate=_point(a), time=float(a.get("seconds", 1.0))),
    "swipe": _swipe(said.Swipe),
    "drag": _swipe(said.Drag),
    "scroll": _scroll,
    "type": lambda a: said.TypeText(text=a["text"]),
    "clear-text": lambda a: said.ClearText(),
    "key": _key,
    "button": lambda a: said.SystemButton(button=a["button"].title()),
    "open": lambda a: said.Open(text=a["app"]),
    "wait": lambda a: said.Wait(time=float(a.get("seconds", 1.0))),
    "answer": lambda a: said.Answer(text=a["text"]),
    "finish": lambda a: said.Terminate(
        status="success" if a.get("status", "success") == "success" else "failure"
    ),
}


def published(plain: Mapping[str, Any]) -> Said:
    """A phone's action, as JSON, as a published one. Scrolling to see what is below is a swipe of
    the finger upward, as in the published space.

    Raises:
        OtherSpace: there is no such action, or its fields are others.
    """
    kind = plain.get("kind")
    try:
        made = _MAKERS[str(kind)](plain)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise OtherSpace(
            f"{dict(plain)!r:.120} is no action of {SPACE}: {type(error).__name__} {error!s:.80}",
            "split runs with the release that made them",
        ) from error
    assert made is not None
    return made
