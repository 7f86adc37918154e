"""The part: `use = "sql"`."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from agentkit.capabilities import Document, Hit, LanguageModel, SearchResult, SourceInfo
from agentkit.errors import ConfigError, DataError
from agentkit.kit import Parts
from agentkit.secrets import resolve
from agentkit_sources.blocks import clean
from agentkit_sources.sql.catalog import Catalog, look, words_of
from agentkit_sources.sql.documents import TABLE, Made, of_rows, of_table
from agentkit_sources.sql.engine import Engine, QueryError
from agentkit_sources.sql.intent import Intent
from agentkit_sources.sql.linking import alike
from agentkit_sources.sql.mentioning import mentioning
from agentkit_sources.sql.postgres import PostgresEngine
from agentkit_sources.sql.proposing import propose
from agentkit_sources.sql.reading import read_question
from agentkit_sources.sql.rows import Rows
from agentkit_sources.sql.settings import SqlSettings
from agentkit_sources.sql.sqlite import SqliteEngine
from agentkit_sources.sql.statements import Refused, Statement, looks_like_sql, read
from agentkit_sources.sql.writing import write
from agentkit_sources.words import words as content_words

_PROPOSED = "the SQL was proposed by a model"
_OF_PROSE = 3  # passages of one table
_LONGEST_QUESTION = 20_000  # characters that are looked at


@dataclass(frozen=True, slots=True)
class Answer:
    """A question's rows, or none. reason: what a reader should know about how they came about."""

    statement: Statement | None = None
    rows: Rows | None = None
    label: str = ""
    share: float = 1.0
    reason: str = ""


