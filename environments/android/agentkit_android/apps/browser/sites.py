"""The web of this phone: pages that come with it, and sites that answer forms.

What sites remember is in the browser's own database: this web is a part of the phone's state.
"""

from __future__ import annotations

import html as markup
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from agentkit_android.apps import media
from agentkit_android.apps.browser.reader import Page, read
from agentkit_android.apps.context import Do, See

Get = Callable[[See, str, Mapping[str, str]], str | None]
Post = Callable[[Do, str, Mapping[str, str]], str]
FIND = "https://find.example"
PRODUCTS = {  # name, price in cents, stock, about
    "mug": ("Enamel mug", 950, 12, "Holds 350 ml and does not break."),
    "kettle": ("Camping kettle", 2400, 4, "1.2 litres, with a bamboo handle."),
    "lantern": ("Tin lantern", 3250, 7, "For a tea light or a small LED."),
    "stool": ("Oak stool", 8900, 2, "45 cm high, oiled."),
    "spoon": ("Cherry wood spoon", 1150, 30, "Carved by hand, 28 cm."),
    "blanket": ("Wool blanket", 6400, 5, "130 by 180 cm, grey."),
}
STATIONS = ("Harbour", "Mill Bridge", "Northgate", "Old Town", "University", "Airport")
WEATHER = {
    "harbour": ("Harbour town", "Light rain", 13, 9), "northgate": ("Northgate", "Cloudy", 11, 6),
    "seoul": ("Seoul", "Sunny", 20, 11), "lisbon": ("Lisbon", "Showers", 22, 17),
    "oslo": ("Oslo", "Frost at night", 6, -2),
}  # fmt: skip


