"""Numbers that may not call."""

from __future__ import annotations

import re

from agentkit_android.apps.context import Do, See
from agentkit_android.apps.dialer.app import APP, SAME, is_blocked
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import do, show
from agentkit_android.screen.views import Overlay, View


@APP.overlay("block")
def ask_block(see: See) -> Overlay:
    told = see.t("You will no longer receive calls from this number.")
    return ui.confirm(see.t("Block {number}?", number=see.args.get("number")), told,
                      see.t("Block"), do("block"), see.t("Cancel"))  # fmt: skip


@APP.on("block")
def block(do: Do) -> None:
    number = str(do.args.get("number") or do.text("blocked")).strip()
    if not re.search(r"\d", number):
        return do.toast(do.t("Enter a phone number"))
    if not is_blocked(do, number):
        do.run("INSERT INTO blocked (number) VALUES (?)", number)
    do.type("blocked", None)
    return do.toast(do.t("Blocked"))


@APP.on("unblock")
def unblock(do: Do) -> None:
    do.run(f"DELETE FROM blocked WHERE {SAME}", str(do.args["number"]))
    do.toast(do.t("Unblocked"))


@APP.screen(".Blocked")
def blocked(see: See) -> View:
    rows = [
        ui.row(see.name_of(one["number"]), one["number"], trail=ui.icon(
            "close", see.t("Unblock"), do("unblock", number=one["number"])))
        for one in see.rows("SELECT * FROM blocked ORDER BY _id")
    ]  # fmt: skip
    none = ui.empty(see.t("No blocked numbers"), "close-circle")
    return ui.page(
        see.t("Blocked numbers"), *(rows or [none]),
        floating=ui.fab("plus", see.t("Add a number"), show("add")),
    )  # fmt: skip


@APP.overlay("add")
def add(see: See) -> Overlay:
    return ui.dialog(
        see.t("Add a number"), ui.form(ui.field("blocked", label=see.t("Phone number"))),
        actions=(ui.cancel(see.t("Cancel")), ui.accept(see.t("Block"), do("block"))),
    )  # fmt: skip