class SqlSource:
    """A database as a Source: a query is a question in words, or one SELECT statement.

    Nothing is ever written: see `agentkit_sources.sql.statements` and the two engines.
    """

    def __init__(self, settings: SqlSettings, parts: Parts) -> None:
        self.settings = settings
        self.engine = _engine(settings, parts)
        self._model: LanguageModel | None = parts["model"]
        self.info = SourceInfo(parts.name, "sql", f"the database {self.engine.uri}")
        self._lock = threading.Lock()
        self._catalog: Catalog | None = None
        self._version = ""
        self._fresh_until = 0.0

    # -- Source -----------------------------------------------------------------------------------

    def search(self, query: str, k: int = 10) -> SearchResult:
        query = clean(query)[:_LONGEST_QUESTION].strip()
        if not query or k < 1:
            return SearchResult("empty", reason="nothing was asked")
        try:
            if looks_like_sql(query):
                statement, rows = self.run(query)
                return self._result(Answer(statement, rows), [], k)
            catalog = self.catalog()
            answer = self.answer(query)
            others = self._tables(query, catalog)
            if answer is None or answer.rows is None:
                others += self._prose(query, catalog)
            return self._result(answer, others, k)
        except Refused as error:
            return SearchResult("blocked", reason=str(error))
        except QueryError as error:
            return SearchResult("failed", reason=str(error))

    def open(self, document: str) -> Document:
        try:
            if document.startswith(TABLE):
                catalog = self.catalog()
                for table in catalog.tables:
                    if document == f"{TABLE}{table.name}":
                        return of_table(table, catalog, self.engine.uri).document
            elif looks_like_sql(document):
                statement, rows = self.run(document)
                return self._made(statement, rows).document
        except (QueryError, Refused) as error:
            raise DataError(f"{self.info.name}: {error}", document[:200]) from error
        raise DataError(
            f"{self.info.name} has no document {document[:200]!r}",
            'name a table ("table orders") or a SELECT statement',
        )

    # -- what else it can do ----------------------------------------------------------------------

    def catalog(self) -> Catalog:
        """Tables, columns and links, looked at again after `refresh` seconds.

        Raises:
            QueryError: the database cannot be read.
        """
        with self._lock:
            now = time.monotonic()
            if self._catalog is None or now >= self._fresh_until:
                version = self.engine.version()
                if self._catalog is None or not version or version != self._version:
                    self._catalog = look(self.engine, self.settings.values)
                    self.info = replace(self.info, documents=len(self._catalog.tables) or None)
                self._version = version
                self._fresh_until = now + self.settings.refresh
            return self._catalog

    def run(self, sql: str) -> tuple[Statement, Rows]:
        """Checks and runs one statement; rows in an order that is the same each time.

        Raises:
            Refused: it is not one SELECT, or reads what may not be read.
            QueryError: the database could not run it, or not within `seconds`.
        """
        statement = read(sql, self.engine.dialect)
        rows = self.engine.run(statement, self.settings.rows, self.settings.seconds)
        return statement, rows.canonical(statement.ordered)

    def answer(self, question: str) -> Answer | None:
        """Rows for a question in words: by rules where they understand all of it, else by the
        model, else by what the rules did understand.

        Raises:
            QueryError: the database could not run it, or not within `seconds`.
        """
        catalog = self.catalog()
        readings = read_question(question, catalog, self.settings.glossary)
        best = min(readings, key=lambda r: len(r.unused)) if readings else None
        doubt = ""
        if self._model is not None and (best is None or best.unused):
            made = propose(self._model, question, catalog, self.run, self.settings.repairs)
            if made.statement and made.rows:
                reason = _PROPOSED
                if made.faults:
                    reason += f", mended {len(made.faults)} times"
                return Answer(made.statement, made.rows, _PROPOSED, 0.5, reason)
            doubt = f"the model's SQL failed: {made.faults[-1]}; " if made.faults else ""
        if best is None or not _understood(best, question):
            return Answer(reason=doubt.rstrip("; ")) if doubt else None
        statement, rows = self.run(write(best, catalog))
        unused = ", ".join(best.unused)
        reason = f"{doubt}read as: {best.label()}" + (f"; not used: {unused}" if unused else "")
        return Answer(statement, rows, best.label(), 1 / (1 + len(best.unused)), reason)

    def loaded(self) -> dict[str, str]:
        """For the recipe of a run."""
        return {"database": self.engine.uri, "version": self.engine.version()}

    def close(self) -> None:
        self.engine.close()

    # -- inside -----------------------------------------------------------------------------------

    def _result(self, answer: Answer | None, tables: list[Hit], k: int) -> SearchResult:
        hits = list(tables)
        if answer and answer.statement and answer.rows:
            made = self._made(answer.statement, answer.rows)
            hits += made.hits(answer.share, k, "rows", answer.label)
        if not hits:
            why = answer.reason if answer else "the question names nothing in the database"
            return SearchResult("empty", reason=why)
        hits.sort(key=lambda hit: -hit.score)
        return SearchResult("ok", tuple(hits[:k]), answer.reason if answer else "")

    def _made(self, statement: Statement, rows: Rows) -> Made:
        return of_rows(statement, rows, self.engine.uri, self.settings.cell)

    def _prose(self, question: str, catalog: Catalog) -> list[Hit]:
        """Rows that hold the words of a question which names nothing else."""
        hits: list[Hit] = []
        for sql, table, asked in mentioning(question, catalog):
            statement, rows = self.run(sql)
            if rows.rows:
                label = f"rows of {table.name} that hold {', '.join(asked)}"
                hits += self._made(statement, rows).hits(0.4, _OF_PROSE, "prose", label)
        return hits

    def _tables(self, question: str, catalog: Catalog) -> list[Hit]:
        """Descriptions of tables that the question names, or whose columns it names."""
        asked = content_words(question)[:80]
        hits: list[Hit] = []
        for table in catalog.tables:
            own = {word: 1.0 for word in words_of(table.name)}
            names = {word: 0.8 for c in table.columns for word in c.words} | own
            said = sum(max(alike(word, n) * worth for n, worth in names.items()) for word in asked)
            if said:
                score = round(0.45 * said / len(asked), 6)
                hits += of_table(table, catalog, self.engine.uri).hits(score, 1, "names")
        return hits


def _engine(settings: SqlSettings, parts: Parts) -> Engine:
    if settings.path is not None:
        return SqliteEngine(parts.resolve(settings.path, "path").resolve(), settings.tables)
    assert settings.url is not None
    url = settings.url
    if not url.startswith(("postgresql://", "postgres://")):
        url = resolve(url)
    elif urlsplit(url).password is not None or "password=" in url:
        raise ConfigError(
            f"sources.{parts.name}.url holds a password",
            'put the whole address into the environment and write url = "env:NAME"',
        )
    return PostgresEngine(url, settings.schemas, settings.tables, settings.role)


def _understood(reading: Intent, question: str) -> bool:
    """Whether a reading makes use of at least half of the question's own words."""
    return 2 * len(reading.unused) <= len(content_words(question))
