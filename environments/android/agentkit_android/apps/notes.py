"""Notes: Markdown and text files in folders of the shared storage, as Markor keeps them."""

from __future__ import annotations

import re

from agentkit_android.apps.app import App, Filter
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.strings import own
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Intent, do, go, put, show
from agentkit_android.screen.views import Overlay, View

PACKAGE = "com.example.notes"
ROOT = "Documents/Notes"
APP = App(
    PACKAGE, "Notes", "#8C4A00", icon="note-text", strings=own("notes"),
    filters=(
        Filter(intents.SEND, ".Shared", kinds=("text/",)),
        Filter(intents.VIEW, ".Edit", kinds=("text/plain", "text/markdown"), schemes=("file",)),
    ),
)  # fmt: skip
BEGUN = {
    "shopping.md": "# Shopping\n\n- [ ] Oat milk\n- [ ] Rye bread\n- [x] Coffee beans\n",
    "meeting 2023-10-12.md": "# Meeting\n\nPresent: Grace, Hugo\n\n- budget is **1,240** EUR\n",
    "ideas.txt": "A garden diary\nA map of quiet places\n",
    "Travel/packing.md": "# Packing\n\n1. Passport\n2. Charger\n3. Rain jacket\n",
    "Work/todo.md": "# To do\n\n- [ ] Call the printer\n- [ ] Send the invoice\n",
}
BAD = re.compile(r'[/\\:*?"<>|\0]')


@APP.begins
def begin(do: Do) -> None:
    for name, text in BEGUN.items():
        do.write(f"{ROOT}/{name}", text)


def _folder(see: See) -> str:
    return str(see.args.get("folder", ROOT))


@APP.screen(".Main")
def main(see: See) -> View:
    folder, wanted = _folder(see), see.text("query").strip().casefold()
    if wanted:
        listed = [(p, False, s, w) for p, s, w in see.walk(folder) if _matches(see, p, wanted)]
    else:
        listed = [(f"{folder}/{n}", f, s, w) for n, f, s, w in see.files(folder)]
    sort = see.preference("sort", "name")
    listed.sort(key=lambda row: -row[3] if sort == "date" else 0)
    listed.sort(key=lambda row: not row[1])
    rows = []
    for path, is_folder, size, when in listed:
        name = path.rpartition("/")[2]
        if is_folder:
            many = len(see.files(path))
            told = see.t("1 item") if many == 1 else see.t("{count} items", count=many)
            tap, mark = go(".Main", folder=path), ui.badge("folder", "#5F6368")
        else:
            told = f"{see.day(when, weekday=False)} · {see.t('{size} bytes', size=size)}"
            tap, mark = go(".Edit", path=path), ui.badge("file-document", "#8C4A00")
        rows.append(ui.row(name, told, tap=tap, hold=show("file", path=path), lead=mark))
    box = ui.form(ui.field("query", hint=see.t("Search notes")))
    title = see.t("Notes") if folder == ROOT else folder.rpartition("/")[2]
    make = ui.icon("folder-plus", see.t("New folder"), show("new_folder"))
    return ui.page(
        title, *(rows or [ui.empty(see.t("Nothing here"), "note-text")]), up=folder != ROOT,
        under=(box,), actions=(make, ui.more(see.t("More options"))),
        floating=ui.fab("plus", see.t("New note"), show("new")),
    )  # fmt: skip


def _matches(see: See, path: str, wanted: str) -> bool:
    text = see.read(path).decode("utf-8", "replace")
    return wanted in path.casefold() or wanted in text.casefold()


@APP.overlay("menu")
def menu(see: See) -> Overlay:
    sort = see.preference("sort", "name")
    return ui.menu(
        (see.t("Sort by name"), do("sort", by="name"), sort == "name"),
        (see.t("Sort by date"), do("sort", by="date"), sort == "date"),
    )


@APP.on("sort")
def sort(do: Do) -> None:
    do.prefer("sort", str(do.args["by"]))


@APP.overlay("new")
def new(see: See) -> Overlay:
    kind = see.get("kind", "md")
    chips = ui.chips(
        ui.chip("Markdown (.md)", put("kind", "md"), selected=kind == "md"),
        ui.chip(see.t("Plain text (.txt)"), put("kind", "txt"), selected=kind == "txt"),
    )
    return ui.dialog(
        see.t("New note"), ui.form(ui.field("new_name", hint=see.t("Name"))), chips,
        actions=(ui.cancel(see.t("Cancel")), ui.accept(see.t("Create"), do("create"))),
    )  # fmt: skip


def _name(do: Do, field: str) -> str:
    """What was typed as a name; "" where it is none, which is told."""
    name = do.text(field).strip()
    do.type(field, None)
    if not name or BAD.search(name) or name in (".", ".."):
        do.toast(do.t("This is not a valid name"))
        return ""
    return name


@APP.on("create")
def create(do: Do) -> None:
    name = _name(do, "new_name")
    if not name:
        return
    ending = f".{do.get('kind', 'md')}"
    path = f"{_folder(do)}/{name if name.endswith(('.md', '.txt')) else name + ending}"
    if do.exists(path):
        do.toast(do.t("There is already a file of this name"))
        return
    do.write(path, str(do.args.get("text", "")))
    do.go(".Edit", path=path)


@APP.overlay("new_folder")
def new_folder(see: See) -> Overlay:
    return ui.dialog(
        see.t("New folder"), ui.form(ui.field("folder_name", hint=see.t("Name"))),
        actions=(ui.cancel(see.t("Cancel")), ui.accept(see.t("Create"), do("make_folder"))),
    )  # fmt: skip


@APP.on("make_folder")
def make_folder(do: Do) -> None:
    if name := _name(do, "folder_name"):
        do.make_folder(f"{_folder(do)}/{name}")


