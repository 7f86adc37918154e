"""Files: the shared storage, with copy, move, rename, delete, search, and a picker for others."""

from __future__ import annotations

import mimetypes

from agentkit_android.apps.app import App, Filter
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.strings import own
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Intent, do, go, put, show
from agentkit_android.screen.views import Overlay, View

PACKAGE = "com.android.documentsui"
PICKING = ("android.intent.action.GET_CONTENT", "android.intent.action.OPEN_DOCUMENT")
APP = App(
    PACKAGE, "Files", "#137333", icon="folder", strings=own("files"),
    filters=tuple(Filter(action, ".Main", kinds=("",), schemes=("",)) for action in PICKING),
)  # fmt: skip
SORTS = {"name": "Name", "date": "Date", "size": "Size"}
ICONS = (("image/", "file-image"), ("audio/", "file-music"), ("text/", "file-document"))
BEGUN = {
    "Download/invoice_0417.txt": "Invoice 0417\nTotal: 129.90 EUR\nDue: 2023-11-01\n",
    "Download/boarding-pass.txt": "Flight AK 204, seat 14C, gate B7, 2023-10-21 08:45\n",
    "Download/recipes.csv": "title,minutes\nLentil soup,35\nFlat bread,50\n",
    "Documents/cv_draft.txt": "Curriculum vitae\nDraft 3\n",
    "Documents/garden plan.txt": "Beds: beans, kale, leek\n",
    "Documents/Archive/2022 taxes.txt": "Refund 312.40\n",
}


@APP.begins
def begin(do: Do) -> None:
    for path, text in BEGUN.items():
        do.write(path, text)


def kind_of(name: str) -> str:
    if name.endswith(".md"):
        return "text/markdown"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def told_size(size: int) -> str:
    return f"{size} B" if size < 1024 else f"{size / 1024:.1f} kB"


def _folder(see: See) -> str:
    return str(see.args.get("folder", ""))


def _marked(see: See) -> list[str]:
    return [p for p in see.get("marked").split("\0") if p]


@APP.screen(".Main")
def main(see: See) -> View:
    folder, wanted = _folder(see), see.text("query").strip().casefold()
    marked, held = _marked(see), see.preference("held")
    listed = [(f"{folder}/{n}".lstrip("/"), f, s, w) for n, f, s, w in see.files(folder)]
    if wanted:
        listed = [(p, False, s, w) for p, s, w in see.walk(folder) if wanted in p.casefold()]
    sort = see.preference("sort", "name")
    key = {"name": lambda r: r[0].casefold(), "date": lambda r: -r[3], "size": lambda r: -r[2]}[
        sort
    ]
    listed.sort(key=key)
    listed.sort(key=lambda r: not r[1])
    rows = [
        _row(see, *row, marked) for row in listed if not row[0].rpartition("/")[2].startswith(".")
    ]
    title = folder.rpartition("/")[2] or see.t("Files")
    if _picking(see):
        title = see.t("Choose a file")
    under: list[View] = [ui.form(ui.field("query", hint=see.t("Search files")))]
    bottom: list[View] = []
    if held and not _picking(see):
        how = see.t("Move here" if see.preference("how") == "move" else "Copy here")
        bottom = [_bar(ui.button(see.t("Cancel"), do("let_go"), kind="text"),
                       ui.button(how, do("put_here", folder=folder),
                       icon="content-paste"))]  # fmt: skip
    actions = (ui.icon("folder-plus", see.t("New folder"), show("new_folder")),
               ui.more(see.t("More options")))  # fmt: skip
    bar = None
    if marked:
        bar = _marked_bar(see, marked)
    empty = [ui.empty(see.t("No items"), "folder-open")]
    return ui.page(title, *(rows or empty), up=bool(folder), under=under, bottom=bottom,
                   actions=actions, bar=bar, resource="dir_list")  # fmt: skip


def _picking(see: See) -> bool:
    return see.args.get("action") in PICKING


def _bar(*parts: View) -> View:
    return View("row", children=(ui.space(None), *parts), padding=(16, 8, 16, 8), gap=8,
                fill="surface-container")  # fmt: skip


def _marked_bar(see: See, marked: list[str]) -> View:
    head = (ui.icon("close", see.t("Clear selection"), put("marked", "")),
            ui.text(see.t("{count} selected", count=len(marked)), "title",
            resource="toolbar_title"))  # fmt: skip
    one = (ui.icon("pencil", see.t("Rename"), show("rename", path=marked[0])),)
    tools = (
        ui.icon("content-copy", see.t("Copy"), do("hold", how="copy")),
        ui.icon("folder-move", see.t("Move"), do("hold", how="move")),
        ui.icon("delete-outline", see.t("Delete"), show("delete")),
    )
    return View("row", children=(*head, *(one if len(marked) == 1 else ()), *tools), height=64,
                padding=(4, 0, 4, 0), fill="secondary-container")  # fmt: skip


