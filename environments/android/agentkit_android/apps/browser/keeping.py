"""Tabs, bookmarks, history, downloads, settings."""

from __future__ import annotations

from agentkit_android.apps.browser.app import APP, HOME, PACKAGE, current, new_tab, open_url
from agentkit_android.apps.context import Do, See
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import do, send, show
from agentkit_android.screen.views import Overlay, View


@APP.screen(".Tabs")
def tabs(see: See) -> View:
    rows = [
        ui.row(one["title"], one["url"], tap=do("pick_tab", id=one["_id"]),
               lead=ui.icon("eye-off" if one["private"] else "web"),
               trail=ui.icon("close", see.t("Close tab {title}", title=one["title"]),
                             do("close_tab", id=one["_id"])),
               selected=one["_id"] == current(see))
        for one in see.rows("SELECT tabs._id, private, url, title FROM tabs JOIN visits ON"
                            " tab = tabs._id AND position = at ORDER BY tabs._id")
    ]  # fmt: skip
    all_ = ui.button(see.t("Close all"), do("close_all"), kind="text", resource="close_all")
    return ui.page(
        see.t("Tabs"), *(rows or [ui.empty(see.t("No open tabs"), "web")]),
        actions=(all_,) if rows else (), floating=ui.fab("plus", see.t("New tab"), do("add_tab")),
    )  # fmt: skip


@APP.on("pick_tab")
def pick_tab(do: Do) -> None:
    do.prefer("tab", do.arg("id"))
    do.finish()


@APP.on("add_tab")
def add_tab(do: Do) -> None:
    new_tab(do, do.preference("home", HOME))
    do.finish()


@APP.on("close_tab")
def close_tab(do: Do) -> None:
    do.run("DELETE FROM tabs WHERE _id = ?", do.arg("id"))
    do.run("DELETE FROM visits WHERE tab = ?", do.arg("id"))


@APP.on("close_all")
def close_all(do: Do) -> None:
    do.run("DELETE FROM tabs")
    do.run("DELETE FROM visits")


@APP.screen(".Bookmarks")
def bookmarks(see: See) -> View:
    wanted = see.text("query").strip()
    rows = [
        ui.row(one["title"], one["url"], tap=do("visit", url=one["url"]), lead=ui.icon("bookmark"),
               hold=show("bookmark", id=one["_id"]), trail=ui.icon(
                   "dots-vertical", see.t("More about {title}", title=one["title"]),
                   show("bookmark", id=one["_id"])))
        for one in see.rows("SELECT * FROM bookmarks WHERE title LIKE '%' || ?1 || '%' OR url LIKE"
                            " '%' || ?1 || '%' ORDER BY _id", wanted)
    ]  # fmt: skip
    box = ui.form(ui.field("query", hint=see.t("Search bookmarks")))
    return ui.page(see.t("Bookmarks"), *(rows or [ui.empty(see.t("No bookmarks"), "bookmark")]),
                   under=(box,))  # fmt: skip


@APP.on("visit")
def visit(do: Do) -> None:
    open_url(do, str(do.args["url"]))
    do.finish()


@APP.overlay("bookmark")
def bookmark_menu(see: See) -> Overlay:
    number = see.arg("id")
    return ui.menu(
        (see.t("Edit"), show("edit", id=number)), (see.t("Delete"), do("unmark", id=number))
    )


@APP.overlay("edit")
def edit(see: See) -> Overlay:
    one = see.row("SELECT * FROM bookmarks WHERE _id = ?", see.arg("id"))
    title, url = (one["title"], one["url"]) if one else ("", "")
    fields = ui.form(
        ui.field("title", title, label=see.t("Title")),
        ui.field("url", url, label=see.t("Web address")),
    )
    return ui.dialog(
        see.t("Edit bookmark"), fields,
        actions=(ui.cancel(see.t("Cancel")), ui.accept(see.t("Save"), do("edit"))),
    )  # fmt: skip


@APP.on("edit")
def edited(do: Do) -> None:
    one = do.row("SELECT * FROM bookmarks WHERE _id = ?", do.arg("id"))
    if one:
        title, url = do.text("title", one["title"]), do.text("url", one["url"])
        do.run("UPDATE bookmarks SET title = ?, url = ? WHERE _id = ?",
               title.strip() or url.strip(), url.strip(), one["_id"])  # fmt: skip
    do.type("title", None)
    do.type("url", None)


