"""How model families that see say where to touch: their coordinates, and their own words.

A point is a pair in a model's convention. `resized`: pixels of the picture as the model's processor
has resized it (Qwen2.5-VL, smart resize to multiples of 28). `thousand`: 0 to 1000 in each
direction (UI-TARS, Qwen3-VL). `unit`: 0 to 1 (ShowUI). `screen`: pixels of the device.

What a model says outside its convention is an error for the model, never a tap.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from agentkit.agents.acting import BadReply

Points = Literal["screen", "resized", "thousand", "unit"]
Size = tuple[int, int]
FACTOR, LEAST, MOST = 28, 4 * 28 * 28, 16384 * 28 * 28


def smart_resize(size: Size, factor: int = FACTOR, least: int = LEAST, most: int = MOST) -> Size:
    """Width and height as Qwen2.5-VL's processor makes them: multiples of `factor`, the area
    between `least` and `most` pixels, the ratio kept as near as can be.

    Raises:
        ValueError: a side is 0, or one is 200 times the other.
    """
    wide, high = size
    if min(size) <= 0 or max(size) / min(size) > 200:
        raise ValueError(f"{wide} × {high} is no picture that can be resized")
    made_w, made_h = (max(factor, round(s / factor) * factor) for s in size)
    if made_w * made_h > most:
        scale = math.sqrt(wide * high / most)
        made_w, made_h = (max(factor, math.floor(s / scale / factor) * factor) for s in size)
    elif made_w * made_h < least:
        scale = math.sqrt(least / (wide * high))
        made_w, made_h = (math.ceil(s * scale / factor) * factor for s in size)
    return made_w, made_h


def space(points: Points, size: Size) -> tuple[float, float]:
    """How far a convention goes in each direction on a screen of that size."""
    if points == "resized":
        wide, high = smart_resize(size)
        return float(wide), float(high)
    return {"screen": (float(size[0]), float(size[1])), "thousand": (1000.0, 1000.0)}.get(
        points, (1.0, 1.0)
    )


def to_pixel(x: Any, y: Any, points: Points, size: Size) -> tuple[int, int]:
    """The device's pixel that a model means.

    Raises:
        BadReply: it is no number, or outside of the convention.
    """
    wide, high = space(points, size)
    for name, value, most in (("x", x, wide), ("y", y, high)):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadReply(f"{name} is {str(value)[:30]!r}, no number", _hint(points, wide, high))
        if not math.isfinite(value) or not 0 <= value <= most:
            raise BadReply(f"{name} = {value} is not on the screen", _hint(points, wide, high))
    return (
        min(size[0] - 1, round(x * size[0] / wide)),
        min(size[1] - 1, round(y * size[1] / high)),
    )


def from_pixel(x: int, y: int, points: Points, size: Size) -> tuple[float, float]:
    """A device's pixel as a model would say it: whole numbers, or four decimals of a unit."""
    wide, high = space(points, size)
    made = (x * wide / size[0], y * high / size[1])
    if points == "unit":
        return round(made[0], 4), round(made[1], 4)
    return float(round(made[0])), float(round(made[1]))


def _hint(points: Points, wide: float, high: float) -> str:
    if points == "unit":
        return "say points as 0 to 1 in each direction"
    return f"say points as 0 to {wide:.0f} across and 0 to {high:.0f} down"


# -- the families' own words ----------------------------------------------------------------------

Said = dict[str, Any]
"""An action as JSON in our kinds; points in pixels of the device."""


def understood(text: str, dialect: str, size: Size, points: Points | None = None) -> str:
    """A reply in a family's words as the one-line JSON of ours.

    Raises:
        BadReply: it is none.
    """
    read, usual = DIALECTS[dialect]
    said = read(text)
    for names in (("x", "y"), ("to_x", "to_y")):
        if names[0] in said or names[1] in said:
            x, y = to_pixel(said.get(names[0]), said.get(names[1]), points or usual, size)
            said |= {names[0]: x, names[1]: y}
    return json.dumps(said, ensure_ascii=False)


