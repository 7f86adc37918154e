"""The floor: questions in plain words to intents, by rules and the words of the database alone.

Templates: count, sum, average, least and greatest, shares, the top k, one row for each group, by
year and month, rows that were asked for by name. What a reading made no use of is kept with it, so
that nobody takes a half-understood question for an answered one.
"""

from __future__ import annotations

from collections.abc import Mapping

from agentkit_sources.sql.catalog import Catalog, Column, Table
from agentkit_sources.sql.comparing import absences, comparisons, dates, equalities
from agentkit_sources.sql.intent import Filter, Function, Intent, Measure, Operator, Order
from agentkit_sources.sql.joining import path
from agentkit_sources.sql.linking import ASKING, Mention, Token, link, tokens

_DIFFERENT = frozenset("different distinct unique".split())
_SHARE = frozenset("share percentage percent fraction proportion".split())
_MOST = frozenset(
    "highest largest biggest longest greatest strongest maximum max most latest worst oldest "
    "fastest heaviest".split()
)
_LEAST = frozenset(
    "lowest smallest shortest weakest minimum min fewest least earliest slowest".split()
)
_FUNCTIONS: dict[str, Function] = {
    **dict.fromkeys(("average", "mean"), "avg"),
    **dict.fromkeys(("total", "sum"), "sum"),
    **dict.fromkeys(_MOST, "max"),
    **dict.fromkeys(_LEAST, "min"),
}
_LISTING = frozenset("the list bottom first are".split())
_EACH = frozenset("each per every by".split())
_FROM = frozenset("origin source departure from start sender".split())
_TO = frozenset("dest destination target arrival to end receiver".split())
# Verbs and fillers that a table full of events goes without.
_FILLERS = frozenset(
    "flown flew fly went go operate operated left leave made make built build manufactured "
    "belong belongs called code database record records row rows entry entries happen happened "
    "scheduled cancelled day year only please find know like any some other them were".split()
)


def read_question(question: str, catalog: Catalog, glossary: Mapping[str, str]) -> list[Intent]:
    """Readings of a question, the likeliest first; none where it names nothing in the database."""
    words = tokens(question)[:80]
    mentions = link(words, catalog, glossary)
    if not mentions:
        return []
    scored = sorted(_tables(words, mentions, catalog), key=lambda pair: -pair[0])
    best = [table for score, table in scored if score == scored[0][0] > 0][:2]
    readings = [_Reader(words, mentions, catalog, table).read() for table in best]
    return [reading for reading in readings if reading is not None]


def _tables(
    words: list[Token], mentions: dict[int, Mention], catalog: Catalog
) -> list[tuple[float, Table]]:
    """How much speaks for each table as the one whose rows are counted or shown."""
    subjects = {start for start in mentions if _is_counted(words, start)}
    scored = []
    for table in catalog.tables:
        score = 0.0
        for start, mention in mentions.items():
            if table in mention.tables:
                score += 3 if start in subjects else 1
            elif any(c.table == table.name for c in mention.columns):
                score += 1 if mention.kind == "column" else 0.5
            elif any(c.table == table.name for c, _ in mention.values):
                score += 0.5
        scored.append((score, table))
    return scored


def _is_counted(words: list[Token], at: int) -> bool:
    """Whether the words before say that these are counted: "how many", "most", "than 100"."""
    before = [w.lower for w in words[max(0, at - 3) : at]]
    while before and before[-1] in ("different", "distinct", "unique", "of", "all", "the"):
        before.pop()
    if not before:
        return False
    counted = before[-1] in ("many", "number", "count", "most", "fewest", "least", *_SHARE)
    compared = len(before) > 1 and before[-2] in ("than", "least", "most")
    return counted or (compared and words[at - 1].number is not None)