def page(see: See, url: str) -> Page:
    """What stands at an address; a page that says so, where there is nothing."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return _file(see, url)
    if parts.scheme not in ("http", "https"):
        return read("<title>Blank</title>")
    if not online(see):
        return read("<title>No internet</title><h1>You are offline</h1>"
                    "<p>Turn on Wi-Fi or mobile data and try again.</p>")  # fmt: skip
    host, path = parts.hostname or "", parts.path.strip("/")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if (site := SITES.get(host)) and (found := site(see, path, query)) is not None:
        return read(found)
    if (text := static().get((host, path or "index"))) is not None:
        return read(text)
    if host in {h for h, _ in static()} or host in SITES:
        return read("<title>404</title><h1>Not found</h1><p>This page does not exist.</p>")
    name = markup.escape(host)
    return read(
        f"<title>{name}</title><h1>This site can’t be reached</h1>"
        f"<p>{name}’s server could not be found.</p>"
    )


def online(see: See) -> bool:
    if see.setting("global", "wifi_on") == "1":
        return True
    flying = see.setting("global", "airplane_mode_on") == "1"
    return not flying and see.setting("global", "mobile_data") == "1"


@cache
def static() -> dict[tuple[str, str], str]:
    """The HTML of the pages that come with the phone, by host and path."""
    found = {}
    for host in (files("agentkit_android.apps.browser") / "sites").iterdir():
        for one in host.iterdir():
            found[host.name, one.name.removesuffix(".html")] = one.read_text("utf-8")
    return found


def _file(see: See, url: str) -> Page:
    path = media.path_of(url.partition("#")[0].partition("?")[0])
    name = path.rpartition("/")[2]
    if not see.exists(path):
        return read("<title>Not found</title><h1>This file does not exist</h1>")
    if path.lower().endswith(media.PICTURES):
        return read(f'<title>{markup.escape(name)}</title><img src="{markup.escape(url)}">')
    text = see.read(path).decode("utf-8", "replace")
    if path.lower().endswith((".html", ".htm")):
        found = read(text)
        return found if found.title else Page(name, found.blocks, found.forms)
    told = "".join(f"<p>{markup.escape(line)}</p>" for line in text.splitlines())
    return read(f"<title>{markup.escape(name)}</title>{told}")


def submitted(do: Do, url: str, action: str, post: bool, values: Mapping[str, str]) -> str:
    """Where a form leads that was sent from a page."""
    target = urljoin(url, action) if action else url.partition("?")[0]
    host = urlsplit(target).hostname or ""
    if not post:
        return f"{target.partition('?')[0]}?{urlencode(values)}"
    do.run(
        "INSERT INTO sent (url, fields, date) VALUES (?, ?, ?)", target, urlencode(values), do.now
    )
    handler = POSTS.get(host)
    path = urlsplit(target).path.strip("/")
    return urljoin(target, handler(do, path, values)) if handler else target


# Sites that are more than their pages.


def find(see: See, path: str, query: Mapping[str, str]) -> str | None:
    wanted = query.get("q", "").strip()
    box = (
        '<form action="/search"><input name="q" placeholder="Search the web" '
        f'value="{markup.escape(wanted)}"><button>Search</button></form>'
    )
    if path != "search" or not wanted:
        return f"<title>Find</title><h1>Find</h1>{box}"
    words, found = wanted.casefold().split(), []
    for (host, name), text in static().items():
        told = read(text)
        whole = " ".join(b.text for b in told.blocks)
        hits = sum(w in f"{told.title} {whole}".casefold() for w in words)
        hits += sum(2 * (w in told.title.casefold()) for w in words)
        if hits and host not in ("start.example",) and query.get("site", host) == host:
            first = next((b.text for b in told.blocks if b.kind == "text"), "")
            found.append((-hits, host, name, told.title, first))
    rows = "".join(
        f'<p><a href="https://{host}/{"" if name == "index" else name}">'
        f"{markup.escape(title)}</a></p><p>{host} – {markup.escape(first[:120])}</p>"
        for _, host, name, title, first in sorted(found)[:10]
    )
    none = f"<p>Nothing was found for {markup.escape(wanted)}.</p>"
    return f"<title>{markup.escape(wanted)} - Find</title>{box}{rows or none}"


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def shop(see: See, path: str, query: Mapping[str, str]) -> str | None:
    cart = see.rows("SELECT * FROM cart ORDER BY _id")
    foot = f'<hr><p><a href="/cart">Cart ({sum(r["amount"] for r in cart)})</a></p>'
    if not path:
        rows = "".join(
            f'<p><a href="/item/{key}">{name}</a></p><p>{_money(cents)}</p>'
            for key, (name, cents, _, _) in PRODUCTS.items()
        )
        return f"<title>Tin &amp; Timber</title><h1>Tin &amp; Timber</h1>{rows}{foot}"
    if path.startswith("item/") and (key := path[5:]) in PRODUCTS:
        name, cents, stock, told = PRODUCTS[key]
        amounts = "".join(f"<option>{n}</option>" for n in range(1, min(5, stock) + 1))
        return (
            f"<title>{name}</title><h1>{name}</h1><p>{told}</p><p>Price: {_money(cents)}</p>"
            f'<p>{stock} in stock</p><form action="/cart" method="post"><input type="hidden" '
            f'name="item" value="{key}"><label>Amount</label><select name="amount">{amounts}'
            f'</select><button>Add to cart</button></form>{foot}<p><a href="/">Shop</a></p>'
        )
    if path == "cart":
        total = sum(PRODUCTS[r["item"]][1] * r["amount"] for r in cart)
        rows = "".join(
            f"<tr><td>{PRODUCTS[r['item']][0]}</td><td>{r['amount']}</td>"
            f"<td>{_money(PRODUCTS[r['item']][1] * r['amount'])}</td></tr>"
            for r in cart
        )
        if not cart:
            return '<title>Cart</title><h1>Cart</h1><p>It is empty.</p><p><a href="/">Shop</a></p>'
        return (
            f"<title>Cart</title><h1>Cart</h1><table>{rows}<tr><td>Total</td><td></td>"
            f"<td>{_money(total)}</td></tr></table><form action='/empty' method='post'>"
            "<button>Empty the cart</button></form><h2>Order</h2><form action='/order' "
            "method='post'><label>Name</label><input name='name'><label>Address</label>"
            "<textarea name='address'></textarea><label>Delivery</label><select name='delivery'>"
            "<option value='standard'>Standard, 3 days</option><option value='express'>Express, "
            "1 day</option></select><button>Pay and order</button></form>"
        )
    if path == "thanks":
        one = see.row("SELECT * FROM orders WHERE _id = ?", query.get("order", ""))
        told = f"<p>Order {one['_id']}: {_money(one['cents'])}</p>" if one else ""
        return f"<title>Thank you</title><h1>Thank you</h1>{told}<p><a href='/'>Shop</a></p>"
    if path == "error":
        return (
            "<title>Error</title><h1>Something is missing</h1><p>Name and address are needed.</p>"
        )
    return None


def shop_post(do: Do, path: str, form: Mapping[str, str]) -> str:
    if path == "cart" and form.get("item") in PRODUCTS:
        amount = form.get("amount", "1")
        many = min(5, max(1, int(amount))) if amount.isdecimal() else 1
        do.run("INSERT INTO cart (item, amount) VALUES (?, ?)", form["item"], many)
        return "/cart"
    if path == "empty":
        do.run("DELETE FROM cart")
        return "/cart"
    if path == "order":
        name, address = form.get("name", "").strip(), form.get("address", "").strip()
        if not name or not address:
            return "/error"
        cart = do.rows("SELECT * FROM cart")
        items = ", ".join(f"{r['amount']} {r['item']}" for r in cart)
        cents = sum(PRODUCTS[r["item"]][1] * r["amount"] for r in cart)
        number = do.run(
            "INSERT INTO orders (name, address, delivery, items, cents, date) VALUES"
            " (?, ?, ?, ?, ?, ?)", name, address, form.get("delivery", ""), items, cents, do.now,
        )  # fmt: skip
        do.run("DELETE FROM cart")
        return f"/thanks?order={number}"
    return "/"


def trains(see: See, path: str, query: Mapping[str, str]) -> str | None:
    def stops(name: str, label: str, now: str) -> str:
        rows = "".join(
            f"<option{' selected' if s == now else ''} value='{s}'>{s}</option>" for s in STATIONS
        )
        return f"<label>{label}</label><select name='{name}'>{rows}</select>"

    start, end = query.get("from", STATIONS[0]), query.get("to", STATIONS[-1])
    hour = query.get("after", "15")
    form = (
        f"<form action='/search'>{stops('from', 'From', start)}{stops('to', 'To', end)}"
        f"<label>After (hour)</label><input name='after' value='{markup.escape(hour)}'>"
        "<button>Show trains</button></form>"
    )
    found = ""
    if path == "search" and {start, end} <= set(STATIONS):
        away = abs(STATIONS.index(start) - STATIONS.index(end))
        first = int(hour) if hour.isdecimal() and int(hour) < 24 else 0
        rows = "".join(
            f"<tr><td>{h:02}:{m:02}</td><td>{h + (m + 9 * away) // 60:02}:{(m + 9 * away) % 60:02}"
            f"</td><td>Platform {1 + (h + away) % 4}</td></tr>"
            for h in range(first, min(first + 3, 24))
            for m in (7 + away, 37 + away)
        )
        head = "<tr><th>Leaves</th><th>Arrives</th><th>Platform</th></tr>"
        found = f"<h2>{start} to {end}</h2><table>{head}{rows}</table>"
        found = "<p>You are there already.</p>" if start == end else found
    return f"<title>Trains</title><h1>Trains</h1>{form}{found}"


def weather(see: See, path: str, query: Mapping[str, str]) -> str | None:
    if not path:
        rows = "".join(f'<p><a href="/{key}">{w[0]}</a></p>' for key, w in WEATHER.items())
        return f"<title>Weather</title><h1>Weather</h1>{rows}"
    if path not in WEATHER:
        return None
    name, sky, high, low = WEATHER[path]
    days = "".join(
        f"<tr><td>{see.day(see.now + 86400 * n)}</td><td>{high - n % 3}°</td>"
        f"<td>{low + n % 2}°</td></tr>"
        for n in range(5)
    )
    return (
        f"<title>Weather in {name}</title><h1>{name}</h1><p>{sky}, {high}°</p><table><tr>"
        f"<th>Day</th><th>High</th><th>Low</th></tr>{days}</table>"
        "<p><a href='/'>Other places</a></p>"
    )


def library(see: See, path: str, query: Mapping[str, str]) -> str | None:
    if path != "reservations":
        return None
    rows = "".join(
        f"<li>{markup.escape(r['title'])} ({markup.escape(r['branch'])})</li>"
        for r in see.rows("SELECT * FROM reservations ORDER BY _id")
    )
    return (
        "<title>My reservations</title><h1>My reservations</h1>"
        f"<ul>{rows or '<li>None yet</li>'}</ul><p><a href='/'>Library</a></p>"
    )


def library_post(do: Do, path: str, form: Mapping[str, str]) -> str:
    if path == "reserve" and form.get("title", "").strip():
        sql = "INSERT INTO reservations (title, card, branch, notify, note) VALUES (?, ?, ?, ?, ?)"
        do.run(sql, form["title"].strip(), form.get("card", ""), form.get("branch", ""),
               int(form.get("notify") == "yes"), form.get("note", ""))  # fmt: skip
        return "/reservations"
    return "/"


SITES: dict[str, Get] = {
    "find.example": find, "shop.example": shop, "trains.example": trains,
    "weather.example": weather, "library.example": library,
}  # fmt: skip
POSTS: dict[str, Post] = {"shop.example": shop_post, "library.example": library_post}
