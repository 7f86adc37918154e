"""The search: by name, kind or address, and what was looked for before."""

from __future__ import annotations

from agentkit_android.apps.context import Do, See
from agentkit_android.apps.maps import town
from agentkit_android.apps.maps.app import APP, found, here
from agentkit_android.apps.maps.finding import told
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import do
from agentkit_android.screen.views import View


@APP.screen(".Search")
def search(see: See) -> View:
    text = see.text("query", str(see.args.get("text", "")))
    picking = bool(see.args.get("for"))
    rows: list[View] = []
    if text.strip():
        for one in found(see, text):
            act = do("pick", name=one.name) if picking else do("open", name=one.name)
            rows.append(ui.row(one.name, f"{told(see, one)} · {one.address}", tap=act,
                               lead=ui.badge(*town.KINDS[one.kind])))  # fmt: skip
        rows = rows or [ui.empty(see.t("Nothing was found for {text}", text=text), "map-search")]
    else:
        if picking and here(see):
            rows.append(ui.row(see.t("Your location"), tap=do("pick", name=""),
                               lead=ui.icon("crosshairs-gps")))  # fmt: skip
        for one_label in see.rows("SELECT * FROM labels ORDER BY label"):
            act = do("pick" if picking else "open", name=one_label["name"])
            mark = "home" if one_label["label"] == "Home" else "store"
            rows.append(ui.row(see.t(one_label["label"]), one_label["name"], tap=act,
                               lead=ui.icon(mark)))  # fmt: skip
        old = see.rows("SELECT text FROM searches GROUP BY text ORDER BY max(_id) DESC LIMIT 8")
        rows += [ui.header(see.t("Recent searches"))] if old else []
        rows += [
            ui.row(one["text"], tap=do("again", text=one["text"]), lead=ui.icon("history"),
                   trail=ui.icon("close", see.t("Remove {title}", title=one["text"]),
                                 do("forget", text=one["text"])))
            for one in old
        ]  # fmt: skip
    clear = ui.icon("close", see.t("Clear"), do("again", text=""))
    bar = ui.search_bar("query", text, see.t("Search here"), clear)
    return ui.page("", *rows, bar=bar, resource="results")


@APP.on("again")
def again(do: Do) -> None:
    do.type("query", str(do.args["text"]))


@APP.on("forget")
def forget(do: Do) -> None:
    do.run("DELETE FROM searches WHERE text = ?", str(do.args["text"]))


@APP.on("open")
def open_(do: Do) -> None:
    text = do.text("query", str(do.args.get("text", ""))).strip()
    if text:
        do.run("INSERT INTO searches (text, date) VALUES (?, ?)", text, do.now)
    do.go(".Place", name=str(do.args["name"]))


@APP.on("pick")
def pick(do: Do) -> None:
    do.finish(name=do.args["name"], end=do.args["for"])
