"""The ten published actions of ColorAgent (arXiv 2510.19386, table 7), typed, and the parser of the
published reply:

    Thought: …
    Action: …
    <answer>[{"name": "mobile_use", "arguments": {"action": "click", "coordinate": [540, 703]}}]</answer>

What a phone can do beyond the ten (a double tap, a drag, a key) is typed here too and refused
unless it is asked for. Nothing in a reply makes the parser raise: a fault has a name.
"""  # noqa: E501

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

Point = tuple[float, float]
"""x, y: pixels of the image that a reply speaks of."""
Fault = Literal[
    "no thought", "no action line", "no answer", "bad json", "no list", "several calls",
    "no call", "unknown action", "not enabled", "missing parameter", "extra parameter",
    "wrong type", "bad number", "cut off", "no single action",
]  # fmt: skip


class Said(BaseModel):
    """Base of what a reply can ask for."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @field_validator("coordinate", "coordinate2", mode="before", check_fields=False)
    @classmethod
    def _point(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise ValueError("two numbers are expected")
        if any(isinstance(v, bool) or not isinstance(v, int | float) for v in value):
            raise ValueError("two numbers are expected")
        if any(not math.isfinite(v) or v < 0 for v in value):
            raise ValueError("bad number: coordinates are 0 or more, and finite")
        return (float(value[0]), float(value[1]))

    @field_validator("time", mode="before", check_fields=False)
    @classmethod
    def _seconds(cls, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("a number is expected")
        if not math.isfinite(value) or value < 0:
            raise ValueError("bad number: a time is 0 or more, and finite")
        return float(value)


class Click(Said):
    action: Literal["click"] = "click"
    coordinate: Point


class LongPress(Said):
    action: Literal["long_press"] = "long_press"
    coordinate: Point
    time: float = 1.0


class Swipe(Said):
    """The finger moves from `coordinate` to `coordinate2`."""

    action: Literal["swipe"] = "swipe"
    coordinate: Point
    coordinate2: Point


class TypeText(Said):
    action: Literal["type"] = "type"
    text: str


class ClearText(Said):
    action: Literal["clear_text"] = "clear_text"


class SystemButton(Said):
    """Beside the published four, buttons that only phones have here."""

    action: Literal["system_button"] = "system_button"
    button: Literal[
        "Back", "Home", "Menu", "Enter", "Recents", "Power", "Notifications", "Quick-Settings",
    ]  # fmt: skip


class Open(Said):
    action: Literal["open"] = "open"
    text: str


class Wait(Said):
    action: Literal["wait"] = "wait"
    time: float = 1.0


class Answer(Said):
    action: Literal["answer"] = "answer"
    text: str


class Terminate(Said):
    action: Literal["terminate"] = "terminate"
    status: Literal["success", "failure"]


class DoubleClick(Said):
    """Beyond the ten."""

    action: Literal["double_click"] = "double_click"
    coordinate: Point


class Drag(Said):
    """Beyond the ten."""

    action: Literal["drag"] = "drag"
    coordinate: Point
    coordinate2: Point


class Key(Said):
    """Beyond the ten; published code lists it without telling what it does."""

    action: Literal["key"] = "key"
    text: str


TEN: tuple[type[Said], ...] = (
    Click, LongPress, Swipe, TypeText, ClearText, SystemButton, Open, Wait, Answer, Terminate,
)  # fmt: skip
MORE: tuple[type[Said], ...] = (DoubleClick, Drag, Key)
AnySaid = Annotated[
    Click | LongPress | Swipe | TypeText | ClearText | SystemButton | Open | Wait | Answer
    | Terminate | DoubleClick | Drag | Key,
    Field(discriminator="action"),
]  # fmt: skip
SAID: TypeAdapter[AnySaid] = TypeAdapter(AnySaid)
NAMES = {kind.model_fields["action"].default: kind for kind in (*TEN, *MORE)}
TOOL = "mobile_use"
_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that was read. action: None where there is none that can be taken; fault: why, or
    what is missing from the format, "" where all is well. thought, summary: its other parts."""

    action: Said | None
    fault: Fault | Literal[""] = ""
    detail: str = ""
    thought: str = ""
    summary: str = ""

    @property
    def formatted(self) -> bool:
        """R_fmt: all parts are there, and the action parses."""
        return self.action is not None and not self.fault


def read_published(text: str, *, more: bool = False) -> Reply:
    """Reads the published format. Where only a part is missing, the action is given all the same,
    with the fault: the reward decides what that is worth.

    Args:
        more: whether actions beyond the ten are taken.
    """
    head, _, _ = text.partition("<answer>")
    thought, summary = _line(head, "Thought"), _line(head, "Action")
    found = _ANSWER.findall(text)
    if not found:
        return Reply(None, "no answer", "there is no <answer>…</answer>", thought, summary)
    action, fault, detail = _call(found[-1], more) if len(found) == 1 else (
        None, "several calls", f"{len(found)} answers",
    )  # fmt: skip
    if action is not None and not thought:
        fault, detail = "no thought", "there is no line `Thought: …`"
    elif action is not None and not summary:
        fault, detail = "no action line", "there is no line `Action: …`"
    return Reply(action, fault, detail, thought, summary)


def _line(head: str, name: str) -> str:
    match = re.search(rf"^{name}:[ \t]*(\S.*)$", head, re.MULTILINE)
    return match.group(1).strip() if match else ""


def _call(text: str, more: bool) -> tuple[Said | None, Fault | Literal[""], str]:
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        return None, "bad json", str(error)[:100]
    if not isinstance(plain, list):
        return None, "no list", "the answer is a list of one call"
    if len(plain) != 1:
        return None, "several calls" if plain else "no call", f"{len(plain)} calls, one is due"
    call = plain[0]
    if not isinstance(call, dict) or set(call) != {"name", "arguments"}:
        return None, "no call", 'a call is {"name", "arguments"}'
    given = call["arguments"]
    if call["name"] != TOOL or not isinstance(given, dict):
        return None, "no call", f"a call is of {TOOL!r}, its arguments are an object"
    return typed(given, more=more)


def typed(
    given: dict[str, Any], *, more: bool = False
) -> tuple[Said | None, Fault | Literal[""], str]:
    """The action that arguments mean, or the fault by name with a few words."""
    kind = given.get("action")
    known = NAMES.get(kind) if isinstance(kind, str) else None
    if known is None:
        return None, "unknown action", str(kind)[:60]
    if known in MORE and not more:
        return None, "not enabled", f"{kind} is none of the ten"
    try:
        return known.model_validate(given), "", ""
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        fault: Fault = {"missing": "missing parameter", "extra_forbidden": "extra parameter"}.get(
            first["type"], "bad number" if "bad number" in first["msg"] else "wrong type"
        )  # type: ignore[assignment]
        return None, fault, f"{where}: {first['msg']}"[:120]
