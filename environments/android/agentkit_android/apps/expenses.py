"""Expenses: what was spent, by category and month."""

from __future__ import annotations

import re

from agentkit_android.apps import pickers
from agentkit_android.apps.app import App
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.strings import own
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Value, do, go, put, show
from agentkit_android.screen.views import Overlay, Shape, View

PACKAGE = "com.example.expenses"
SCHEMA = """
CREATE TABLE expenses (
    _id INTEGER PRIMARY KEY, name TEXT NOT NULL, cents INTEGER NOT NULL,
    category TEXT NOT NULL DEFAULT 'Other', note TEXT NOT NULL DEFAULT '', day TEXT NOT NULL
);
"""
CATEGORIES = {
    "Food": ("food-apple", "#386A20"), "Transport": ("bus", "#00639B"), "Housing": ("home",
    "#7D5260"),
    "Health": ("pill", "#9A4058"), "Fun": ("party-popper", "#8C4A00"), "Clothes": ("shopping",
    "#6750A4"),
    "Education": ("school", "#006A60"), "Other": ("cash", "#5F6368"),
}  # fmt: skip
APP = App(PACKAGE, "Expenses", "#9A4058", icon="wallet", strings=own("expenses"), schema=SCHEMA)
BEGUN = (
    ("Groceries", 4235, "Food", "Weekly shop", "2023-10-14"), ("Bus pass", 4900, "Transport", "",
    "2023-10-02"),
    ("Rent", 74000, "Housing", "October", "2023-10-01"), ("Cinema", 1250, "Fun", "With Ines",
    "2023-10-08"),
    ("Pharmacy", 1890, "Health", "", "2023-10-11"), ("Coffee", 380, "Food", "", "2023-10-13"),
    ("Winter coat", 8999, "Clothes", "On sale", "2023-10-07"), ("Coffee", 380, "Food", "",
    "2023-10-10"),
    ("Language course", 12000, "Education", "", "2023-09-21"), ("Rent", 74000, "Housing",
    "September", "2023-09-01"),
)  # fmt: skip


@APP.begins
def begin(do: Do) -> None:
    for values in BEGUN:
        do.run(
            "INSERT INTO expenses (name, cents, category, note, day) VALUES (?, ?, ?, ?, ?)",
            *values,
        )


def money(cents: int) -> str:
    return f"€{cents // 100:,}.{cents % 100:02}"


def read_money(text: str) -> int | None:
    """Cents of 12, 12.5 or 12,50; None where it is no amount."""
    found = re.fullmatch(r"€?\s*(\d{1,7})(?:[.,](\d{1,2}))?", text.strip())
    return int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0")) if found else None


def _marked(see: See) -> list[int]:
    return [int(p) for p in see.get("marked").split(",") if p]


@APP.screen(".Main")
def main(see: See) -> View:
    first = pickers.read_date(see.get("month"), see.today).replace(day=1)
    last = pickers.moved(first, 1)
    wanted = see.text("query").strip()
    rows = see.rows(
        "SELECT * FROM expenses WHERE day >= ? AND day < ? AND (name LIKE '%' || ?3 || '%' OR note"
        " LIKE '%' || ?3 || '%' OR category LIKE '%' || ?3 || '%') ORDER BY day DESC, _id DESC",
        first.isoformat(), last.isoformat(), wanted,
    )  # fmt: skip
    marked = _marked(see)
    listed = [_row(see, dict(row), marked) for row in rows]
    bar = View(
        "row", height=48, padding=(16, 0, 4, 0),
        children=(
            ui.text(see.month(first), "subtitle", resource="month"),
            ui.icon("chevron-left", see.t("Previous month"), put("month", str(pickers.moved(first,
            -1)))),
            ui.icon("chevron-right", see.t("Next month"), put("month", str(last))),
        ),
    )  # fmt: skip
    total = sum(row["cents"] for row in rows)
    head = ui.row(money(total), see.t("Spent this month"), lead=ui.icon("chart-pie"),
                  trail=ui.button(see.t("By category"), go(".Categories", month=first.isoformat()),
                                  kind="text"))  # fmt: skip
    top = None
    if marked:
        gone = ui.icon("delete-outline", see.t("Delete"), show("delete_marked"))
        name = ui.text(
            see.t("{count} selected", count=len(marked)), "title", resource="toolbar_title"
        )
        close = ui.icon("close", see.t("Clear selection"), put("marked", ""))
        top = View("row", children=(close, name, gone), height=64, padding=(4, 0, 4, 0),
                   fill="secondary-container")  # fmt: skip
    box = ui.form(ui.field("query", hint=see.t("Search expenses")))
    return ui.page(
        see.t("Expenses"), *(listed or [ui.empty(see.t("No expenses"), "wallet")]), up=False,
        under=(box, bar, head), bar=top, floating=ui.fab("plus", see.t("Add expense"), go(".Edit")),
    )  # fmt: skip


def _row(see: See, row: dict[str, object], marked: list[int]) -> View:
    icon, shade = CATEGORIES.get(str(row["category"]), CATEGORIES["Other"])
    told = f"{see.day(see.at(str(row['day'])))} · {see.t(str(row['category']))}"
    told += f" · {row['note']}" if row["note"] else ""
    ident = int(str(row["_id"]))
    mark = do("mark", id=ident)
    return ui.row(str(row["name"]), told, lead=ui.badge(icon, shade), hold=mark,
                  trail=ui.aside(money(int(str(row["cents"])))), selected=ident in marked,
                  tap=mark if marked else go(".Edit", id=ident))  # fmt: skip


