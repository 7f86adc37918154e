"""A page on the screen: its text, links, pictures and forms."""

from __future__ import annotations

from agentkit_android.apps import media
from agentkit_android.apps.browser import sites
from agentkit_android.apps.browser.app import (
    APP,
    HOME,
    absolute,
    address,
    current,
    is_private,
    move,
    new_tab,
    open_url,
    url_of,
)
from agentkit_android.apps.browser.reader import Block, Page
from agentkit_android.apps.context import Do, See
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Intent, do, go, show
from agentkit_android.screen.views import Overlay, View


@APP.opened(".Main")
def opened(do: Do) -> None:
    url = str(do.args.get("data") or "")
    if not url and do.args.get("query"):
        url = address(do, str(do.args["query"]))
    if url:
        return new_tab(do, url)
    if not current(do):
        new_tab(do, do.preference("home", HOME))
    return None


@APP.screen(".Main")
def main(see: See) -> View:
    url = url_of(see)
    page = sites.page(see, url)
    tabs = see.count("SELECT count(*) FROM tabs")
    box = View("field", text=url, name="url_bar", resource="url_bar", enter=do("go"),
               hint=see.t("Search or type a web address"))  # fmt: skip
    count = View(
        "button", text=str(tabs), description=see.t("{n} open tabs", n=tabs), width=32, height=32,
        corner=8, border="on-surface-variant", style="label", tap=go(".Tabs"), padding=(8, 0, 8, 0),
        resource="tab_switcher_button",
    )  # fmt: skip
    home = ui.icon("home-variant", see.t("Home"), do("home"))
    fill = "surface-container-high" if is_private(see) else "surface"
    bar = View("row", height=72, padding=(4, 8, 0, 8), gap=4, fill=fill,
               children=(home, box, count, ui.more(see.t("More options"))))  # fmt: skip
    rows = [_block(see, page, n, b) for n, b in enumerate(page.blocks) if b.kind != "hidden"]
    if is_private(see):
        rows.insert(0, ui.paragraph(see.t("Private: this tab is not kept in the history.")))
    room = ui.space(height=24)
    body = View("list", children=(*rows, room), resource="page", description=page.title)
    return View("column", children=(bar, body), fill="surface")


def field_name(block: Block) -> str:
    return f"field_{block.form}_{block.name}"


def _block(see: See, page: Page, number: int, one: Block) -> View:
    if one.kind == "heading":
        style = "headline" if one.level == 1 else "title" if one.level == 2 else "subtitle"
        text = ui.text(one.text, style, lines=0, resource="heading")
        return View("column", children=(text,), padding=(16, 12, 16, 4))
    if one.kind == "item":
        dot = View("text", text="•", width=16, style="row", height=24)
        told = ui.text(one.text, "row", lines=0)
        return View("row", children=(dot, told), padding=(16, 4, 16, 4))
    if one.kind == "link":
        text = View("text", text=one.text, style="row", colour="primary", lines=0)
        return View(
            "column", children=(text,), padding=(16, 12, 16, 12), resource="link",
            tap=do("link", href=one.href), hold=show("link", href=one.href),
        )  # fmt: skip
    if one.kind == "rule":
        return View("column", children=(ui.divider(),), padding=(0, 12, 0, 12))
    if one.kind == "cells":
        cells = tuple(ui.text(cell, "body", lines=2) for cell in one.cells)
        return View("row", children=cells, padding=(16, 6, 16, 6), gap=8)
    if one.kind == "image":
        content = see.read(media.path_of(absolute(see, one.href)))
        return View("column", padding=(16, 8, 16, 8), children=(
            View("picture", picture=content, height=240, whole=True, description=one.text
                 or see.t("Picture")),))  # fmt: skip
    if one.form and one.kind != "text":
        return _field(see, number, one)
    return ui.paragraph(one.text, style="row")


def _field(see: See, number: int, one: Block) -> View:
    name = field_name(one)
    if one.kind == "submit":
        button = ui.button(one.text or see.t("Submit"), do("submit", block=number))
        return View("row", children=(button, ui.space(None)), padding=(16, 8, 16, 8))
    if one.kind == "check":
        on = see.get(name, "1" if one.checked else "0") == "1"
        return ui.check(one.text or one.name, on, do("check", name=name, on=not on))
    if one.kind == "radio":
        chosen = see.get(name, one.value if one.checked else "")
        return ui.choice(one.text or one.value, chosen == one.value,
                         do("choose", name=name, value=one.value))  # fmt: skip
    if one.kind == "select":
        now = see.get(name, one.value)
        told = next((text for value, text in one.options if value == now), now)
        return ui.pick(one.text or one.name, told, show("select", block=number))
    box = ui.field(
        name, one.value, label=one.text or one.name, multiline=one.kind == "area",
        password=one.kind == "password", enter=None if one.kind == "area" else
        do("submit", block=number),
    )  # fmt: skip
    return ui.form(box)


@APP.on("go")
def go_to(do: Do) -> None:
    open_url(do, address(do, do.text("url_bar", url_of(do))))


@APP.on("home")
def home(do: Do) -> None:
    open_url(do, do.preference("home", HOME))