@APP.overlay("file")
def file(see: See) -> Overlay:
    return ui.menu(
        (see.t("Rename"), show("rename")), (see.t("Move"), show("move")),
        (see.t("Share"), do("share")), (see.t("Delete"), show("delete")),
    )  # fmt: skip


@APP.overlay("rename")
def rename(see: See) -> Overlay:
    name = str(see.args["path"]).rpartition("/")[2]
    return ui.dialog(
        see.t("Rename"), ui.form(ui.field("rename", name)),
        actions=(ui.cancel(see.t("Cancel")), ui.accept(see.t("Rename"), do("rename"))),
    )  # fmt: skip


@APP.on("rename")
def renamed(do: Do) -> None:
    old = str(do.args["path"])
    folder, _, was = old.rpartition("/")
    if not do.text("rename").strip():
        do.type("rename", was)
    if name := _name(do, "rename"):
        _moved(do, old, f"{folder}/{name}")


def _moved(do: Do, old: str, new: str) -> None:
    if new != old and do.exists(new):
        do.toast(do.t("There is already a file of this name"))
    elif new != old:
        do.rename(old, new)


def folders(see: See, start: str = ROOT) -> list[str]:
    found = [start]
    for name, is_folder, _, _ in see.files(start):
        if is_folder:
            found += folders(see, f"{start}/{name}")
    return found


@APP.overlay("move")
def move(see: See) -> Overlay:
    path = str(see.args["path"])
    rows = [
        ui.row(f.removeprefix(ROOT).lstrip("/") or see.t("Notes"), lead=ui.icon("folder"),
               tap=do("move", path=path, to=f))
        for f in folders(see)
        if not f.startswith(path) and f != path.rpartition("/")[0]
    ]  # fmt: skip
    return ui.dialog(see.t("Move to"), *rows, actions=(ui.cancel(see.t("Cancel")),))


@APP.on("move")
def moved(do: Do) -> None:
    old, to = str(do.args["path"]), str(do.args["to"])
    _moved(do, old, f"{to}/{old.rpartition('/')[2]}")


@APP.overlay("delete")
def ask(see: See) -> Overlay:
    name = str(see.args["path"]).rpartition("/")[2]
    return ui.confirm(see.t("Delete?"), name, see.t("Delete"), do("delete"), see.t("Cancel"))


@APP.on("delete")
def delete(do: Do) -> None:
    do.remove(str(do.args["path"]))
    do.toast(do.t("Deleted"))
    if do.args.get("inside"):
        do.finish()


@APP.on("share")
def share(do: Do) -> None:
    text = do.text("text", _content(do))
    do.send(Intent(intents.SEND, kind="text/plain", extras=(("text", text),)))


def _path(see: See) -> str:
    data = str(see.args.get("data", ""))
    return data.removeprefix("file://") if data else str(see.args.get("path", ""))


def _content(see: See) -> str:
    return see.read(_path(see)).decode("utf-8", "replace")


@APP.screen(".Edit")
def edit(see: See) -> View:
    path, reading = _path(see), see.get("view") == "read"
    text = see.text("text", _content(see))
    actions = (
        ui.icon("pencil" if reading else "eye", see.t("Edit" if reading else "Preview"),
                put("view", "edit" if reading else "read")),
        ui.icon("content-save", see.t("Save"), do("save", path=path)),
        ui.icon("dots-vertical", see.t("More options"), show("file", path=path, inside=True)),
    )  # fmt: skip
    body: list[View] = _markdown(text) if reading else []
    if not reading:
        body = [ui.form(ui.field("text", text, hint=see.t("Write something"), multiline=True))]
    return ui.page(path.rpartition("/")[2], *body, actions=actions)


def _markdown(text: str) -> list[View]:
    """Headings, list items, boxes; the marks of bold and italic are left out."""
    found = []
    for line in text.splitlines():
        plain = re.sub(r"(\*\*|__|`)(.+?)\1", r"\2", line)
        if head := re.match(r"(#{1,6})\s+(.*)", plain):
            style = "headline" if len(head[1]) == 1 else "title"
            found.append(ui.paragraph(head[2], style=style))
        elif box := re.match(r"\s*[-*] \[([ xX])\]\s*(.*)", plain):
            mark = "checkbox-marked" if box[1] != " " else "checkbox-blank-outline"
            found.append(ui.row(box[2], lead=ui.icon(mark), height=40))
        elif item := re.match(r"\s*[-*+]\s+(.*)", plain):
            found.append(ui.paragraph(f"•  {item[1]}", style="row"))
        elif plain.strip():
            found.append(ui.paragraph(plain, style="row"))
    return found


@APP.on("save")
def save(do: Do) -> None:
    do.write(str(do.args["path"]), do.text("text", _content(do)))
    do.toast(do.t("Saved"))


@APP.back(".Edit")
def leave(do: Do) -> None:
    """What was written is saved when one leaves, as Markor does."""
    if do.text("text", "\0") != "\0":
        do.write(_path(do), do.text("text"))
    do.finish()


@APP.screen(".Shared")
def shared(see: See) -> View:
    text = str(see.args.get("text", ""))
    return ui.page(
        see.t("Save as a note"), ui.form(ui.field("new_name", hint=see.t("Name"))),
        ui.paragraph(text), ui.buttons(ui.button(see.t("Save"), do("keep"))),
    )  # fmt: skip


@APP.on("keep")
def keep(do: Do) -> None:
    name = _name(do, "new_name")
    if name:
        path = f"{ROOT}/{name if name.endswith(('.md', '.txt')) else name + '.md'}"
        do.write(path, str(do.args.get("text", "")))
        do.toast(do.t("Saved"))
        do.finish()
