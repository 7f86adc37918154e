"""Browser: tabs, bookmarks and history over pages that the phone itself holds.

`http://HOST/…` is a page of `sites.py`; `file:///sdcard/…` one of the shared storage. There is no
way to the real internet.
"""

from __future__ import annotations

from urllib.parse import quote_plus, urljoin

from agentkit_android.apps.app import App, Filter
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.pages import Page, Part, read
from agentkit_android.apps.sites import HOME, answer
from agentkit_android.apps.strings import own
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Intent, do, go, show
from agentkit_android.screen.views import Overlay, View

PACKAGE = "com.android.browser"
SCHEMA = """
CREATE TABLE tabs (_id INTEGER PRIMARY KEY, url TEXT NOT NULL, past TEXT NOT NULL DEFAULT '');
CREATE TABLE bookmarks (_id INTEGER PRIMARY KEY, title TEXT NOT NULL, url TEXT NOT NULL UNIQUE);
CREATE TABLE history (_id INTEGER PRIMARY KEY, title TEXT NOT NULL, url TEXT NOT NULL,
at INTEGER NOT NULL);
"""
APP = App(
    PACKAGE, "Browser", "#1A73E8", icon="earth", strings=own("browser"), schema=SCHEMA,
    filters=(
        Filter(intents.VIEW, ".Open", schemes=("http", "https"), kinds=("text/html",)),
        Filter("android.intent.action.WEB_SEARCH", ".Open"),
    ),
)  # fmt: skip


@APP.begins
def begin(do: Do) -> None:
    do.prefer("tab", do.add("tabs", url=HOME))
    do.add("bookmarks", title="News", url="http://news.example/")
    do.write("Download/multiply.html", MULTIPLY)


MULTIPLY = """<html><head><title>Two numbers</title></head><body>
<h1>Two numbers</h1><p>First: 17</p><p>Second: 6</p>
<form action="http://check.example/product"><input type="hidden" name="a" value="17">
<input type="hidden" name="b" value="6"><input name="answer" placeholder="The product">
<button>Check</button></form></body></html>
"""


def load(see: See, url: str) -> Page:
    """The page of a URL: of the phone's files, or of one of its sites."""
    if url.startswith("file://"):
        content = see.read(url.removeprefix("file://").removeprefix("/storage/emulated/0"))
        if not content:
            return read(f"<title>Error</title><h1>{see.t('File not found')}</h1><p>{url}</p>")
        return read(content.decode("utf-8", "replace"))
    if see.setting("global", "wifi_on") == "0" and see.setting("global", "mobile_data") == "0":
        return read(f"<title>Offline</title><h1>{see.t('No internet')}</h1>")
    if see.setting("global", "airplane_mode_on") == "1" and see.setting("global", "wifi_on") == "0":
        return read(f"<title>Offline</title><h1>{see.t('No internet')}</h1>")
    return read(answer(url))


def _tab(see: See) -> tuple[int, str]:
    ident = int(see.preference("tab", "1"))
    return ident, str(see.one("SELECT url FROM tabs WHERE _id = ?", ident) or HOME)


def as_url(text: str) -> str:
    """What somebody typed into the address bar."""
    text = text.strip()
    if text.startswith(("http://", "https://", "file://")):
        return text
    if "." in text and " " not in text and not text.endswith("."):
        return f"http://{text}"
    return f"http://search.example/?q={quote_plus(text)}"


@APP.screen(".Main")
def main(see: See) -> View:
    _, url = _tab(see)
    page = load(see, url)
    count = see.count("SELECT count(*) FROM tabs")
    tabs = View("button", text=str(count), width=48, height=32, style="button", border="outline",
    corner=8,
                description=see.t("{count} tabs", count=count), tap=go(".Tabs"),
                resource="tab_switcher")  # fmt: skip
    box = View("field", text="" if url == HOME else url, name="url", resource="url_bar",
               hint=see.t("Search or type URL"), enter=do("go"), height=48)  # fmt: skip
    bar = View(
        "row", height=64, gap=4, padding=(4, 0, 4, 0),
        children=(ui.icon("home", see.t("Home page"), do("open", url=HOME)), box, tabs,
                  ui.more(see.t("More options"))),
    )  # fmt: skip
    parts = [_part(see, part, url, n) for n, part in enumerate(page.parts)]
    return ui.page("", *parts, bar=bar, resource="page")


