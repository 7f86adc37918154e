"""Settings of the database source."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from agentkit.settings import PartSettings


class SqlSettings(PartSettings):
    """`use = "sql"`: give `path` or `url`.

    path: a SQLite file, opened read-only. url: a PostgreSQL database, "postgresql://…" without a
    password, or "env:NAME" / "keyring:service/user" for one that holds it. schemas: those of
    PostgreSQL that are shown. tables: globs of the tables and views that may be read; none given
    means all. role: "reader" refuses a PostgreSQL role that could write; "any" relies on read-only
    transactions alone. model: proposes SQL where the rules are unsure. repairs: how often it may
    mend a query, told what was wrong with it. seconds: of one query. rows, cell: at most so many
    rows of a result and characters of one value. values: at most so many different values of a text
    column are known by name. refresh: seconds until tables and columns are looked at again.
    glossary: words of yours for columns, `revenue = "orders.amount"`.
    """

    path: Path | None = None
    url: str | None = None
    schemas: tuple[str, ...] = ("public",)
    tables: tuple[str, ...] = ()
    role: Literal["reader", "any"] = "reader"
    model: str | None = None
    repairs: int = Field(default=2, ge=0, le=2)
    seconds: float = Field(default=10.0, gt=0, le=600)
    rows: int = Field(default=200, ge=1, le=10_000)
    cell: int = Field(default=500, ge=20, le=100_000)
    values: int = Field(default=5000, ge=0, le=100_000)
    refresh: float = Field(default=60.0, ge=0)
    glossary: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_database(self) -> SqlSettings:
        if (self.path is None) == (self.url is None):
            raise ValueError("give either `path` (SQLite) or `url` (PostgreSQL)")
        return self
