"""The published rewards of a single step (arXiv 2510.19386, section 3.1.2), with a trace.

R = R_acc + alpha R_fmt, alpha = 0.2. R_fmt: all parts of the reply are there and its action parses.
R_acc: its type and its parameters are right; a box for points, F1 for texts, the direction for
swipes, equality for the rest; the best of all accepted actions. The paper does not say whether
R_acc counts where a part of the format is missing: `literal` counts it where the action parses
(R in {0, .2, 1, 1.2}), `gated` does not (R in {0, .2, 1.2}).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from agentkit.agents.acting import BadReply, read_reply
from agentkit.capabilities import Action
from agentkit_stepwise_rl import actions as said
from agentkit_stepwise_rl.actions import Reply, Said, read_published
from agentkit_stepwise_rl.samples import (
    Accepted,
    AtPlace,
    Box,
    Dragged,
    Ended,
    Named,
    Place,
    Pressed,
    Sample,
    Simple,
    Size,
    Swiped,
    Written,
    direction,
)
from agentkit_stepwise_rl.spaces import OtherSpace, published

Form = Literal["reply", "published"]
Mode = Literal["literal", "gated"]
ALPHA = 0.2
SAME_TEXT = 0.5
"""F1 from which two texts count as one; the paper gives none, this is what others take."""
NEAR = 0.14
"""Of a screen's larger side: how far a point may lie from one whose element is not known. It is
what AITW scores with (Rawles et al., arXiv 2307.10088)."""
_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_CJK}]|[^\W{_CJK}]+")


@dataclass(frozen=True, slots=True)
class Rules:
    """How replies are read and scored. form: as policies of this repository say them, or as
    published. size: of the image that a published reply's points are in; the sample's own by
    default. more: whether published replies may go beyond the ten actions."""

    form: Form = "reply"
    mode: Mode = "literal"
    alpha: float = ALPHA
    same_text: float = SAME_TEXT
    near: float = NEAR
    size: Size | None = None
    more: bool = False


@dataclass(frozen=True, slots=True)
class Trace:
    """Why a reply has its reward. fault: of its format, by name, "" where there is none. type: its
    kind is one of an accepted action's. rule: the one that decided: box, element, point, direction,
    f1, equal, or none. matched: which accepted action it is, counted from 0."""

    id: str
    said: str
    format: bool
    fault: str
    type: bool
    rule: str
    matched: int | None
    right: bool
    reward: float
    mode: str
    why: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def score(
    sample: Sample, text: str, rules: Rules, actions: Sequence[type[Action]] = (), *,
    whole: bool = True,
) -> Trace:  # fmt: skip
    """The reward of one reply, never an exception.

    Args:
        actions: of the environment, which replies are read with (form "reply").
        whole: whether the reply ended by itself; one that was cut off has no format.
    """
    reply, size = _read(sample, text, rules, actions)
    if not whole:
        reply = Reply(None, "cut off", "it was cut off at the most tokens")
    tried = [
        _compared(reply.action, one, sample.size or size, size, rules)
        for one in (sample.accepted if reply.action is not None else ())
    ]
    matched = next((n for n, one in enumerate(tried) if one.right), None)
    best = tried[matched] if matched is not None else _nearest(tried)
    right = matched is not None and (rules.mode == "literal" or reply.formatted)
    return Trace(
        id=sample.id,
        said=text[:200],
        format=reply.formatted,
        fault=reply.fault,
        type=any(one.type for one in tried),
        rule=best.rule,
        matched=matched,
        right=right,
        reward=float(right) + rules.alpha * float(reply.formatted),
        mode=rules.mode,
        why=reply.detail if reply.action is None else best.why,
    )


def _read(
    sample: Sample, text: str, rules: Rules, actions: Sequence[type[Action]]
) -> tuple[Reply, Size]:
    if rules.form == "published":
        size = rules.size or sample.size or sample.placed()[1]
        return read_published(text, more=rules.more), size
    elements, size = sample.placed()
    try:
        action = read_reply(text, actions, elements)
        return Reply(published(action.model_dump(mode="json"))), size
    except (BadReply, OtherSpace) as error:
        return Reply(None, "no single action", error.message[:160]), size


@dataclass(frozen=True, slots=True)
class _Compared:
    type: bool = False
    right: bool = False
    rule: str = "none"
    why: str = "another kind of action"


def _nearest(tried: Sequence[_Compared]) -> _Compared:
    return next((one for one in tried if one.type), tried[0] if tried else _Compared())


def _compared(
    made: Said | None, wanted: Accepted, own: Size, size: Size, rules: Rules
) -> _Compared:
    """own: the image that the sample was stored in; size: the one that the reply speaks of."""
    if made is None or getattr(made, "action", "") != wanted.action:
        return _Compared(why=f"{getattr(made, 'action', 'nothing')} is not {wanted.action}")
    match made, wanted:
        case ((said.Click() | said.LongPress() | said.DoubleClick()), AtPlace()):
            return _at(made.coordinate, wanted.place, size, rules)
        case said.Drag(), Dragged():
            first = _at(made.coordinate, wanted.place, size, rules)
            return first if not first.right else _at(made.coordinate2, wanted.to, size, rules)
        case said.Swipe(), Swiped():
            way = direction(made.coordinate, made.coordinate2)
            why = f"the finger moves {way or 'nowhere'}, {wanted.direction} is right"
            return _Compared(True, way == wanted.direction, "direction", why)
        case ((said.TypeText() | said.Answer()), Written()):
            value = f1(made.text, wanted.text)
            why = f"F1 {value:.2f} of {rules.same_text:g}"
            return _Compared(True, value >= rules.same_text, "f1", why)
        case ((said.Open() | said.Key()), Named()):
            return _equal(_app(made.text), _app(wanted.text))
        case said.SystemButton(), Pressed():
            return _equal(made.button, wanted.button)
        case said.Terminate(), Ended():
            return _equal(made.status, wanted.status)
        case ((said.ClearText() | said.Wait()), Simple()):
            return _Compared(True, True, "equal", "")
    return _Compared()


def _equal(one: str, other: str) -> _Compared:
    why = "" if one == other else f"{one[:40]!r} is not {other[:40]!r}"
    return _Compared(True, one == other, "equal", why)


def _at(point: said.Point, place: Place, size: Size, rules: Rules) -> _Compared:
    if place.box is not None:
        box = place.box.scaled(size)
        rule = "element" if place.element else "box"
        why = f"({point[0]:g}, {point[1]:g}), the box is {_told(box)}"
        return _Compared(True, box.holds(point), rule, why)
    assert place.point is not None
    spot = place.point
    x, y = spot.x * size[0] / spot.space[0], spot.y * size[1] / spot.space[1]
    away = math.hypot(point[0] - x, point[1] - y) / max(size)
    why = f"{away:.3f} of the screen away, {rules.near:g} is near"
    return _Compared(True, away <= rules.near, "point", why)


def _told(box: Box) -> str:
    return f"({box.x1:g}, {box.y1:g}) to ({box.x2:g}, {box.y2:g})"


def _app(text: str) -> str:
    return text.strip().casefold()


def f1(one: str, other: str) -> float:
    """Of two texts' tokens: words without case and width, and single letters of Chinese, Japanese
    and Korean. Two empty texts are the same, an empty and another one have nothing in common."""
    a, b = Counter(tokens(one)), Counter(tokens(other))
    if not a and not b:
        return 1.0
    common = sum((a & b).values())
    return 2 * common / (sum(a.values()) + sum(b.values())) if common else 0.0


def tokens(text: str) -> list[str]:
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


def counted(traces: Sequence[Trace]) -> Mapping[str, int]:
    """How often each rule decided, each fault stood in the way, and how many were right."""
    found: Counter[str] = Counter()
    for one in traces:
        found[f"rule {one.rule}"] += 1
        found[f"fault {one.fault}"] += bool(one.fault)
        found["right"] += one.right
        found["format"] += one.format
    return {name: n for name, n in sorted(found.items()) if n}
