"""Labelled rows out of a CSV file; a broken line is named."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from agentkit.errors import DataError
from agentkit.names import nearest
from agentkit_prompt_mii.examples import Examples, checked


def read_csv(path: Path, label: str, texts: Sequence[str] = ()) -> Examples:
    """The rows of a CSV file with a header, comma-, semicolon- or tab-separated.

    Args:
        label: the label's column.
        texts: the columns that make the text; several stand as "name: value" lines. By default all
            but the label's.

    Raises:
        DataError: the file cannot be read, lacks a column, or a row (named by its line) is broken
            or lacks a value.
    """
    try:
        plain = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise DataError(f"{path} cannot be read: {error}", "give a CSV file in UTF-8") from error
    header = plain.partition("\n")[0]
    separator = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(plain, newline=""), delimiter=separator, strict=True)
    rows: list[tuple[int, list[str]]] = []
    line = 1
    while True:
        try:
            rows += [(line, row)] if (row := next(reader)) else []
        except StopIteration:
            break
        except csv.Error as error:
            raise DataError(
                f"{path}, line {line}: {error}", "quote texts that hold quotes", line=line
            ) from error
        line = reader.line_num + 1
    if not rows:
        raise DataError(f"{path} is empty", "give a header and rows")
    names = rows[0][1]
    for name in (label, *texts):
        if name not in names:
            raise DataError(
                f"{path} has no column {name!r}{nearest(name, names)}",
                f"its columns: {', '.join(names)}",
            )
    chosen = [names.index(n) for n in texts or [n for n in names if n != label]]
    where = names.index(label)
    pairs, numbers = [], []
    for number, row in rows[1:]:
        if len(row) != len(names):
            raise DataError(
                f"{path}, line {number}: {len(row)} fields, the header has {len(names)}",
                "quote fields that hold the separator",
                line=number,
            )
        made = (
            row[chosen[0]]
            if len(chosen) == 1
            else "\n".join(f"{names[n]}: {row[n]}" for n in chosen)
        )
        if len(chosen) > 1 and not any(row[n].strip() for n in chosen):
            made = ""
        pairs.append((made, row[where]))
        numbers.append(number)
    try:
        return checked(pairs, numbers=numbers)
    except DataError as error:
        # Rows are numbered by their line here.
        named = error.message.replace("row ", "line ", 1)
        raise DataError(f"{path}: {named}", error.hint, **error.details) from error
