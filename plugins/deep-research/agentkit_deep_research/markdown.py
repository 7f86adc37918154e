"""A report as CommonMark. What comes from outside can hold no markup and no link."""

from __future__ import annotations

import re

from agentkit_deep_research.evidence import Span
from agentkit_deep_research.report import Quote, Report, sentence
from agentkit_deep_research.words import folded

_SPECIAL = re.compile(r"[\\`*<\[\]&~]|(?<![^\W_])_|_(?![^\W_])")
_START = re.compile(r"^(?:(\d{1,9})([.)])|([-+=#>|]))")


def escaped(text: str) -> str:
    """Text as CommonMark that shows just this text, on one line; it can hold no markup or link."""
    plain = _SPECIAL.sub(lambda m: f"\\{m.group()}", folded(text))
    return _START.sub(lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", plain)


def markdown(report: Report) -> str:
    """The report as CommonMark."""
    lines = [f"# {escaped(report.question)}", "", _summary(report), ""]
    for section in report.sections:
        lines += [f"## {escaped(section.title)}", ""]
        if section.note:
            lines += [f"*Weak: {escaped(section.note)}.*", ""]
        for quote in section.quotes:
            lines += [f"- “{_quoted(quote.span)}” {_cited(quote)}"]
        for text, numbers in section.wordings:
            marks = "".join(f"[{n}]" for n in numbers)
            lines.append(f"- *In a model's words:* {escaped(text)} {marks}")
        for old, newer in section.replaced:
            dated = f" ({old.span.date})" if old.span.date else ""
            lines.append(
                f"- *Out of date{dated}, see [{newer}]:* “{_quoted(old.span)}” {_cited(old)}"
            )
        lines.append("")
    lines += _tables(report)
    if report.conflicts:
        lines += ["## Contradictions", ""]
        for title, values in report.conflicts:
            said = "; ".join(f"{escaped(value)} [{number}]" for value, number in values)
            lines.append(f"- {escaped(title)} Different values: {said}")
        lines.append("")
    if report.missing:
        lines += ["## Not found", ""]
        for one in report.missing:
            lines.append(f"- **{escaped(one.title)}** {escaped(sentence(one.why))}")
            lines += [f"  - searched for {escaped(query)}" for query in one.queries]
        lines.append("")
    if report.limits:
        lines += ["## Limits", "", *(f"- {escaped(limit)}" for limit in report.limits), ""]
    if report.references:
        lines += ["## References", ""]
        for ref in report.references:
            at = ref.uri or ref.document
            lines.append(
                f"- [{ref.number}] [{escaped(ref.title or ref.document)}](<{target(at)}>), "
                f"{escaped(ref.document)} in {escaped(ref.source)}, sha256 {ref.sha256[:16]}"
            )
        lines.append("")
    return "\n".join(lines)


def _tables(report: Report) -> list[str]:
    """Tables as lists, which every CommonMark reader shows; charts are for the other formats."""
    lines = []
    for table in report.tables:
        lines += [f"## {escaped(table.title)}", ""]
        for row in table.rows:
            cells = [
                f"{escaped(column)}: {escaped(cell.text)}"
                + (f" [{cell.number}]" * (cell.number > 0))
                for column, cell in zip(table.columns, row, strict=True)
                if column
            ]
            head = "" if table.columns[0] else f"**{escaped(row[0].text)}**: "
            lines.append(f"- {head}{'; '.join(cells)}")
        lines.append("")
    return lines


def summary(report: Report) -> str:
    """One line in plain words: how much was found, whether it was checked."""
    quotes, documents = len(report.quotes), len(report.references)
    said = f"{quotes} quote{'s' * (quotes != 1)} from {documents} document{'s' * (documents != 1)}"
    verdict = report.verdict
    if verdict is not None and verdict.checked:
        held = verdict.checked - len(verdict.faults)
        said += f", {held} of {verdict.checked} verified against their sources"
    if report.missing:
        said += f"; {len(report.missing)} not found"
    return f"{said}."


def _summary(report: Report) -> str:
    """The summary, with why it is partial and what is not to be trusted."""
    verdict = report.verdict
    partial = f" **Partial:** {escaped(report.reason)}." if report.status == "partial" else ""
    faults = ""
    if verdict is not None and not verdict.ok:
        told = "; ".join(f"[{f.number}] {escaped(f.reason)}" for f in verdict.faults)
        faults = f" **Do not trust:** {told}."
    return f"{summary(report)}{partial}{faults}"


def _quoted(span: Span) -> str:
    """The text, the sentence that it was chosen for in bold where more stands around it."""
    before, sentence, after = span.cut
    if not (before or after):
        return escaped(sentence)
    space = [
        " " if text[at].isspace() else "" for text, at in ((before or "x", -1), (after or "x", 0))
    ]
    return f"{escaped(before)}{space[0]}**{escaped(sentence)}**{space[1]}{escaped(after)}"


def where(span: Span) -> str:
    """Where a span stands, in words: its document's title, the heading right above it, page."""
    path = [*dict.fromkeys(p for p in (span.title, *span.heading) if p)]
    page = [f"page {span.page}"] if span.page is not None else []
    return " › ".join([*path[:1], *path[1:][-1:], *page]) or span.document


def _cited(quote: Quote) -> str:
    return f"[[{quote.number}]](<{target(quote.link)}>) *{escaped(where(quote.span))}*"


def target(uri: str) -> str:
    """An address inside <…>. Files as paths: careful renderers, the terminal's among them, show
    links to `file:` as bare text."""
    return re.sub(r"^file://(?=/)", "", address(uri))


def address(uri: str) -> str:
    """An address that can be linked: no line breaks, no angle brackets, and no script."""
    plain = re.sub(r"[\s<>\\]", lambda m: f"%{ord(m.group()):02X}", uri)
    return "#" if re.match(r"(?i)(?:javascript|vbscript|data):", plain) else plain
