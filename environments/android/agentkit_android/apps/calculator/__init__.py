"""Calculator: keys, what they come to at once, and a history."""

from __future__ import annotations

from agentkit_android.apps.app import App
from agentkit_android.apps.calculator.arithmetic import BadExpression, evaluate, shown
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.strings import own
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import do, go, put, send, show
from agentkit_android.screen.views import FIT, Overlay, View

PACKAGE = "com.android.calculator2"
SCHEMA = """
CREATE TABLE history (
    _id INTEGER PRIMARY KEY, expression TEXT NOT NULL, result TEXT NOT NULL,
    date INTEGER NOT NULL
);
"""
APP = App(
    PACKAGE, "Calculator", "#00696D", icon="calculator", main=".Calculator", schema=SCHEMA,
    strings=own("calculator"),
)  # fmt: skip
KEYS = "AC () % ÷ 7 8 9 × 4 5 6 − 1 2 3 + 0 . ⌫ =".split()
MORE = "√ π ^ ! sin cos tan e ln log ( )".split()
NAMES = {
    "AC": "clr", "()": "parens", "%": "op_pct", "÷": "op_div", "×": "op_mul", "−": "op_sub",
    "+": "op_add", ".": "dec_point", "⌫": "del", "=": "eq", "√": "op_sqrt", "π": "const_pi",
    "^": "op_pow", "!": "op_fact", "e": "const_e", "(": "lparen", ")": "rparen",
}  # fmt: skip
TOLD = {
    "AC": "clear", "()": "parentheses", "%": "percent", "÷": "divide", "×": "multiply",
    "−": "minus", "+": "plus", ".": "point", "⌫": "delete", "=": "equals", "√": "square root",
    "^": "power", "!": "factorial", "π": "pi",
}  # fmt: skip
OPERATORS = "+−×÷^"
HISTORY = send(package=PACKAGE, activity=".History", result="recalled")
DIGITS = ("4", "8", "12")


def _degrees(see: See) -> bool:
    return see.preference("angle", "degrees") == "degrees"


def _value(see: See, expression: str) -> str:
    return shown(evaluate(expression, degrees=_degrees(see)), int(see.preference("digits", "12")))


def key(see: See, name: str, *, small: bool = False) -> View:
    fill, ink = "surface-container-high", "on-surface"
    if name == "=":
        fill, ink = "primary", "on-primary"
    elif name in ("AC", "⌫"):
        fill, ink = "primary-container", "on-primary-container"
    elif name not in "0123456789.":
        fill, ink = "secondary-container", "on-secondary-container"
    height = 44 if small else None
    return View(
        "button", text="" if name == "⌫" else name, icon="backspace" if name == "⌫" else "",
        description=see.t(TOLD[name]) if name in TOLD else "", height=height,
        style="row" if small else "headline", fill=fill, colour=ink, corner=22 if small else 36,
        tap=do("key", name=name), resource=NAMES.get(name, f"digit_{name}" if name.isdigit()
        else f"fun_{name}"),
    )  # fmt: skip


def line(what: str, style: str, ink: str, resource: str) -> View:
    """To the right, as numbers stand; one that is long is broken."""
    told = View(
        "text", text=what, style=style, colour=ink, resource=resource, lines=0,
        width=None if len(what) > 15 else FIT,
    )  # fmt: skip
    return View("row", children=(told,) if len(what) > 15 else (ui.space(None), told))


@APP.screen(".Calculator")
def calculator(see: See) -> View:
    expression, error = see.get("expression"), see.get("error")
    below = ""
    if expression and not see.get("done") and any(c in expression for c in "+−×÷^√%!πescltn"):
        try:
            below = _value(see, expression)
        except BadExpression:
            below = ""
    under = line(see.t(error) if error else below, "headline",
                 "error" if error else "on-surface-variant", "result_preview")  # fmt: skip
    above = line(expression or "0", "display", "on-surface", "formula")
    display = View(
        "list", resource="display", weight=3, padding=(20, 16, 20, 8), children=(above, under)
    )
    more = see.get("more") == "1"
    fold = ui.icon(
        "chevron-up" if more else "chevron-down", see.t("Scientific keys"),
        put("more", None if more else "1"),
    )  # fmt: skip
    angle = ui.chip(see.t("DEG" if _degrees(see) else "RAD"), do("angle"))
    strip = View("row", children=(ui.space(16), angle, ui.space(None), fold), height=48)
    extra = View(
        "grid", children=tuple(key(see, k, small=True) for k in MORE), columns=4, gap=6,
        padding=(12, 0, 12, 8), resource="pad_advanced",
    )  # fmt: skip
    pad = View(
        "grid", children=tuple(key(see, k) for k in KEYS), columns=4, gap=8, weight=7,
        padding=(12, 4, 12, 12), resource="pad_numeric",
    )  # fmt: skip
    history = ui.icon("history", see.t("History"), HISTORY)
    bar = ui.top_bar(see.t("Calculator"), history, ui.more(see.t("More options")), up=False)
    parts = (bar, display, strip, *((extra,) if more else ()), pad)
    return View("column", children=parts, fill="surface")