def _mobile_use(text: str) -> Said:
    """Qwen2.5-VL and GUI-Owl, function `mobile_use`: a call in a <tool_call> or <answer>, bare or
    as a list of one."""
    start = min((i for i in (text.find("{"), text.find("[{")) if i >= 0), default=-1)
    try:
        found, _ = json.JSONDecoder().raw_decode(text, start) if start >= 0 else (None, 0)
    except ValueError:
        found = None
    if isinstance(found, list):
        if len(found) != 1:
            raise BadReply(f"the reply holds {len(found)} calls", "make one")
        found = found[0]
    arguments = found.get("arguments") if isinstance(found, dict) else None
    if not isinstance(arguments, dict):
        raise BadReply("the reply holds no call of mobile_use", 'as {"name": …, "arguments": …}')
    if text.count('"arguments"') > 1:
        raise BadReply("the reply holds several calls", "make one")
    kind = arguments.get("action")
    if kind in ("click", "long_press"):
        x, y = _pair(arguments.get("coordinate"))
        return {"kind": "tap" if kind == "click" else "long-press", "x": x, "y": y}
    if kind == "swipe":
        (x, y), (to_x, to_y) = (_pair(arguments.get(k)) for k in ("coordinate", "coordinate2"))
        return {"kind": "swipe", "x": x, "y": y, "to_x": to_x, "to_y": to_y}
    if kind == "system_button":
        return _button(str(arguments.get("button")))
    made: dict[Any, Callable[[], Said]] = {
        "type": lambda: {"kind": "type", "text": arguments.get("text")},
        "clear_text": lambda: {"kind": "clear-text"},
        "open": lambda: {"kind": "open", "app": arguments.get("text")},
        "wait": lambda: {"kind": "wait"},
        "take_note": lambda: {"kind": "remember", "text": arguments.get("text")},
        "answer": lambda: {"kind": "answer", "text": arguments.get("text")},
        "terminate": lambda: _finish(arguments.get("status") == "success"),
    }
    if kind not in made:
        raise BadReply(f"there is no action {str(kind)[:40]!r}", f"one of {', '.join(made)}")
    return made[kind]()


_CALL = re.compile(r"(\w+)\((.*)\)\s*$", re.DOTALL)


def _ui_tars(text: str) -> Said:
    """UI-TARS: `Thought: …` and `Action: click(start_box='(500,300)')`."""
    _, _, last = text.rpartition("Action:")
    lines = [line for line in last.strip().splitlines() if line.strip()]
    match = _CALL.match(lines[0].strip()) if len(lines) == 1 else None
    if match is None:
        raise BadReply("the reply holds no single action", "as Action: click(start_box='(x,y)')")
    name, inside = match.groups()
    try:
        call = ast.parse(f"f({inside})", mode="eval").body
        assert isinstance(call, ast.Call) and not call.args
        given = {k.arg: ast.literal_eval(k.value) for k in call.keywords}
    except (SyntaxError, ValueError, AssertionError, MemoryError, RecursionError) as error:
        raise BadReply(f"{name}: its arguments cannot be read", "as start_box='(x,y)'") from error
    start = given.get("start_box", given.get("point"))
    if name in ("click", "long_press", "left_double"):
        x, y = _pair(start)
        kind = {"click": "tap", "long_press": "long-press"}.get(name, "double-tap")
        return {"kind": kind, "x": x, "y": y}
    if name == "drag":
        (x, y), (to_x, to_y) = _pair(start), _pair(given.get("end_box"))
        return {"kind": "swipe", "x": x, "y": y, "to_x": to_x, "to_y": to_y}
    if name == "scroll":
        return {"kind": "scroll", "direction": given.get("direction")}
    text_of = given.get("content")
    made: dict[str, Callable[[], Said]] = {
        "type": lambda: {"kind": "type", "text": text_of},
        "open_app": lambda: {"kind": "open", "app": given.get("app_name")},
        "press_home": lambda: _button("Home"),
        "press_back": lambda: _button("Back"),
        "wait": lambda: {"kind": "wait"},
        "call_user": lambda: {"kind": "ask", "question": text_of or "What shall I do here?"},
        "finished": lambda: {"kind": "answer", "text": text_of} if text_of else _finish(True),
    }
    if name not in made:
        raise BadReply(f"there is no action {name[:40]!r}", f"one of click, {', '.join(made)}")
    return made[name]()


