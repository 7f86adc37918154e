"""The bin: what was thrown away comes back, or is gone for ever."""

from __future__ import annotations

from agentkit_android.apps.context import Do, See
from agentkit_android.apps.gallery.app import APP, KEPT_DAYS, picture
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import do, show
from agentkit_android.screen.views import Overlay, View


@APP.screen(".Bin")
def bin_(see: See) -> View:
    rows = []
    for one in see.rows("SELECT * FROM trash ORDER BY deleted DESC, _id DESC"):
        lead = View("picture", picture=picture(see, one["kept"]), width=56, height=56, corner=8)
        days = KEPT_DAYS - (see.now - one["deleted"]) // 86400
        back = ui.icon("restart", see.t("Restore"), do("restore", id=one["_id"]))
        told = see.t("{n} days left", n=max(0, days))
        rows.append(ui.row(one["path"].rpartition("/")[2], told, lead=lead, trail=back))
    empty = ui.icon("delete-outline", see.t("Empty the bin"), show("empty"))
    none = ui.empty(see.t("The bin is empty"), "trash-can")
    return ui.page(see.t("Bin"), *(rows or [none]), actions=(empty,) if rows else ())


@APP.on("restore")
def restore(do: Do) -> None:
    one = do.row("SELECT * FROM trash WHERE _id = ?", do.arg("id"))
    if one is None:
        return
    path = str(one["path"])
    stem, _, ending = path.rpartition(".")
    more = 0
    while do.exists(path):
        more += 1
        path = f"{stem}_{more}.{ending}"
    if do.exists(one["kept"]):
        do.make_folder(path.rpartition("/")[0])
        do.rename(one["kept"], path)
    do.run("DELETE FROM trash WHERE _id = ?", one["_id"])
    do.toast(do.t("Restored"))


@APP.overlay("empty")
def ask_empty(see: See) -> Overlay:
    told = see.t("These pictures will be deleted for ever.")
    return ui.confirm(see.t("Empty the bin?"), told, see.t("Delete"), do("empty"), see.t("Cancel"))


@APP.on("empty")
def empty(do: Do) -> None:
    for one in do.rows("SELECT kept FROM trash"):
        if do.exists(one["kept"]):
            do.remove(one["kept"])
    do.run("DELETE FROM trash")