def _part(see: See, part: Part, url: str, number: int) -> View:
    if part.kind == "heading":
        return ui.paragraph(part.text, style="headline")
    if part.kind == "link":
        to = urljoin(url, part.target)
        text = View("text", text=part.text, style="row", colour="primary", lines=0)
        return View("column", children=(text,), padding=(16, 14, 16, 14), tap=do("open", url=to),
                    description="", resource="link")  # fmt: skip
    if part.kind == "field":
        return ui.form(ui.field(f"web_{part.name}", part.text, hint=part.target or part.name,
                                enter=do("submit", form=part.form)))  # fmt: skip
    if part.kind == "button":
        return ui.buttons(ui.button(part.text, do("submit", form=part.form), resource="submit"))
    if part.kind == "item":
        return ui.paragraph(f"•  {part.text}", style="row")
    return ui.paragraph(part.text, style="row")


def _visit(do: Do, url: str) -> None:
    ident, old = _tab(do)
    page = load(do, url)
    do.run("UPDATE tabs SET url = ?, past = past || ? WHERE _id = ?", url, f"{old}\n", ident)
    do.add("history", title=page.title or url, url=url, at=do.now)
    for field in list(do.fields()):
        do.type(field, None)
    do.unscroll("page")


@APP.on("open")
def open_(do: Do) -> None:
    _visit(do, str(do.args["url"]))


@APP.on("go")
def go_(do: Do) -> None:
    text = do.text("url")
    if text.strip():
        _visit(do, as_url(text))


@APP.on("submit")
def submit(do: Do) -> None:
    _, url = _tab(do)
    page, form = load(do, url), do.arg("form")
    values = [
        (p.name, do.text(f"web_{p.name}", p.text) if p.kind == "field" else p.text)
        for p in (*page.parts, *page.hidden)
        if p.form == form and p.kind in ("field", "hidden")
    ]
    target = urljoin(url, page.actions[form])
    query = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in values)
    _visit(do, f"{target}{'&' if '?' in target else '?'}{query}")


@APP.back(".Main")
def back(do: Do) -> None:
    """To the page before; from the first one out of the browser."""
    ident, _ = _tab(do)
    past = str(do.one("SELECT past FROM tabs WHERE _id = ?", ident) or "").splitlines()
    if not past:
        return do.finish()
    rest = "".join(f"{line}\n" for line in past[:-1])
    do.run("UPDATE tabs SET url = ?, past = ? WHERE _id = ?", past[-1], rest, ident)
    return do.type("url", None)


@APP.overlay("menu")
def menu(see: See) -> Overlay:
    _, url = _tab(see)
    kept = see.one("SELECT 1 FROM bookmarks WHERE url = ?", url)
    return ui.menu(
        (see.t("New tab"), do("new_tab")),
        (see.t("Remove bookmark" if kept else "Add bookmark"), do("bookmark")),
        (see.t("Bookmarks"), go(".Bookmarks")), (see.t("History"), go(".History")),
        (see.t("Share"), do("share")), (see.t("Reload"), do("reload")),
    )  # fmt: skip


@APP.on("reload")
def reload(do: Do) -> None:
    do.unscroll("page")


@APP.on("new_tab")
def new_tab(do: Do) -> None:
    do.prefer("tab", do.add("tabs", url=HOME))


@APP.on("bookmark")
def bookmark(do: Do) -> None:
    _, url = _tab(do)
    if do.run("DELETE FROM bookmarks WHERE url = ?", url):
        return do.toast(do.t("Bookmark removed"))
    do.add("bookmarks", title=load(do, url).title or url, url=url)
    return do.toast(do.t("Bookmark added"))


