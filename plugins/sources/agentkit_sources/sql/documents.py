"""Documents of a database: a query's rows, and what a table is made of.

A result is named by its query, so that it can be opened again in any process; its title says how
many rows there are and begins their hash.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from agentkit.capabilities import Document, Hit, Location
from agentkit_sources.blocks import Parsed, TextWriter
from agentkit_sources.chunks import chunks
from agentkit_sources.sql.catalog import Catalog, Column, Table
from agentkit_sources.sql.rows import Rows
from agentkit_sources.sql.statements import Statement

TABLE = "table "  # a document's name is this and the table's
_EXAMPLES = 8  # values of a column that are shown


@dataclass(frozen=True, slots=True)
class Made:
    """A document with its passages."""

    document: Document
    parsed: Parsed

    def hits(self, score: float, most: int, part: str, label: str = "") -> list[Hit]:
        """Its passages, earlier ones a little better. label: what they are, in words; it stands
        in titles and headings, never in the text, which must follow from the name alone."""
        found = []
        for number, chunk in enumerate(chunks(self.parsed)[:most]):
            heading = (label,) if label else chunk.heading
            location = Location(chunk.start, chunk.end, heading)
            value = score / (1 + 0.001 * number)
            name = self.document.id
            title = f"{label}: {self.document.title}" if label else self.document.title
            hit = Hit(name, title, chunk.text, location, value, ((part, value),))
            found.append(hit)
        return found


def of_rows(statement: Statement, rows: Rows, uri: str, cell: int) -> Made:
    """The rows of a query, each on a line of its own."""
    writer = TextWriter()
    writer.add("heading", statement.sql)
    heading = (_shortened(statement.sql),)
    writer.add("heading", f"{rows.count()}, sha256 {rows.sha256}", heading)
    for line in rows.lines(cell):
        writer.add("row", line, heading)
    if not rows.rows:
        writer.add("paragraph", "no rows", heading)
    title = f"{rows.count()} of {heading[0]} (sha256 {rows.sha256[:12]})"
    return _made(statement.sql, writer.done(title, "text/x-sql-rows"), uri)


def of_table(table: Table, catalog: Catalog, uri: str) -> Made:
    """What a table is made of: its columns, their kinds, some values, what they refer to."""
    writer = TextWriter()
    heading = f"table {table.name}"
    writer.add("heading", heading)
    rows = "an unknown number of" if table.rows is None else str(table.rows)
    names = ", ".join(column.name for column in table.columns)
    writer.add(
        "paragraph", f"The table {table.name} has {rows} rows and the columns {names}.", (heading,)
    )
    for column in table.columns:
        writer.add("item", _about(column, catalog), (heading,))
    return _made(f"{TABLE}{table.name}", writer.done(heading, "text/plain"), uri)


def _about(column: Column, catalog: Catalog) -> str:
    text = f"{column.table}.{column.name}: {column.kind}"
    if column.unique:
        text += ", different in every row"
    for link in catalog.links:
        if link.child == column:
            text += f", refers to {link.parent.table}.{link.parent.name}"
    if column.values:
        shown = ", ".join(column.values[:_EXAMPLES])
        more = len(column.values) - _EXAMPLES
        text += f"; values: {shown}" + (f" and {more} more" if more > 0 else "")
    return text


def _made(name: str, parsed: Parsed, uri: str) -> Made:
    digest = hashlib.sha256(parsed.text.encode()).hexdigest()
    document = Document(name, parsed.title, parsed.text, digest, uri, parsed.media_type)
    return Made(document, parsed)


def _shortened(sql: str) -> str:
    return sql if len(sql) <= 120 else f"{sql[:119]}…"