class _Reader:
    """One question read for one table."""

    def __init__(
        self, words: list[Token], mentions: dict[int, Mention], catalog: Catalog, table: Table
    ) -> None:
        self.words, self.mentions, self.catalog, self.table = words, mentions, catalog, table
        self.lower = [word.lower for word in words]
        self.used: set[int] = set()

    def read(self) -> Intent | None:
        wanted, having = self._conditions()
        group = self._group()
        measure, order = self._measure(group)
        ranked = self._ranked(measure, order, group, having)
        if isinstance(ranked, Intent):
            return self._finish(ranked, wanted)
        group, order, limit = ranked
        if measure is None and not group:
            shown = self._shown({f.column for f in wanted})
            if not shown and not wanted:
                return None
            return self._finish(Intent(self.table, show=shown), wanted)
        if measure is None:
            measure = Measure("count")
        if measure.function == "share":
            measure, wanted = self._shared(wanted)
            if not measure.wanted:
                return None
        rows_of_none = (
            [Filter(c, "is not null") for c in group]
            if limit and all(c.table == self.table.name for c in group)
            else []
        )
        made = Intent(self.table, measure, (), group, having=having, order=order, limit=limit)
        return self._finish(made, [*wanted, *rows_of_none])

    # -- conditions -------------------------------------------------------------------------------

    def _conditions(self) -> tuple[list[Filter], tuple[Operator, float] | None]:
        filters: list[Filter] = []
        having: tuple[Operator, float] | None = None
        for found in comparisons(self.words, self.mentions, self.table):
            self.used |= set(range(found.start, found.end))
            if found.filter:
                filters.append(found.filter)
                self._use_words_of(found.filter.column)
            else:
                having = (found.operator, found.value)
        for source in (
            dates(self.words, self.table, self.used),
            absences(self.words, self.mentions, self.table),
            equalities(self.words, self.mentions, self.table, self.used),
        ):
            for at, condition in list(source):
                if condition not in filters:
                    filters.append(condition)
                self._use(at)
        for start, mention in self.mentions.items():
            if mention.kind == "value" and (found_value := self._value(start, mention)):
                filters.append(found_value)
                self._use(start)
        return filters, having

    def _value(self, start: int, mention: Mention) -> Filter | None:
        """The condition that a named value states, on the column that is likeliest meant."""

        def cost(place: tuple[Column, str]) -> tuple[float, ...]:
            column = place[0]
            own = column.table == self.table.name
            steps = 0 if own else len(path(self.catalog, self.table.name, column.table) or ())
            if not own and not steps:
                return (99.0,)
            before = set(self.lower[max(0, start - 2) : start])
            named = any(
                column in m.columns
                for m in self.mentions.values()
                if m.end in (start, start - 1) or m.start == start + (mention.end - mention.start)
            )
            names = set(column.words)
            apt = ("from" in before and names & _FROM) or ("to" in before and names & _TO)
            unapt = ("from" in before and names & _TO) or ("to" in before and names & _FROM)
            towards = -1.0 if named or apt else 1.0 if unapt else 0.0
            return (steps, towards, float("id" in names))

        usable = [place for place in mention.values if cost(place) < (99.0,)]
        if not usable:
            return None
        column, value = min(usable, key=cost)
        return Filter(column, "=", value)

    # -- what is asked for ------------------------------------------------------------------------

    def _group(self) -> tuple[Column, ...]:
        """Columns after "each", "per" and "by"; a table stands for what its rows are called."""
        found: list[Column] = []
        for start, mention in self.mentions.items():
            before = self.lower[start - 1] if start else ""
            qualifies = self.mentions.get(mention.end)
            if before not in _EACH or mention.kind == "value":
                continue
            if qualifies is not None and qualifies.kind == "value":
                continue  # "by carrier DL" names one of them
            column = self._column(mention, found)
            if column is not None:
                self._use(start)
                self.used.add(start - 1)
                found = [c for c in found if c.table != column.table or c not in self._keys()]
                found.append(column)
        return tuple(dict.fromkeys(found))

    def _keys(self) -> set[Column]:
        return {link.parent for link in self.catalog.links}

    def _measure(self, group: tuple[Column, ...]) -> tuple[Measure | None, Order]:
        """(the number that is asked for, the way it is ranked: "", asc or desc)."""
        order: Order = ""
        for at, word in enumerate(self.lower):
            if word in _SHARE:
                return Measure("share"), ""
            function = _FUNCTIONS.get(word)
            if function is None or at in self.used:
                continue
            following = self.lower[at + 1] if at + 1 < len(self.lower) else ""
            if function in ("max", "min") and following in ("average", "mean", "total", "number"):
                order = "desc" if function == "max" else "asc"
                continue
            start = self._next_mention(at)
            mention = self.mentions.get(start) if start is not None else None
            column = self._numeric(mention) if mention else None
            if column and start is not None:
                self._use(start)
                return Measure(function, column), order
            if mention and self.table in mention.tables and function in ("max", "min"):
                self._use(start or 0)
                return Measure("count"), "desc" if function == "max" else "asc"
        for at, word in enumerate(self.lower):
            if word in ("many", "number", "count") and at not in self.used:
                start = self._next_mention(at, 3)
                mention = self.mentions.get(start) if start is not None else None
                if mention is None or start is None:
                    continue
                distinct = bool(_DIFFERENT & set(self.lower[at:start]))
                self._use(start)
                if self.table in mention.tables and not distinct:
                    return Measure("count"), order
                column = self._key(mention) if mention.tables else self._column(mention, [])
                if column:
                    return Measure("count", column, distinct or column.kind == "text"), order
        return None, order

    def _ranked(
        self,
        measure: Measure | None,
        order: Order,
        group: tuple[Column, ...],
        having: tuple[Operator, float] | None,
    ) -> Intent | tuple[tuple[Column, ...], Order, int | None]:
        """The things that are ranked or picked out: (what, which way, how many)."""
        at, limit = self._asked_thing()
        if at is None:
            return group, "", None
        mention = self.mentions[at]
        top = "top" in self.lower[:at]
        extreme = measure is not None and measure.function in ("max", "min") and measure.column
        if extreme and measure is not None and self.table in mention.tables:
            self._use(at)
            by = measure.column
            label = self.table.label or next((c for c in self.table.columns if c.unique), None)
            shown = tuple(c for c in (label, by) if c is not None)
            way: Order = "desc" if measure.function == "max" else "asc"
            return Intent(
                self.table,
                show=shown,
                order=way,
                by=by,
                limit=limit or 1,
            )
        if not (order or top or having):
            return group, "", None
        column = self._column(mention, list(group))
        if column is None:
            return group, "", None
        self._use(at)
        if column not in group:
            group = (column, *group)
        if having and not (order or top):
            return group, "", None
        return group, order or "desc", limit or (1 if order else None)

    def _asked_thing(self) -> tuple[int | None, int | None]:
        """(the mention after "which", "list the ten", "top 3"; the number there)."""
        for at in self.mentions:
            before = self.lower[max(0, at - 3) : at]
            number = self.words[at - 1].number if at else None
            if before[-1:] in (["which"], ["what"]):
                return at, None
            leads = before[:-1] if number is not None else before
            lead = leads[-1] if leads else ""
            if lead == "top" or (number is not None and lead in _LISTING):
                self.used.add(at - 1)
                return at, int(number) if number else None
        return None, None

    def _shown(self, filtered: set[Column]) -> tuple[Column, ...]:
        """Columns that are named without a condition on them."""
        found = []
        for start, mention in self.mentions.items():
            if start in self.used or not mention.columns:
                continue
            own = [c for c in mention.columns if c.table == self.table.name and c not in filtered]
            if own:
                self._use(start)
                found.append(own[0])
        return tuple(dict.fromkeys(found))

    def _shared(self, filters: list[Filter]) -> tuple[Measure, list[Filter]]:
        """Comparisons and absences say what is counted, named values among what."""
        wanted = tuple(f for f in filters if f.operator != "=" or isinstance(f.value, float))
        wanted = wanted or tuple(filters)
        return Measure("share", wanted=wanted), [f for f in filters if f not in wanted]

    # -- small things -----------------------------------------------------------------------------

    def _finish(self, made: Intent, filters: list[Filter]) -> Intent:
        for start, mention in self.mentions.items():
            if mention.kind == "table" or any(
                c in mention.columns for c in (f.column for f in filters)
            ):
                self._use(start)
        unused = tuple(
            word.text
            for at, word in enumerate(self.words)
            if at not in self.used and word.lower not in ASKING | _FILLERS and len(word.text) > 1
        )
        return Intent(
            made.table,
            made.measure,
            tuple(filters),
            made.group,
            made.show,
            made.having,
            made.order,
            made.by,
            made.limit,
            unused,
        )

    def _use(self, start: int) -> None:
        mention = self.mentions.get(start)
        self.used |= set(range(start, mention.end if mention else start + 1))

    def _use_words_of(self, column: Column) -> None:
        for start, mention in self.mentions.items():
            if column in mention.columns:
                self._use(start)
        for at, word in enumerate(self.lower):
            if any(word.startswith(name) and len(name) > 2 for name in column.words):
                self.used.add(at)
            if word == "late":
                self.used.add(at)

    def _next_mention(self, at: int, within: int = 4) -> int | None:
        return next((s for s in self.mentions if at < s <= at + within), None)

    def _numeric(self, mention: Mention) -> Column | None:
        kinds = ("integer", "number", "date")
        own = [c for c in mention.columns if c.table == self.table.name and c.kind in kinds]
        return own[0] if own and mention.kind == "column" else None

    def _key(self, mention: Mention) -> Column | None:
        """The column of this table that refers to a mentioned one."""
        for link_ in self.catalog.links:
            if link_.child.table == self.table.name and link_.parent.table in [
                t.name for t in mention.tables
            ]:
                return link_.child
        return None

    def _column(self, mention: Mention, group: list[Column]) -> Column | None:
        """The column that a mention groups by: this table's own, that of a table grouped by
        already, a linked table's name, or the reference to it."""
        own = [c for c in mention.columns if c.table == self.table.name]
        if own:
            return own[0]
        if mention.tables and self.table not in mention.tables:
            other = mention.tables[0]
            label, key = other.label, self._key(mention)
            if label is not None and path(self.catalog, self.table.name, other.name):
                return label
            return key
        mentioned = {t.name for m in self.mentions.values() for t in m.tables}
        linked = [
            c for c in mention.columns if path(self.catalog, self.table.name, c.table) is not None
        ]
        linked.sort(
            key=lambda c: (c.table not in {g.table for g in group}, c.table not in mentioned)
        )
        return linked[0] if linked else None
