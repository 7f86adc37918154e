"""What happens when something is touched, as plain values that can be compared and kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Value = str | int | float | bool | None
Args = tuple[tuple[str, Value], ...]


@dataclass(frozen=True, slots=True)
class Intent:
    """What an app asks the phone for: by action and data, or by component.

    Attributes:
        action: as android.intent.action.VIEW. data: a URI. kind: a MIME type.
        package, activity: who is to answer; any app that can where they are empty.
        extras: more, by name.
        result: the reducer of the asking app that is told what the other one answers.
    """

    action: str = ""
    data: str = ""
    kind: str = ""
    package: str = ""
    activity: str = ""
    extras: Args = ()
    result: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """Attributes:
    kind: `do` a reducer, `go` to an activity, `put` a value into the activity's state, `show` or
        `close` an overlay, go `back`, send an `intent`, or ask the `system` for something.
    name: of the reducer, activity, key or overlay. args: what it is given.
    """

    kind: Literal["do", "go", "put", "show", "close", "back", "intent", "system"]
    name: str = ""
    args: Args = ()
    intent: Intent | None = None

    def given(self) -> dict[str, Value]:
        return dict(self.args)

    def with_(self, **more: Value) -> Act:
        return replace(self, args=(*self.args, *more.items()))


def clean(text: str) -> str:
    """A text that can be kept: what is no letter (a byte that no text gives) is a `?`."""
    return text.encode("utf-8", "replace").decode()


def do(reducer: str, /, **args: Value) -> Act:
    return Act("do", reducer, tuple(args.items()))


def go(activity: str, /, **args: Value) -> Act:
    return Act("go", activity, tuple(args.items()))


def put(key: str, value: Value) -> Act:
    return Act("put", key, (("value", value),))


def show(overlay: str, /, **args: Value) -> Act:
    return Act("show", overlay, tuple(args.items()))


def send(
    action: str = "",
    data: str = "",
    /,
    *,
    kind: str = "",
    package: str = "",
    activity: str = "",
    result: str = "",
    **extras: Value,
) -> Act:
    intent = Intent(action, data, kind, package, activity, tuple(extras.items()), result)
    return Act("intent", intent=intent)


def system(name: str, /, **args: Value) -> Act:
    return Act("system", name, tuple(args.items()))


BACK = Act("back")
CLOSE = Act("close")