@APP.on("share")
def share(do: Do) -> None:
    do.send(Intent(intents.SEND, kind="text/plain", extras=(("text", _tab(do)[1]),)))


@APP.screen(".Tabs")
def tabs(see: See) -> View:
    now, _ = _tab(see)
    rows = [
        ui.row(load(see, r["url"]).title or r["url"], r["url"], tap=do("switch", id=r["_id"]),
               selected=r["_id"] == now, lead=ui.icon("earth"),
               trail=ui.icon("close", see.t("Close tab"), do("close_tab", id=r["_id"])))
        for r in see.rows("SELECT * FROM tabs ORDER BY _id")
    ]  # fmt: skip
    return ui.page(see.t("Tabs"), *rows, floating=ui.fab("plus", see.t("New tab"), do("add_tab")))


@APP.on("switch")
def switch(do: Do) -> None:
    do.prefer("tab", do.arg("id"))
    do.finish()


@APP.on("add_tab")
def add_tab(do: Do) -> None:
    new_tab(do)
    do.finish()


@APP.on("close_tab")
def close_tab(do: Do) -> None:
    do.run("DELETE FROM tabs WHERE _id = ?", do.arg("id"))
    last = do.one("SELECT max(_id) FROM tabs")
    if last is None:
        last = do.add("tabs", url=HOME)
    if do.preference("tab") == str(do.arg("id")):
        do.prefer("tab", last)


@APP.screen(".Bookmarks")
def bookmarks(see: See) -> View:
    rows = [
        ui.row(r["title"], r["url"], tap=do("leave_to", url=r["url"]), lead=ui.icon("bookmark"),
               trail=ui.icon("delete-outline", f"{see.t('Delete')} {r['title']}", do("unmark",
               id=r["_id"])))
        for r in see.rows("SELECT * FROM bookmarks ORDER BY title COLLATE NOCASE")
    ]  # fmt: skip
    return ui.page(see.t("Bookmarks"), *(rows or [ui.empty(see.t("No bookmarks"), "bookmark")]))


@APP.on("unmark")
def unmark(do: Do) -> None:
    do.run("DELETE FROM bookmarks WHERE _id = ?", do.arg("id"))


@APP.on("leave_to")
def leave_to(do: Do) -> None:
    _visit(do, str(do.args["url"]))
    do.finish()


@APP.screen(".History")
def history(see: See) -> View:
    rows = [
        ui.row(
            r["title"],
            r["url"],
            tap=do("leave_to", url=r["url"]),
            trail=ui.aside(see.clock(r["at"])),
        )
        for r in see.rows("SELECT * FROM history ORDER BY _id DESC LIMIT 200")
    ]
    clear = (ui.icon("delete-outline", see.t("Clear history"), show("clear")),) if rows else ()
    none = [ui.empty(see.t("No history"), "history")]
    return ui.page(see.t("History"), *(rows or none), actions=clear)


@APP.overlay("clear")
def ask_clear(see: See) -> Overlay:
    return ui.confirm(see.t("Clear history?"), "", see.t("Clear"), do("clear"), see.t("Cancel"))


@APP.on("clear")
def clear(do: Do) -> None:
    do.run("DELETE FROM history")


@APP.screen(".Open")
def open_from_outside(see: See) -> View:
    url = str(see.args.get("data") or as_url(str(see.args.get("query", ""))))
    show_it = ui.button(see.t("Open"), do("leave_to_new", url=url), icon="open-in-new")
    return ui.page(see.t("Browser"), ui.row(url, see.t("Open this page?")), ui.buttons(show_it))


@APP.on("leave_to_new")
def leave_to_new(do: Do) -> None:
    new_tab(do)
    _visit(do, str(do.args["url"]))
    do.finish()
    do.send(Intent(package=PACKAGE))
