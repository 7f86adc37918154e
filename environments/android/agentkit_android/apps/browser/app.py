"""What the parts of the browser share: tabs, and how one goes from page to page."""

from __future__ import annotations

import re
from urllib.parse import quote_plus, urljoin, urlsplit

from agentkit_android.apps.app import App, Filter
from agentkit_android.apps.browser import sites
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.strings import own
from agentkit_android.phone import intents
from agentkit_android.screen.acts import Intent

PACKAGE = "com.android.browser"
SCHEMA = """
CREATE TABLE tabs (
    _id INTEGER PRIMARY KEY, at INTEGER NOT NULL DEFAULT 0, private INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE visits (
    tab INTEGER NOT NULL, position INTEGER NOT NULL, url TEXT NOT NULL, title TEXT NOT NULL
);
CREATE TABLE history (
    _id INTEGER PRIMARY KEY, url TEXT NOT NULL, title TEXT NOT NULL, date INTEGER NOT NULL
);
CREATE TABLE bookmarks (_id INTEGER PRIMARY KEY, url TEXT NOT NULL, title TEXT NOT NULL);
CREATE TABLE downloads (
    _id INTEGER PRIMARY KEY, url TEXT NOT NULL, path TEXT NOT NULL, date INTEGER NOT NULL
);
CREATE TABLE sent (
    _id INTEGER PRIMARY KEY, url TEXT NOT NULL, fields TEXT NOT NULL, date INTEGER NOT NULL
);
CREATE TABLE cart (_id INTEGER PRIMARY KEY, item TEXT NOT NULL, amount INTEGER NOT NULL);
CREATE TABLE orders (
    _id INTEGER PRIMARY KEY, name TEXT, address TEXT, delivery TEXT, items TEXT, cents INTEGER,
    date INTEGER
);
CREATE TABLE reservations (
    _id INTEGER PRIMARY KEY, title TEXT, card TEXT, branch TEXT, notify INTEGER, note TEXT
);
"""
HOME = "https://start.example/"
MAX_TABS, MAX_URL = 50, 2000
APP = App(
    PACKAGE, "Browser", "#1A73E8", icon="earth", schema=SCHEMA, strings=own("browser"),
    filters=(
        Filter(intents.VIEW, ".Main", schemes=("http", "https"), kinds=("text/html",)),
        Filter("android.intent.action.WEB_SEARCH", ".Main"),
    ),
)  # fmt: skip


@APP.begins
def begin(do: Do) -> None:
    marks = (("https://encyclo.example/", "Encyclo"), ("https://news.example/", "The Harbour Post"))
    for url, title in marks:
        do.run("INSERT INTO bookmarks (url, title) VALUES (?, ?)", url, title)


def current(see: See) -> int:
    """The tab in front; 0 while there is none."""
    wanted = see.preference("tab", "0")
    return see.count("SELECT _id FROM tabs WHERE _id = ?", wanted) or see.count(
        "SELECT max(_id) FROM tabs"
    )


def is_private(see: See) -> bool:
    return bool(see.count("SELECT private FROM tabs WHERE _id = ?", current(see)))


def url_of(see: See) -> str:
    """The address of the page in front."""
    found = see.one(
        "SELECT url FROM visits JOIN tabs ON tab = tabs._id AND position = at WHERE tab = ?",
        current(see),
    )
    return str(found or see.preference("home", HOME))


def new_tab(do: Do, url: str, *, private: bool = False) -> None:
    if do.count("SELECT count(*) FROM tabs") >= MAX_TABS:
        return do.toast(do.t("Too many tabs are open"))
    number = do.run("INSERT INTO tabs (at, private) VALUES (-1, ?)", int(private))
    do.prefer("tab", number)
    return open_url(do, url)


def open_url(do: Do, url: str) -> None:
    """The tab goes on to an address; what lay ahead in it is forgotten. Some lead to other apps."""
    url = url[:MAX_URL]
    scheme = urlsplit(url).scheme
    if scheme in ("tel", "mailto", "geo", "sms", "smsto"):
        action = {"tel": intents.DIAL, "geo": intents.VIEW}.get(scheme, intents.SENDTO)
        return do.send(Intent(action, url))
    if not current(do):
        return new_tab(do, url)
    tab = current(do)
    at = do.count("SELECT at FROM tabs WHERE _id = ?", tab) + 1
    title = sites.page(do, url).title or url
    do.run("DELETE FROM visits WHERE tab = ? AND position >= ?", tab, at)
    do.run("INSERT INTO visits VALUES (?, ?, ?, ?)", tab, at, url, title)
    do.run("UPDATE tabs SET at = ? WHERE _id = ?", at, tab)
    if not is_private(do):
        do.run("INSERT INTO history (url, title, date) VALUES (?, ?, ?)", url, title, do.now)
    return forget_fields(do)


def move(do: Do, step: int) -> bool:
    """Back or on in the tab; False at an end."""
    tab = current(do)
    at = do.count("SELECT at FROM tabs WHERE _id = ?", tab) + step
    if do.row("SELECT * FROM visits WHERE tab = ? AND position = ?", tab, at) is None:
        return False
    do.run("UPDATE tabs SET at = ? WHERE _id = ?", at, tab)
    forget_fields(do)
    return True


def forget_fields(do: Do) -> None:
    """What was typed belongs to the page that is left."""
    for key in do.kept("field_"):
        do.put(key, None)
        do.type(key, None)
    do.type("url_bar", None)
    do.scroll("page")


def address(see: See, typed: str) -> str:
    """What was typed as an address; where it looks like none, a search for it."""
    text = typed.strip()
    if re.match(r"(https?|file)://", text):
        return text
    if re.fullmatch(r"[\w-]+(\.[\w-]+)+(:\d+)?(/\S*)?", text):
        return f"https://{text}"
    return f"{sites.FIND}/search?q={quote_plus(text)}"


def absolute(see: See, href: str) -> str:
    return urljoin(url_of(see), href)
