"""The web that the phone has: a few sites, made from their URLs alone."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from urllib.parse import parse_qs, urlsplit

HOME = "http://home.example/"
ARTICLES = (
    ("harbour", "Harbour bridge opens again",
    "After eight months of work the bridge is open. The first tram"
     " crosses at 06:10 on Monday.", "The repair cost 4.2 million."),
    ("library", "Library lends out tools",
    "The town library now lends drills, saws and ladders for up to"
     " seven days.", "A card costs 12 a year."),
    ("weather", "A mild week ahead", "Highs between 14 and 18 degrees; rain on Thursday.",
     "The first frost is expected in November."),
    ("chess", "Mei Tanaka wins the open", "She won the final in 41 moves.",
    "The next open is in May."),
)  # fmt: skip
GOODS = (
    ("kettle", "Steel kettle", 3490), ("lamp", "Desk lamp", 2750), ("blanket", "Wool blanket",
    5900),
    ("notebook", "Notebook, lined", 480), ("mug", "Blue mug", 1120),
)  # fmt: skip
WORDS = (
    ("apple", "사과", "a round fruit"), ("bridge", "다리", "a way over water"), ("lamp", "등",
    "gives light"),
    ("quiet", "조용한", "with little noise"),
)  # fmt: skip


def _page(title: str, body: str) -> str:
    title = escape(title)
    return f"<html><head><title>{title}</title></head><body><h1>{title}</h1>{body}</body></html>"


def _money(cents: int) -> str:
    return f"€{cents // 100}.{cents % 100:02}"


def home(path: str, query: dict[str, str]) -> str:
    return _page("Start", (
        '<form action="http://search.example/"><input name="q" placeholder="Search the web">'
        '<button>Search</button></form><p><a href="http://news.example/">News</a></p>'
        '<p><a href="http://shop.example/">Shop</a></p>'
        '<p><a href="http://words.example/">Dictionary</a></p>'
        '<p><a href="http://form.example/">Sign up for the newsletter</a></p>'
    ))  # fmt: skip


def news(path: str, query: dict[str, str]) -> str:
    for name, title, text, last in ARTICLES:
        if path == f"/{name}":
            return _page(title, f'<p>{text}</p><p>{last}</p><p><a href="/">All news</a></p>')
    return _page("News", "".join(f'<p><a href="/{n}">{t}</a></p>' for n, t, _, _ in ARTICLES))


def shop(path: str, query: dict[str, str]) -> str:
    for name, title, cents in GOODS:
        if path == f"/{name}":
            return _page(title, (
                f'<p>{_money(cents)}</p><form action="/order">'
                f'<input type="hidden" name="item" value="{name}">'
                '<input name="count" placeholder="How many" value="1"><button>Order</button></form>'
            ))  # fmt: skip
    if path == "/order":
        found = next((g for g in GOODS if g[0] == query.get("item")), None)
        count = query.get("count", "")
        if found is None or not (count.isdecimal() and 0 < int(count[:4]) < 100):
            return _page(
                "Not ordered", '<p>Give a number from 1 to 99.</p><p><a href="/">Shop</a></p>'
            )
        return _page(
            "Thank you", f"<p>{int(count)} × {found[1]}: {_money(found[2] * int(count))}</p>"
        )
    return _page(
        "Shop", "".join(f'<p><a href="/{n}">{t}, {_money(c)}</a></p>' for n, t, c in GOODS)
    )


def words(path: str, query: dict[str, str]) -> str:
    wanted = query.get("word", "").strip().casefold()
    form = (
        '<form action="/"><input name="word" placeholder="A word"><button>Look up</button></form>'
    )
    for word, korean, told in WORDS:
        if wanted and wanted in (word, korean):
            return _page(word, f"<p>{korean}</p><p>{told}</p>{form}")
    none = f"<p>Nothing found for {escape(wanted)}</p>" if wanted else ""
    return _page("Dictionary", none + form)


def check(path: str, query: dict[str, str]) -> str:
    """Says whether an answer is the product of two numbers."""
    try:
        a, b, answer_ = (int(query.get(key, "")[:9]) for key in ("a", "b", "answer"))
    except ValueError:
        return _page("Not a number", "<p>The answer has to be a whole number.</p>")
    return _page("Right" if a * b == answer_ else "Wrong", f"<p>{a} × {b}: you said {answer_}</p>")


def form(path: str, query: dict[str, str]) -> str:
    if path == "/done":
        if "@" not in query.get("email", ""):
            return _page(
                "Something is missing", '<p>Give an email address.</p><p><a href="/">Back</a></p>'
            )
        name = escape(query.get("name", ""))
        return _page("Welcome", f"<p>{name} is signed up with {escape(query['email'])}.</p>")
    return _page("Newsletter", (
        '<p>One letter a month.</p><form action="/done"><input name="name" placeholder="Your name">'
        '<input name="email" placeholder="Your email"><button>Sign up</button></form>'
    ))  # fmt: skip


def search(path: str, query: dict[str, str]) -> str:
    wanted = query.get("q", "").strip()
    words_ = wanted.casefold().split()
    listed = [(f"http://news.example/{n}", t, x) for n, t, x, _ in ARTICLES]
    listed += [(f"http://shop.example/{n}", t, _money(c)) for n, t, c in GOODS]
    found = [row for row in listed if any(w in f"{row[1]} {row[2]}".casefold() for w in words_)]
    rows = "".join(f'<p><a href="{u}">{t}</a></p><p>{x}</p>' for u, t, x in found)
    return _page(f"{wanted}: {len(found)} results", rows or "<p>Nothing found.</p>")


SITES: dict[str, Callable[[str, dict[str, str]], str]] = {
    "home.example": home, "news.example": news, "shop.example": shop, "words.example": words,
    "check.example": check, "form.example": form, "search.example": search,
}  # fmt: skip


def answer(url: str) -> str:
    """The HTML of a URL; a page that says so where no site has this name."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return _page("This address cannot be read", f"<p>{escape(url)}</p>")
    site = SITES.get(host.removeprefix("www."))
    if site is None:
        return _page("This site can’t be reached", f"<p>{escape(host)} was not found.</p>")
    query = {
        key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()
    }
    return site(parts.path or "/", query)
