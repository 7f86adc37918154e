"""The work on one task: search every source, rank what comes, keep the best as evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agentkit.capabilities import Document, Hit, SearchResult
from agentkit.errors import AgentkitError, BrokenOff
from agentkit_deep_research import roles
from agentkit_deep_research.desk import Desk
from agentkit_deep_research.evidence import Span, span_id
from agentkit_deep_research.facets import Facet
from agentkit_deep_research.guarding import orders
from agentkit_deep_research.inbox import HEARD, Inbox, cancels, change
from agentkit_deep_research.limits import late
from agentkit_deep_research.ranking import (
    WIDEST,
    WIDEST_UNSURE,
    Candidate,
    Scored,
    choose,
    familiar,
    meet,
    rank,
    rarity_of,
    usable,
)
from agentkit_deep_research.routing import agent_of
from agentkit_deep_research.sentences import Unit, units
from agentkit_deep_research.tables import is_row
from agentkit_deep_research.values import date_of, holds_subject

if TYPE_CHECKING:
    from agentkit.capabilities import Runtime
    from agentkit.kit import Parts
    from agentkit_deep_research.settings import ResearchSettings
    from agentkit_deep_research.todo import Task


class Searcher:
    """One visit of the work node."""

    def __init__(
        self,
        rt: Runtime,
        parts: Parts,
        settings: ResearchSettings,
        inbox: Inbox,
        task: Task,
    ) -> None:
        self.rt, self.parts, self.settings = rt, parts, settings
        self.inbox, self.task = inbox, task
        self.sources: Sequence[str] = task.sources or inbox.sources
        self._documents: dict[tuple[str, str], Document] = {}
        self._warned: set[str] = set()
        self._found: list[Candidate] = []

    def run(self, desk: Desk) -> None:
        """Searches, between searches listens to what people say, and ends the task. One that is
        cancelled while a source or a model is at work on it is left there, and so is one in
        which the time of the run is used up."""
        while not late(self.rt):
            try:
                with self.rt.breakable(HEARD, cancels(self.task, desk, self.inbox)):
                    self._work(desk)
                return
            except BrokenOff:
                desk = self._listen()
                if self._stopped(desk):
                    return
        self._cut_short(desk)

    def _cut_short(self, desk: Desk) -> None:
        """What was found until then is kept; a task that found nothing has not been done."""
        found, self._found = self._found, []
        kept = self._keep(desk, self._facet(desk), found, judged=False) if found else 0
        if kept:
            said = f"cut short, the time was over: {kept} quotes kept of {len(found)} sentences"
            change(self.rt, self.task, status="done", reason=said)
        else:
            change(self.rt, self.task, status="pending", reason="the time was over")

    def _work(self, desk: Desk) -> None:
        facet = self._facet(desk)
        found = self._found = []
        failed = []
        query = self._query(desk)
        for source in self._searched(desk):
            desk = self._listen()
            if self._stopped(desk):
                return
            if desk.rules.standing("ban") and self._banned(desk, source):
                continue
            result = self._search(desk, source, query)
            if result.status in ("failed", "blocked"):
                failed.append(source)
            found += self._read(desk, source, result)
        kept = self._keep(desk, facet, found)
        desk = self._listen()
        if self._stopped(desk):
            return
        if kept or len(failed) < len(self.sources):
            said = f"{kept} quote{'s' * (kept != 1)} kept of {len(found)} sentences"
            change(self.rt, self.task, status="done", reason=said)
        else:
            why = f"could not search {', '.join(failed)}"
            change(self.rt, self.task, status="blocked", reason=why)

    def _facet(self, desk: Desk) -> Facet:
        """What sentences are judged by; a bridge stands for the facet's names."""
        facet = desk.facets[self.task.facet]
        return replace(facet, text=self.task.query, context=()) if self.task.bridge else facet

    # -- steering ---------------------------------------------------------------------------------

    def _listen(self) -> Desk:
        self.rt.refresh()  # what tasks beside this one were told counts here too
        return self.inbox.take(self.rt)

    def _searched(self, desk: Desk) -> list[str]:
        """The task's sources, with those in front that people require."""
        required = [r.value for r in desk.rules.standing("require")]
        return list(dict.fromkeys([*required, *self.sources]))

    def _banned(self, desk: Desk, source: str) -> bool:
        rule = desk.rules.against("", "", source, self.task.id)
        if rule is None:
            return False
        self.rt.emit("directive.applied", {"id": rule.id, "task": self.task.id, "queries": 1})
        return True

    def _stopped(self, desk: Desk) -> bool:
        task = desk.todo.get(self.task.id)
        return task is None or task.status == "cancelled"

    # -- searching --------------------------------------------------------------------------------

    def _query(self, desk: Desk) -> str:
        query = self.task.query
        if not roles.available(desk, self.parts, "keywords", self.settings.tokens):
            return query
        extra = roles.keywords(self.rt, query, self._known)
        return " ".join([query, *extra])

    def _known(self, words: list[str]) -> list[str]:
        """Those of some words that a source holds; all, where no source can tell."""
        from agentkit.capabilities import Vocabulary

        def do() -> list[str]:
            found = [self.parts.kit.source(name) for name in self.sources]
            able = [s for s in found if isinstance(s, Vocabulary)]
            return [w for w in words if not able or any(s.document_frequency(w) for s in able)]

        return list(self.rt.record("vocabulary", {"words": words}, do))

    def _search(self, desk: Desk, source: str, query: str) -> SearchResult:
        agent = agent_of(desk.kinds.get(source, "documents"))
        shaped = agent.shape(desk.facets[self.task.facet], query)
        text, rule = desk.rules.cleaned(shaped, self.task.id)
        if rule is not None:
            self.rt.emit("directive.applied", {"id": rule.id, "task": self.task.id, "queries": 1})
        if not text:
            result = SearchResult("empty", reason=f"{rule.id if rule else 'a rule'} left no words")
        else:
            try:
                result = self.rt.search(source, text, self.settings.hits)
            except AgentkitError as error:
                result = SearchResult("failed", reason=error.message)
        done = {
            "task": self.task.id,
            "source": source,
            "query": text or shaped,
            "agent": agent.kind,
        }
        told = {"status": result.status, "reason": result.reason, "hits": len(result.hits)}
        self.rt.emit("query.done", {**done, **told})
        return result

    def _read(self, desk: Desk, source: str, result: SearchResult) -> list[Candidate]:
        """The quotable units of the hits that no rule forbids and that give no orders."""
        found, removed = [], dict[str, int]()
        rows = desk.kinds.get(source) == "sql"
        hits = result.hits
        if rows:  # the answer; what the tables are made of stands behind it
            hits = tuple(h for h in hits if h.document == hits[0].document)
        for number, hit in enumerate(hits):
            about = "\n".join([hit.document, hit.title, *hit.location.heading])
            rule = desk.rules.against("", about, source, self.task.id)
            if rule is not None:
                removed[rule.id] = removed.get(rule.id, 0) + 1
                continue
            self._watch(source, hit)
            before = ""
            for unit in self._units(hit, rows):
                candidate = Candidate(unit, source, hit, number, before)
                before = unit.text
                fits = usable(candidate) or (rows and is_row(unit.text))
                if fits and not orders(unit.text):
                    found.append(candidate)
        for id, passages in removed.items():
            told = {"id": id, "task": self.task.id, "passages": passages}
            self.rt.emit("directive.applied", told)
        return found

    def _units(self, hit: Hit, rows: bool) -> list[Unit]:
        """Rows as they are; of one with orders in it, its sentences, which may be harmless."""
        found = units(hit.text, hit.location.start, short=rows)
        if not rows:
            return found
        whole = [[u] if not orders(u.text) else units(u.text, u.start) for u in found]
        return [unit for parts in whole for unit in parts]

    def _watch(self, source: str, hit: Hit) -> None:
        """Text that reads like orders to a machine is told of; it stays data like all other."""
        found = orders(hit.text)
        if hit.document not in self._warned and found:
            self._warned.add(hit.document)
            data = {"source": source, "document": hit.document, "text": found}
            self.rt.emit("injection.found", data)

    # -- choosing ---------------------------------------------------------------------------------

    def _keep(self, desk: Desk, facet: Facet, found: list[Candidate], judged: bool = True) -> int:
        """Emits the best candidates as evidence; returns how many. judged: models may judge."""
        allowed, removed = [], dict[str, int]()
        for candidate in found:
            rule = desk.rules.against(candidate.unit.text, "", candidate.source, self.task.id)
            if rule is None:
                allowed.append(candidate)
            else:
                removed[rule.id] = removed.get(rule.id, 0) + 1
        for id, spans in removed.items():
            told = {"id": id, "task": self.task.id, "spans": spans}
            self.rt.emit("directive.applied", told)
        if self.task.bridge:  # what does not speak of it leads nowhere
            allowed = [c for c in allowed if holds_subject(self.task.bridge, _all(c))]
        scored = self._rank(desk, facet, allowed, judged)
        rules, task = desk.rules, self.task.id
        if rules.standing("focus", "prefer", "require", task=task):
            scored.sort(
                key=lambda s: -(s.score + rules.bonus(_all(s.candidate), s.candidate.source, task))
            )
        kept = 0
        rare = rarity_of(*desk.counts[self.task.facet])
        sure = familiar(scored)
        most = 2 * (self.settings.quotes if sure else self.settings.unsure)
        taken: dict[str, list[Unit]] = {}
        for one in choose(scored, most, rare, facet.query):
            quoted = taken.setdefault(one.candidate.hit.document, [])
            if any(meet(one.candidate.unit, other) for other in quoted):
                continue

            def left_out(unit: Unit, quoted: list[Unit] = quoted, one: Scored = one) -> bool:
                forbidden = desk.rules.against(unit.text, "", one.candidate.source, self.task.id)
                return (
                    forbidden is not None
                    or bool(orders(unit.text))
                    or any(meet(unit, other) for other in quoted)
                )

            quote = one.candidate.widened(WIDEST if sure else WIDEST_UNSURE, left_out)
            quoted.append(quote)
            span = self._span(one, quote)
            if span is not None and span.id != span.via:
                self.rt.emit("evidence.added", span.to_json())
                kept += 1
        return kept

    def _rank(self, desk: Desk, facet: Facet, found: list[Candidate], models: bool) -> list[Scored]:
        """Candidates, best first. A model judges the best of them where it may: the embedder only
        what is asked in other words than the sources use, for elsewhere it loses hits."""
        rare = rarity_of(*desk.counts[self.task.facet])
        scored = rank(facet, found, rare)
        signals: dict[Candidate, dict[str, float]] = {}

        def judged(role: str, name: str, most: int, ask: Callable[[list[Candidate]], Any]) -> None:
            nonlocal scored
            if not (models and scored) or not roles.available(
                desk, self.parts, role, self.settings.tokens
            ):
                return
            best = [s.candidate for s in scored[:most]]
            values = ask(best)
            if values is not None:
                for candidate, value in zip(best, values, strict=True):
                    signals.setdefault(candidate, {})[name] = value
                scored = rank(facet, best, rare, signals)

        rt, parts, query = self.rt, self.parts, facet.query
        if not familiar(scored):
            judged(
                "embedder",
                "meaning",
                roles.MEANINGS,
                lambda best: roles.meanings(rt, parts, query, [c.readings for c in best]),
            )
        judged(
            "ranker",
            "likelihood",
            roles.LIKELIHOODS,
            lambda best: roles.likelihoods(rt, parts, query, [c.unit.text for c in best]),
        )
        return scored

    def _span(self, one: Scored, quote: Unit) -> Span | None:
        """The quote around a candidate as evidence; None where its document does not hold it any
        more."""
        unit, hit, source = one.candidate.unit, one.candidate.hit, one.candidate.source
        place = (source, hit.document)
        if place not in self._documents:
            try:
                self._documents[place] = self.rt.open(*place)
            except AgentkitError as error:
                text = f"{hit.document} was found and could not be opened: {error.message}"
                self.rt.emit("warning", {"text": text})
                return None
        document = self._documents[place]
        if document.text.encode()[quote.start : quote.end] != quote.text.encode():
            text = f"{hit.document} changed while it was read; its passages are left out."
            self.rt.emit("warning", {"text": text})
            return None
        return Span(
            span_id(source, hit.document, quote.start, quote.end),
            source,
            hit.document,
            hit.title,
            document.uri,
            document.sha256,
            quote.start,
            quote.end,
            quote.text,
            tuple(hit.location.heading),
            hit.location.page,
            hit.location.anchor,
            self.task.facet,
            self.task.id,
            self.task.query,
            one.score,
            one.parts,
            (unit.start, unit.end),
            date_of(hit.document, hit.title, document.text, tuple(hit.location.heading)),
            self.task.bridge,
            self.task.via,
        )


def _all(candidate: Candidate) -> str:
    return f"{candidate.unit.text}\n{candidate.about}"