@APP.on("mark")
def mark(do: Do) -> None:
    ident, marked = do.arg("id"), _marked(do)
    changed = [n for n in marked if n != ident] if ident in marked else [*marked, ident]
    do.put("marked", ",".join(map(str, changed)))


@APP.back(".Main")
def back(do: Do) -> None:
    if _marked(do):
        do.put("marked", "")
    else:
        do.finish()


@APP.overlay("delete_marked")
def ask_marked(see: See) -> Overlay:
    told = see.t("{count} selected", count=len(_marked(see)))
    return ui.confirm(see.t("Delete?"), told, see.t("Delete"), do("delete_marked"), see.t("Cancel"))


@APP.on("delete_marked")
def delete_marked(do: Do) -> None:
    for ident in _marked(do):
        do.run("DELETE FROM expenses WHERE _id = ?", ident)
    do.put("marked", "")
    do.toast(do.t("Deleted"))


@APP.screen(".Categories")
def categories(see: See) -> View:
    first = pickers.read_date(str(see.args.get("month", "")), see.today).replace(day=1)
    rows = see.rows(
        "SELECT category, sum(cents) AS cents, count(*) AS number FROM expenses WHERE day >= ? AND"
        " day < ? GROUP BY category ORDER BY 2 DESC",
        first.isoformat(), pickers.moved(first, 1).isoformat(),
    )  # fmt: skip
    total = sum(r["cents"] for r in rows) or 1
    listed, shapes, angle = [], [], 0.0
    for row in rows:
        icon, shade = CATEGORIES.get(row["category"], CATEGORIES["Other"])
        end = angle + 6.2832 * row["cents"] / total
        shapes.append(Shape("arc", (0.5, 0.5, 0.42, angle, end), shade, 24))
        angle = end
        many = row["number"]
        told = see.t("1 expense") if many == 1 else see.t("{count} expenses", count=many)
        part = f"{told} · {100 * row['cents'] / total:.0f}%"
        listed.append(ui.row(see.t(row["category"]), part, lead=ui.badge(icon, shade),
                             trail=ui.aside(money(row["cents"]))))  # fmt: skip
    chart = View(
        "canvas", shapes=tuple(shapes), width=200, height=200, description=see.t("By category")
    )
    middle = View("column", children=(chart,), centred=True, padding=(0, 16, 0, 16))
    sum_ = ui.row(money(sum(r["cents"] for r in rows)), see.month(first), lead=ui.icon("wallet"))
    return ui.page(see.t("By category"), sum_, *([middle] if rows else []), *listed)


def _draft(see: See) -> dict[str, str]:
    row = see.row("SELECT * FROM expenses WHERE _id = ?", see.arg("id"))
    cents = f"{row['cents'] // 100}.{row['cents'] % 100:02}" if row else ""
    return {
        "name": see.text("name", row["name"] if row else ""),
        "amount": see.text("amount", cents),
        "note": see.text("note", row["note"] if row else ""),
        "category": see.get("category", row["category"] if row else "Food"),
        "day": see.get("day", row["day"] if row else see.today.isoformat()),
    }


@APP.screen(".Edit")
def edit(see: See) -> View:
    draft, ident = _draft(see), see.arg("id")
    gone = ui.icon("delete-outline", see.t("Delete"), show("delete", id=ident))
    save = ui.button(see.t("Save"), do("save"), kind="text", resource="save")
    chips = ui.chips(
        *(ui.chip(see.t(name), put("category", name), icon=icon, selected=draft["category"] == name)
          for name, (icon, _) in CATEGORIES.items())
    )  # fmt: skip
    return ui.page(
        see.t("Edit expense" if ident else "Add expense"),
        ui.form(ui.field("name", draft["name"], label=see.t("Name")),
                ui.field("amount", draft["amount"], label=see.t("Amount"), hint="0.00")),
        ui.header(see.t("Category")), chips,
        ui.pick(see.t("Date"), see.day(see.at(draft["day"]), year=True),
                show("pick_date", key="day", value=draft["day"]), icon="calendar"),
        ui.form(ui.field("note", draft["note"], label=see.t("Note"))),
        actions=(gone, save) if ident else (save,),
    )  # fmt: skip


@APP.on("save")
def save(do: Do) -> None:
    draft, ident = _draft(do), do.arg("id")
    cents = read_money(draft["amount"])
    if not draft["name"].strip():
        return do.toast(do.t("Enter a name"))
    if cents is None:
        return do.toast(do.t("Enter a valid amount"))
    values: dict[str, Value] = {
        "name": draft["name"].strip(), "cents": cents, "category": draft["category"],
        "note": draft["note"].strip(), "day": draft["day"],
    }  # fmt: skip
    if ident:
        do.change("expenses", ident, **values)
    else:
        do.add("expenses", **values)
    do.toast(do.t("Saved"))
    return do.finish()


@APP.overlay("delete")
def ask(see: See) -> Overlay:
    row = see.row("SELECT * FROM expenses WHERE _id = ?", see.arg("id"))
    told = f"{row['name']}, {money(row['cents'])}" if row else ""
    return ui.confirm(see.t("Delete?"), told, see.t("Delete"), do("delete"), see.t("Cancel"))


@APP.on("delete")
def delete(do: Do) -> None:
    do.run("DELETE FROM expenses WHERE _id = ?", do.arg("id"))
    do.toast(do.t("Deleted"))
    do.finish()