@APP.on("link")
def link(do: Do) -> None:
    url = absolute(do, str(do.args["href"]))
    if do.args.get("tab"):
        return new_tab(do, url, private=is_private(do))
    return open_url(do, url)


@APP.back(".Main")
def back(do: Do) -> None:
    if not move(do, -1):
        do.finish()


@APP.on("forward")
def forward(do: Do) -> None:
    if not move(do, 1):
        do.toast(do.t("There is no next page"))


@APP.on("check")
def check(do: Do) -> None:
    do.put(str(do.args["name"]), "1" if do.args["on"] else "0")


@APP.on("choose")
def choose(do: Do) -> None:
    do.put(str(do.args["name"]), do.args["value"])


@APP.overlay("select")
def select(see: See) -> Overlay:
    blocks = sites.page(see, url_of(see)).blocks
    one = blocks[see.arg("block")] if see.arg("block") < len(blocks) else Block("select")
    act = do("choose", name=field_name(one))
    return ui.options(
        one.text or one.name, act, one.options, see.get(field_name(one), one.value), see.t("Cancel")
    )


@APP.on("submit")
def submit(do: Do) -> None:
    """args: block, the number of the button, or of the field that enter was pressed in."""
    url = url_of(do)
    page = sites.page(do, url)
    pressed = page.blocks[do.arg("block")] if do.arg("block") < len(page.blocks) else None
    if pressed is None or not 0 < pressed.form <= len(page.forms):
        return
    values: dict[str, str] = {}
    for one in page.fields(pressed.form):
        name = field_name(one)
        if one.kind == "check":
            if do.get(name, "1" if one.checked else "0") == "1":
                values[one.name] = one.value or "on"
        elif one.kind == "radio":
            chosen = do.get(name, one.value if one.checked else "")
            if chosen == one.value:
                values[one.name] = one.value
        elif one.kind == "select":
            values[one.name] = do.get(name, one.value)
        elif one.kind == "submit":
            if one is pressed:
                values[one.name] = one.value
        else:
            values[one.name] = do.text(name, one.value)
    form = page.forms[pressed.form - 1]
    open_url(do, sites.submitted(do, url, form.action, form.post, values))


@APP.overlay("link")
def link_menu(see: See) -> Overlay:
    href = see.args.get("href")
    return ui.menu(
        (see.t("Open in new tab"), do("link", href=href, tab=True)),
        (see.t("Copy link"), do("copy", href=href)),
        (see.t("Share link"), do("share", href=href)),
    )


@APP.on("copy")
def copy(do: Do) -> None:
    do.copy(absolute(do, str(do.args.get("href", ""))))
    do.toast(do.t("Copied"))


@APP.on("share")
def share(do: Do) -> None:
    url = absolute(do, str(do.args.get("href", "")))
    do.send(Intent(intents.SEND, kind="text/plain", extras=(("text", url),)))


@APP.overlay("menu")
def menu(see: See) -> Overlay:
    held = see.row("SELECT * FROM bookmarks WHERE url = ?", url_of(see)) is not None
    return ui.menu(
        (see.t("New tab"), do("new_tab")), (see.t("New private tab"), do("new_tab", private=True)),
        (see.t("Forward"), do("forward")),
        (see.t("Remove bookmark" if held else "Add bookmark"), do("bookmark")),
        (see.t("Bookmarks"), go(".Bookmarks")), (see.t("History"), go(".History")),
        (see.t("Downloads"), go(".Downloads")), (see.t("Save page"), do("save")),
        (see.t("Copy link"), do("copy", href="")), (see.t("Share"), do("share", href="")),
        (see.t("Settings"), go(".Settings")),
    )  # fmt: skip


@APP.on("new_tab")
def open_tab(do: Do) -> None:
    home = do.preference("home", HOME)
    new_tab(do, home, private=bool(do.args.get("private")))


@APP.on("bookmark")
def bookmark(do: Do) -> None:
    url = url_of(do)
    if do.run("DELETE FROM bookmarks WHERE url = ?", url):
        return do.toast(do.t("Bookmark removed"))
    title = sites.page(do, url).title or url
    do.run("INSERT INTO bookmarks (url, title) VALUES (?, ?)", url, title)
    return do.toast(do.t("Bookmark added"))


@APP.on("save")
def save(do: Do) -> None:
    """The text of the page as a file in Download."""
    url = url_of(do)
    page = sites.page(do, url)
    stem = "".join(c if c.isalnum() or c in " -_" else "_" for c in page.title).strip() or "page"
    path, more = f"Download/{stem[:80]}.txt", 0
    while do.exists(path):
        more += 1
        path = f"Download/{stem[:80]}_{more}.txt"
    lines = [" | ".join(b.cells) if b.kind == "cells" else b.text for b in page.blocks]
    try:
        do.write(path, "\n".join(line for line in lines if line) + "\n")
    except OSError as error:
        return do.toast(do.t("Not saved: {why}", why=error.strerror))
    do.run("INSERT INTO downloads (url, path, date) VALUES (?, ?, ?)", url, path, do.now)
    return do.toast(do.t("Saved to {path}", path=path))