def _showui(text: str) -> Said:
    """ShowUI: `{'action': 'CLICK', 'value': None, 'position': [0.49, 0.42]}`."""
    start, end = text.find("{"), text.rfind("}")
    try:
        found = ast.literal_eval(text[start : end + 1])
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise BadReply("the reply holds no single action", "as {'action': …}") from error
    if not isinstance(found, dict):
        raise BadReply("the reply holds no single action", "as {'action': …}")
    kind, value = str(found.get("action", "")).upper(), found.get("value")
    if kind in ("CLICK", "TAP", "LONG_PRESS"):
        x, y = _pair(found.get("position"))
        return {"kind": "long-press" if kind == "LONG_PRESS" else "tap", "x": x, "y": y}
    if kind == "SWIPE":
        ends = found.get("position")
        if not isinstance(ends, list | tuple) or len(ends) != 2:
            raise BadReply("a swipe has two points", "as [[x, y], [x, y]]")
        (x, y), (to_x, to_y) = _pair(ends[0]), _pair(ends[1])
        return {"kind": "swipe", "x": x, "y": y, "to_x": to_x, "to_y": to_y}
    made: dict[str, Callable[[], Said]] = {
        "INPUT": lambda: {"kind": "type", "text": value},
        "ENTER": lambda: {"kind": "key", "key": "enter"},
        "PRESS BACK": lambda: _button("Back"),
        "PRESS HOME": lambda: _button("Home"),
        "ANSWER": lambda: {"kind": "answer", "text": value},
        "TASK COMPLETE": lambda: _finish(True),
        "TASK IMPOSSIBLE": lambda: _finish(False),
    }
    name = kind.replace("_", " ")
    if name not in made:
        raise BadReply(f"there is no action {kind[:40]!r}", f"one of CLICK, {', '.join(made)}")
    return made[name]()


DIALECTS: Mapping[str, tuple[Callable[[str], Said], Points]] = {
    "mobile-use": (_mobile_use, "resized"),
    "ui-tars": (_ui_tars, "thousand"),
    "showui": (_showui, "unit"),
}
INSTRUCTIONS: Mapping[str, str] = {
    "mobile-use": "Reply with a thought, then one call of the function mobile_use as JSON: "
    '{"name": "mobile_use", "arguments": {"action": …}}. Its actions: click(coordinate), '
    "long_press(coordinate), swipe(coordinate, coordinate2), type(text), clear_text(), "
    "system_button(button: Back, Home, Enter), open(text: an app), wait(), take_note(text), "
    "answer(text), terminate(status: success or failure).",
    "ui-tars": "Reply with `Thought: …` and, on the next line, one `Action: …`: "
    "click(start_box='(x,y)'), long_press(start_box='(x,y)'), type(content=''), "
    "scroll(direction='down'), open_app(app_name=''), drag(start_box='(x,y)', end_box='(x,y)'), "
    "press_home(), press_back(), wait(), call_user(content=''), finished(content='').",
    "showui": "Reply with one action: {'action': 'CLICK', 'value': None, 'position': [x, y]}, "
    "positions 0 to 1. Actions: CLICK, INPUT (value: the text), SWIPE (two positions), ENTER, "
    "PRESS BACK, PRESS HOME, ANSWER (value), TASK COMPLETE, TASK IMPOSSIBLE.",
}


def _pair(value: Any) -> tuple[Any, Any]:
    if isinstance(value, str):
        numbers = re.findall(r"-?\d+(?:\.\d+)?", value)
        value = (
            [float(n) for n in numbers] if re.fullmatch(r"[\s()\[\],.\d|<>a-z_-]+", value) else 0
        )
    if not isinstance(value, list | tuple) or len(value) not in (2, 4):
        raise BadReply(f"{str(value)[:40]!r} is no point", "a point has two numbers")
    if len(value) == 4 and all(isinstance(v, int | float) for v in value):
        return (value[0] + value[2]) / 2, (value[1] + value[3]) / 2
    if len(value) == 4:
        raise BadReply(f"{str(value)[:40]!r} is no box", "a box has four numbers")
    return value[0], value[1]


def _button(name: str) -> Said:
    if name.casefold() == "enter":
        return {"kind": "key", "key": "enter"}
    return {"kind": "button", "button": name.casefold()}


def _finish(done: bool) -> Said:
    return {"kind": "finish", "status": "success" if done else "infeasible"}
