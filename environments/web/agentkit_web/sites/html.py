"""Pages of the small sites."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from urllib.parse import parse_qsl

from agentkit_web.session import Response

_STYLE = (
    "body{font:15px/1.5 sans-serif;margin:16px;max-width:720px;color:#222}"
    "table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:4px 8px;text-align:left}"
    "nav a{margin-right:12px}form{margin:8px 0}label{display:block;margin:6px 0}"
    ".note{background:#fff3cd;padding:6px 10px}"
)


def page(title: str, body: str, nav: dict[str, str], note: str = "") -> Response:
    """A whole page. nav: link text to path."""
    links = "".join(f'<a href="{path}">{escape(text)}</a>' for text, path in nav.items())
    told = f'<p class="note" role="status">{escape(note)}</p>' if note else ""
    return Response(
        f'<!doctype html><html lang="en"><head><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><nav>{links}</nav>"
        f"<h1>{escape(title)}</h1>{told}{body}</body></html>"
    )


def fields(text: str) -> dict[str, str]:
    """A query, or what a form sends."""
    return dict(parse_qsl(text, keep_blank_values=True))


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Cells are HTML already."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"


def button(path: str, text: str, **values: str) -> str:
    """A form of one button."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in values.items()
    )
    return f'<form method="post" action="{path}">{hidden}<button>{escape(text)}</button></form>'


def missing(nav: dict[str, str]) -> Response:
    """For addresses that the site does not have."""
    found = page("Not found", "<p>There is no such page.</p>", nav)
    return Response(found.body, 404)
