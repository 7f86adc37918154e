"""A wiki: articles that link to each other and can be edited."""

from __future__ import annotations

import re
from html import escape
from typing import Any
from urllib.parse import unquote

from agentkit_web.session import Response
from agentkit_web.sites.html import fields, missing, page

NAV = {"Contents": "/"}
_LINK = re.compile(r"\[([^\]]+)\]")


class Wiki:
    """state: articles {title: text}; "[Title]" in a text is a link."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def respond(self, method: str, path: str, query: str, body: str) -> Response:
        articles = self.state["articles"]
        if path == "/":
            wanted = fields(query).get("q", "").lower()
            found = [t for t in sorted(articles) if wanted in f"{t} {articles[t]}".lower()]
            items = "".join(f"<li>{_link(title)}</li>" for title in found)
            form = '<form><label>Search <input name="q"></label><button>Search</button></form>'
            return page("Contents", f"{form}<ul>{items}</ul>", NAV)
        kind, _, title = unquote(path).strip("/").partition("/")
        if title not in articles:
            return missing(NAV)
        note = ""
        if kind == "edit" and method != "POST":
            form = (
                f'<form method="post"><label>Text <textarea name="text" rows="8" cols="60">'
                f"{escape(articles[title])}</textarea></label><button>Save</button></form>"
            )
            return page(f"Edit {title}", form, NAV)
        if kind == "edit":
            articles[title] = fields(body).get("text", "").replace("\r\n", "\n")
            note = "Saved."
        text = _LINK.sub(lambda m: _link(m[1]), escape(articles[title]))
        return page(
            title, f'<p>{text}</p><p><a href="/edit/{escape(title)}">Edit</a></p>', NAV, note
        )


def _link(title: str) -> str:
    return f'<a href="/page/{escape(title)}">{escape(title)}</a>'
