"""A report as one HTML file that loads nothing: every sentence leads to the place that it quotes.

All text from outside is escaped, nothing of it is ever markup; links keep to http, https, file and
plain paths; a policy in the page forbids scripts.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from html import escape, unescape

from agentkit_deep_research.formats import ATTACHED, packed
from agentkit_deep_research.formats.charts import draw, told
from agentkit_deep_research.markdown import address, summary, where
from agentkit_deep_research.report import Quote, Report, Section, sentence
from agentkit_deep_research.words import folded

LONG = 120  # characters of a question that is set smaller
STYLE = """
@page{size:A4;margin:20mm 18mm;@bottom-center{content:counter(page) " / " counter(pages);
font:9pt sans-serif;color:#777}}
body{font:16px/1.55 Georgia,"DejaVu Serif",serif;max-width:46rem;margin:2rem auto;padding:0 1rem;
color:#1d2730;background:#fff}
h1,h2,h3,table,figcaption,.cite,.where,nav{font-family:system-ui,"DejaVu Sans",sans-serif}
h1{font-size:1.7rem;line-height:1.25}h1.long{font-size:1.2rem}
h1,h2,h3,h3+.where{break-after:avoid}h2{font-size:1.2rem;margin-top:2rem;
border-bottom:1px solid #d5dde3;padding-bottom:.2rem}h3{font-size:1rem}
blockquote{margin:.8rem 0;padding:.1rem 0 .1rem 1rem;
break-inside:avoid;border-left:3px solid #2f6f9f}
blockquote a.said{color:inherit;text-decoration:none}blockquote.old{border-color:#b9c3ca;color:#667}
.cite{font-size:.8rem;vertical-align:super;text-decoration:none}
.where{display:block;font-size:.8rem;color:#5a6872}.model{font-style:italic}
.note,.partial,.fault{padding:.5rem .8rem;border-radius:4px;background:#f3f6f8}
.partial{background:#fff4dc}.fault{background:#fde3e0}
table{border-collapse:collapse;font-size:.9rem;margin:.6rem 0}
td,th{border-bottom:1px solid #d5dde3;padding:.3rem .9rem .3rem 0;text-align:left;
vertical-align:top}
figure{margin:1rem 0}figure svg,figure img{max-width:100%;height:auto}figcaption{font-size:.8rem;
color:#5a6872}
mark{background:#ffe9a8;color:inherit}.place{font-size:.9rem;break-inside:avoid}
.place p{white-space:pre-wrap;overflow-wrap:anywhere}a{color:#22577a}
@media print{html{font-size:10.5pt}body{font-size:1rem;max-width:none;margin:0;padding:0}}
@media(prefers-color-scheme:dark){@media screen{body{color:#d8dee3;background:#14191d}
a{color:#8fc1e3}mark{background:#5b4a12}.note{background:#20282e}.partial{background:#3d331a}
.fault{background:#4a2320}td,th,h2{border-color:#36424a}}}
""".replace("\n", " ")


def html(report: Report, run: str = "") -> str:
    """The whole page."""
    data = packed(report, run).replace("<", "\\u003c")
    body = "\n".join(_body(report))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; img-src data:\">"
        f"<title>{escape(report.question[:200])}</title><style>{STYLE}</style></head>\n"
        f'<body>\n<main>\n{body}\n</main>\n<script type="application/json" id="{ATTACHED}">'
        f"{data}</script>\n</body></html>\n"
    )


def attached(text: str) -> str:
    """The data that a page carries.

    Raises:
        ValueError: it carries none.
    """
    found = re.search(rf'<script type="application/json" id="{ATTACHED}">(.*?)</script>', text)
    if found is None:
        raise ValueError("there is no report in the page")
    json.loads(found[1])
    return found[1]


def _body(report: Report) -> Iterator[str]:
    spans = dict.fromkeys(q.span.id for q in report.quotes)  # a place quoted twice is shown once
    ids = {span: f"q{n}" for n, span in enumerate(spans, 1)}
    long = ' class="long"' if len(report.question) > LONG else ""
    yield f"<h1{long}>{escape(report.question)}</h1>"
    yield f"<p>{escape(summary(report))}</p>"
    if report.status == "partial":
        yield f'<p class="partial"><strong>Partial:</strong> {escape(report.reason)}.</p>'
    for fault in report.verdict.faults if report.verdict else ():
        yield f'<p class="fault"><strong>[{fault.number}]</strong> {escape(fault.reason)}</p>'
    for section in report.sections:
        yield from _section(section, ids)
    yield from _tables(report)
    if report.conflicts:
        yield "<h2>Contradictions</h2><ul>"
        for title, values in report.conflicts:
            said = "; ".join(f"{escape(v)} {_reference(n)}" for v, n in values)
            yield f"<li>{escape(title)} Different values: {said}</li>"
        yield "</ul>"
    if report.missing:
        yield "<h2>Not found</h2><ul>"
        for one in report.missing:
            tried = "".join(f"<li>searched for {escape(query)}</li>" for query in one.queries)
            why = escape(sentence(one.why))
            yield f"<li><strong>{escape(one.title)}</strong> {why}<ul>{tried}</ul></li>"
        yield "</ul>"
    if report.limits:
        lines = "".join(f"<li>{escape(limit)}</li>" for limit in report.limits)
        yield f"<h2>Limits</h2><ul>{lines}</ul>"
    yield from _places(report, ids)


def _section(section: Section, ids: dict[str, str]) -> Iterator[str]:
    yield f"<h2>{escape(section.title)}</h2>"
    if section.note:
        yield f'<p class="note">Weak: {escape(section.note)}.</p>'
    for quote in section.quotes:
        yield _quote(quote, ids)
    for text, numbers in section.wordings:
        cited = "".join(_reference(n) for n in numbers)
        first = next((ids[q.span.id] for q in section.quotes if q.number in numbers), "")
        said = f'<a href="#{first}">{escape(text)}</a>' if first else escape(text)
        yield f'<p class="model">In a model’s words: {said} {cited}</p>'
    for old, newer in section.replaced:
        dated = f" ({escape(old.span.date)})" if old.span.date else ""
        yield f"<p>Out of date{dated}, see {_reference(newer)}:</p>"
        yield _quote(old, ids, "old")


def _quote(quote: Quote, ids: dict[str, str], kind: str = "") -> str:
    before, said, after = (escape(part) for part in quote.span.cut)
    whole = f"{before}<strong>{said}</strong>{after}" if before or after else said
    name = ids[quote.span.id]
    return (
        f'<blockquote class="{kind}"><a class="said" href="#{name}">“{whole}”</a> '
        f'<a class="cite" href="#{name}">[{quote.number}]</a>'
        f'<span class="where">{escape(where(quote.span))}</span></blockquote>'
    )


def _reference(number: int) -> str:
    return f'<a class="cite" href="#r{number}">[{number}]</a>'


def _tables(report: Report) -> Iterator[str]:
    for place, table in enumerate(report.tables):
        yield f"<h2>{escape(table.title)}</h2><table><thead><tr>"
        yield "".join(f"<th>{escape(c)}</th>" for c in table.columns) + "</tr></thead><tbody>"
        for row in table.rows:
            cells = (f"{escape(c.text)} {_reference(c.number) if c.number else ''}" for c in row)
            yield "<tr>" + "".join(f"<td>{cell.strip()}</td>" for cell in cells) + "</tr>"
        yield "</tbody></table>"
        for chart in report.charts:
            if chart.table == place:
                picture = base64.b64encode(draw(report, chart, "svg")).decode()
                alt = escape(told(report, chart), quote=True)
                yield (
                    f'<figure><img alt="{alt}" src="data:image/svg+xml;base64,{picture}">'
                    f"<figcaption>{escape(chart.title)}; every value stands in the table above, "
                    "with its source.</figcaption></figure>"
                )


def _places(report: Report, ids: dict[str, str]) -> Iterator[str]:
    """References, each with its quotes highlighted where they stand."""
    if not report.references:
        return
    yield "<h2>References</h2>"
    for ref in report.references:
        at = escape(address(ref.uri or ref.document), quote=True)
        yield (
            f'<h3 id="r{ref.number}">[{ref.number}] <a href="{at}">'
            f"{escape(ref.title or ref.document)}</a></h3>"
            f'<p class="where">{escape(ref.document)} in {escape(ref.source)}, '
            f"sha256 {ref.sha256[:16]}</p>"
        )
        for quote in {q.span.id: q for q in report.quotes if q.number == ref.number}.values():
            link = escape(address(quote.link), quote=True)
            yield (
                f'<div class="place" id="{ids[quote.span.id]}"><p>… {escape(_tail(quote.before))}'
                f"<mark>{escape(_close(quote.span.text))}</mark>{escape(_head(quote.after))} …</p>"
                f'<a class="where" href="{link}">{escape(where(quote.span))}, bytes '
                f"{quote.span.start}–{quote.span.end}</a></div>"
            )


def _tail(text: str) -> str:
    """What stands before a quote, from a word's beginning."""
    whole = f"{folded(text)} "
    return whole.split(" ", 1)[-1] if len(text) > 200 else whole


def _head(text: str) -> str:
    whole = f" {folded(text)}"
    return whole.rsplit(" ", 1)[0] if len(text) > 200 else whole


def _close(text: str) -> str:
    """A quote without the empty lines in it, which would be marked as bars."""
    return re.sub(r"\n\s*\n", "\n", text)


def plain(page: str) -> str:
    """The text of a page, without markup and data; for tests and for searching."""
    bare = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.S)
    return folded(unescape(re.sub(r"<[^>]+>", " ", bare)))