@APP.on("unmark")
def unmark(do: Do) -> None:
    do.run("DELETE FROM bookmarks WHERE _id = ?", do.arg("id"))
    do.toast(do.t("Bookmark removed"))


@APP.screen(".History")
def history(see: See) -> View:
    wanted = see.text("query").strip()
    rows: list[View] = []
    day = ""
    for one in see.rows("SELECT * FROM history WHERE title LIKE '%' || ?1 || '%' OR url LIKE"
                        " '%' || ?1 || '%' ORDER BY _id DESC LIMIT 300", wanted):  # fmt: skip
        if see.day(one["date"]) != day:
            day = see.day(one["date"])
            rows.append(ui.header(day))
        rows.append(
            ui.row(one["title"], f"{see.clock(one['date'])} · {one['url']}",
                   tap=do("visit", url=one["url"]), lead=ui.icon("history"),
                   trail=ui.icon("close", see.t("Remove {title}", title=one["title"]),
                                 do("forget", id=one["_id"])))
        )  # fmt: skip
    box = ui.form(ui.field("query", hint=see.t("Search history")))
    clear = ui.icon("delete-outline", see.t("Clear browsing data"), show("clear"))
    none = ui.empty(see.t("No history"), "history")
    return ui.page(see.t("History"), *(rows or [none]), under=(box,), actions=(clear,))


@APP.on("forget")
def forget(do: Do) -> None:
    do.run("DELETE FROM history WHERE _id = ?", do.arg("id"))


DATA = {"history": "Browsing history", "sites": "Cookies and site data", "tabs": "Open tabs"}


@APP.overlay("clear")
def ask_clear(see: See) -> Overlay:
    rows = (
        ui.check(see.t(name), see.get(f"clear_{key}", "1" if key != "tabs" else "0") == "1",
                 do("tick", key=key))
        for key, name in DATA.items()
    )  # fmt: skip
    return ui.dialog(
        see.t("Clear browsing data"), *rows,
        actions=(ui.cancel(see.t("Cancel")), ui.accept(see.t("Clear data"), do("clear"))),
    )  # fmt: skip


@APP.on("tick")
def tick(do: Do) -> None:
    key = f"clear_{do.args['key']}"
    on = do.get(key, "1" if key != "clear_tabs" else "0") == "1"
    do.put(key, "0" if on else "1")
    do.show("clear")


@APP.on("clear")
def clear(do: Do) -> None:
    tables = {"history": ("history",), "tabs": ("tabs", "visits"),
              "sites": ("cart", "orders", "reservations", "sent")}  # fmt: skip
    for key in DATA:
        if do.get(f"clear_{key}", "1" if key != "tabs" else "0") == "1":
            for table in tables[key]:
                do.run(f"DELETE FROM {table}")
        do.put(f"clear_{key}", None)
    do.toast(do.t("Browsing data cleared"))


@APP.screen(".Downloads")
def downloads(see: See) -> View:
    rows = []
    for one in see.rows("SELECT * FROM downloads ORDER BY _id DESC"):
        gone = "" if see.exists(one["path"]) else f" · {see.t('Deleted')}"
        view = send(intents.VIEW, f"file:///sdcard/{one['path']}", kind="text/html",
                    package=PACKAGE)  # fmt: skip
        rows.append(ui.row(one["path"].rpartition("/")[2], see.day(one["date"]) + gone,
                           tap=view, lead=ui.icon("download")))  # fmt: skip
    none = ui.empty(see.t("No downloads"), "download")
    return ui.page(see.t("Downloads"), *(rows or [none]))


@APP.screen(".Settings")
def settings(see: See) -> View:
    return ui.page(
        see.t("Settings"),
        ui.row(see.t("Home page"), see.preference("home", HOME), tap=show("home")),
        ui.row(see.t("Search engine"), "Find"),
        ui.row(see.t("Clear browsing data"), see.t("History, cookies, tabs"), tap=show("clear")),
    )  # fmt: skip


@APP.overlay("home")
def ask_home(see: See) -> Overlay:
    now = see.preference("home", HOME)
    return ui.dialog(
        see.t("Home page"), ui.form(ui.field("home", now, label=see.t("Web address"))),
        actions=(ui.cancel(see.t("Cancel")), ui.accept(see.t("Save"), do("set_home"))),
    )  # fmt: skip


@APP.on("set_home")
def set_home(do: Do) -> None:
    url = do.text("home", do.preference("home", HOME)).strip()
    do.type("home", None)
    if url:
        do.prefer("home", url if "://" in url else f"https://{url}")