def _row(see: See, path: str, folder: bool, size: int, when: int, marked: list[str]) -> View:
    name = path.rpartition("/")[2]
    mark = do("mark", path=path)
    if folder:
        many, icon = len(see.files(path)), "folder"
        told = see.t("1 item") if many == 1 else see.t("{count} items", count=many)
        args = {k: v for k, v in see.args.items() if k == "action"}
        tap = go(".Main", folder=path, **args)
    else:
        told = f"{see.day(when, year=True, weekday=False)} · {told_size(size)}"
        icon = next((i for k, i in ICONS if kind_of(name).startswith(k)), "file-outline")
        tap = do("pick", path=path) if _picking(see) else do("open", path=path)
    return ui.row(name, told, tap=mark if marked else tap, hold=mark, selected=path in marked,
                  lead=ui.badge(icon, "#5F6368" if folder else "#137333"))  # fmt: skip


@APP.on("mark")
def mark(do: Do) -> None:
    path, marked = str(do.args["path"]), _marked(do)
    changed = [p for p in marked if p != path] if path in marked else [*marked, path]
    do.put("marked", "\0".join(changed))


@APP.back(".Main")
def back(do: Do) -> None:
    if _marked(do):
        do.put("marked", "")
    else:
        do.finish()


@APP.on("open")
def open_(do: Do) -> None:
    path = str(do.args["path"])
    data = f"file:///sdcard/{path}"
    do.send(Intent(intents.VIEW, data, kind_of(path)))


@APP.on("pick")
def pick(do: Do) -> None:
    """Back through the folders that were opened on the way, to who asked."""
    depth = _folder(do).count("/") + 1 if _folder(do) else 0
    for _ in range(depth):
        do.finish()
    do.finish(path=str(do.args["path"]))


@APP.overlay("menu")
def menu(see: See) -> Overlay:
    now = see.preference("sort", "name")
    items = [
        (see.t("Sort by {name}", name=see.t(name)), do("sort", by=key), key == now)
        for key, name in SORTS.items()
    ]
    return ui.menu(*items)


@APP.on("sort")
def sort(do: Do) -> None:
    do.prefer("sort", str(do.args["by"]))


@APP.overlay("new_folder")
def new_folder(see: See) -> Overlay:
    return ui.dialog(
        see.t("New folder"), ui.form(ui.field("name", hint=see.t("Name"))),
        actions=(ui.cancel(see.t("Cancel")), ui.accept(see.t("OK"), do("make"))),
    )  # fmt: skip


def _good(do: Do, field: str, default: str = "") -> str:
    name = do.text(field, default).strip()
    do.type(field, None)
    if not name or "/" in name or name in (".", "..") or len(name.encode()) > 255:
        do.toast(do.t("This is not a valid name"))
        return ""
    return name


@APP.on("make")
def make(do: Do) -> None:
    if name := _good(do, "name"):
        do.make_folder(f"{_folder(do)}/{name}")


@APP.overlay("rename")
def rename(see: See) -> Overlay:
    name = str(see.args["path"]).rpartition("/")[2]
    return ui.dialog(
        see.t("Rename"), ui.form(ui.field("rename", name)),
        actions=(ui.cancel(see.t("Cancel")), ui.accept(see.t("OK"), do("rename"))),
    )  # fmt: skip


@APP.on("rename")
def renamed(do: Do) -> None:
    old = str(do.args["path"])
    folder, _, was = old.rpartition("/")
    name = _good(do, "rename", was)
    if name and name != was:
        if do.exists(f"{folder}/{name}"):
            do.toast(do.t("There is already a file of this name"))
        else:
            do.rename(old, f"{folder}/{name}")
    do.put("marked", "")


@APP.overlay("delete")
def ask(see: See) -> Overlay:
    names = ", ".join(p.rpartition("/")[2] for p in _marked(see))
    return ui.confirm(see.t("Delete?"), names, see.t("Delete"), do("delete"), see.t("Cancel"))


@APP.on("delete")
def delete(do: Do) -> None:
    for path in _marked(do):
        do.remove(path)
    do.put("marked", "")
    do.toast(do.t("Deleted"))


@APP.on("hold")
def hold(do: Do) -> None:
    do.prefer("held", "\0".join(_marked(do)))
    do.prefer("how", str(do.args["how"]))
    do.put("marked", "")


@APP.on("let_go")
def let_go(do: Do) -> None:
    do.prefer("held", "")


def free_name(see: See, path: str) -> str:
    """The path, or with a number behind its name where that is taken."""
    folder, _, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".") if "." in name[1:] else (name, "", "")
    number = 1
    while see.exists(path):
        path = f"{folder}/{stem} ({number}){dot}{ending}"
        number += 1
    return path


@APP.on("put_here")
def put_here(do: Do) -> None:
    folder = str(do.args["folder"])
    for old in filter(None, do.preference("held").split("\0")):
        if not do.exists(old) or f"{folder}/".startswith(f"{old}/"):
            continue
        new = f"{folder}/{old.rpartition('/')[2]}".lstrip("/")
        if do.preference("how") == "move":
            if new != old:
                do.rename(old, free_name(do, new))
        else:
            _copy(do, old, free_name(do, new))
    do.prefer("held", "")


def _copy(do: Do, old: str, new: str) -> None:
    inside = do.files(old)
    if not inside and do.read(old):
        do.write(new, do.read(old))
    elif inside:
        do.make_folder(new)
        for name, *_ in inside:
            _copy(do, f"{old}/{name}", f"{new}/{name}")
    else:
        do.write(new, b"")