@APP.overlay("menu")
def menu(see: See) -> Overlay:
    items = [(see.t("Copy result"), do("copy")), (see.t("Paste"), do("paste"))]
    return ui.menu(*items, (see.t("History"), HISTORY), (see.t("Settings"), go(".Settings")))


@APP.on("copy")
def copy(do: Do) -> None:
    try:
        do.copy(_value(do, do.get("expression", "0")))
        do.toast(do.t("Copied"))
    except BadExpression as error:
        do.toast(do.t(str(error)))


@APP.on("paste")
def paste(do: Do) -> None:
    try:
        evaluate(do.clipboard)
    except BadExpression:
        return do.toast(do.t("The clipboard holds no number"))
    return do.put("expression", do.get("expression") + do.clipboard.replace(",", "").strip())


@APP.on("angle")
def angle(do: Do) -> None:
    do.prefer("angle", "radians" if _degrees(do) else "degrees")


@APP.on("key")
def press(do: Do) -> None:
    name, now, done = str(do.args["name"]), do.get("expression"), bool(do.get("done"))
    do.put("error", None)
    do.put("done", None)
    if name == "=":
        return _equals(do, now)
    if name == "AC":
        return do.put("expression", None)
    if name == "⌫":
        for word in ("sin(", "cos(", "tan(", "log(", "ln("):
            if now.endswith(word):
                return do.put("expression", now[: -len(word)])
        return do.put("expression", now[:-1])
    if done and (name.isdigit() or name == "."):
        now = ""
    if name == "()":
        opened = now.count("(") > now.count(")")
        name = ")" if opened and now[-1:] not in ("(", *OPERATORS) else "("
    elif name in ("sin", "cos", "tan", "ln", "log"):
        name += "("
    elif name in "+×÷^" and (not now or now.endswith("(")):
        return None
    last = now[-1:]
    if name in OPERATORS and last and last in OPERATORS and not (name == "−" and last in "×÷^"):
        now = now.rstrip(OPERATORS)
    return do.put("expression", now + name)


def _equals(do: Do, expression: str) -> None:
    if not expression:
        return
    try:
        value = _value(do, expression)
    except BadExpression as error:
        return do.put("error", str(error))
    if do.preference("keep", "1") == "1" and value.replace(",", "") != expression:
        do.run("INSERT INTO history (expression, result, date) VALUES (?, ?, ?)",
               expression, value, do.now)  # fmt: skip
    do.put("expression", value.replace(",", "").replace("-", "−"))
    return do.put("done", "1")


@APP.screen(".History")
def history(see: See) -> View:
    rows, day = [], ""
    for one in see.rows("SELECT * FROM history ORDER BY _id DESC"):
        if see.day(one["date"]) != day:
            day = see.day(one["date"])
            rows.append(ui.header(day))
        rows.append(
            ui.row(one["expression"], f"= {one['result']}", tap=do("again", id=one["_id"]),
                   hold=show("entry", id=one["_id"]))
        )  # fmt: skip
    clear = ui.icon("delete-outline", see.t("Clear history"), show("clear"))
    none = ui.empty(see.t("No history"), "history")
    return ui.page(see.t("History"), *(rows or [none]), actions=(clear,) if rows else ())


@APP.on("again")
def again(do: Do) -> None:
    do.finish(expression=do.one("SELECT expression FROM history WHERE _id = ?", do.arg("id")))


@APP.on("recalled")
def recalled(do: Do) -> None:
    do.put("expression", do.args["expression"])
    do.put("done", None)
    do.put("error", None)


@APP.overlay("entry")
def entry(see: See) -> Overlay:
    number = see.arg("id")
    return ui.menu(
        (see.t("Copy result"), do("copy_entry", id=number)),
        (see.t("Delete"), do("delete", id=number)),
    )


@APP.on("copy_entry")
def copy_entry(do: Do) -> None:
    do.copy(str(do.one("SELECT result FROM history WHERE _id = ?", do.arg("id"))))
    do.toast(do.t("Copied"))


@APP.on("delete")
def delete(do: Do) -> None:
    do.run("DELETE FROM history WHERE _id = ?", do.arg("id"))


@APP.overlay("clear")
def ask_clear(see: See) -> Overlay:
    return ui.confirm(see.t("Clear history?"), "", see.t("Clear"), do("clear"), see.t("Cancel"))


@APP.on("clear")
def clear(do: Do) -> None:
    do.run("DELETE FROM history")


@APP.screen(".Settings")
def settings(see: See) -> View:
    keep = see.preference("keep", "1") == "1"
    return ui.page(
        see.t("Settings"), ui.toggle(see.t("Keep history"), keep, do("keep")),
        ui.row(see.t("Digits"), see.preference("digits", "12"), tap=show("digits")),
    )  # fmt: skip


@APP.on("keep")
def keep(do: Do) -> None:
    do.prefer("keep", "0" if do.preference("keep", "1") == "1" else "1")


@APP.overlay("digits")
def digits(see: See) -> Overlay:
    return ui.options(see.t("Digits"), do("digits"), [(d, d) for d in DIGITS],
                      see.preference("digits", "12"), see.t("Cancel"))  # fmt: skip


@APP.on("digits")
def set_digits(do: Do) -> None:
    if (value := str(do.args["value"])) in DIGITS:
        do.prefer("digits", value)
