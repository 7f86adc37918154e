"""The work on one task: search every source, rank what comes, keep the best as evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from agentkit.capabilities import Document, Hit, SearchResult
from agentkit.errors import AgentkitError
from agentkit_deep_research import roles
from agentkit_deep_research.desk import Desk, change, take
from agentkit_deep_research.evidence import Span, span_id
from agentkit_deep_research.facets import Facet
from agentkit_deep_research.guarding import reads_like_orders
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
from agentkit_deep_research.sentences import Unit, units

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
        sources: Sequence[str],
        task: Task,
    ) -> None:
        self.rt, self.parts, self.settings = rt, parts, settings
        self.sources, self.task = sources, task
        self._documents: dict[tuple[str, str], Document] = {}
        self._warned: set[str] = set()

    def run(self, desk: Desk) -> None:
        """Searches, between searches listens to what people say, and ends the task."""
        facet, found = desk.facets[self.task.facet], []
        failed = []
        query = self._query(desk)
        for source in self.sources:
            desk = self._listen()
            if self._stopped(desk):
                return
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

    # -- steering ---------------------------------------------------------------------------------

    def _listen(self) -> Desk:
        self.rt.refresh()  # what tasks beside this one were told counts here too
        return take(self.rt)

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
        text, rule = desk.rules.cleaned(query)
        if rule is not None:
            self.rt.emit("directive.applied", {"id": rule.id, "queries": 1})
        if not text:
            result = SearchResult("empty", reason=f"{rule.id if rule else 'a rule'} left no words")
        else:
            try:
                result = self.rt.search(source, text, self.settings.hits)
            except AgentkitError as error:
                result = SearchResult("failed", reason=error.message)
        done = {"task": self.task.id, "source": source, "query": text or query}
        told = {"status": result.status, "reason": result.reason, "hits": len(result.hits)}
        self.rt.emit("query.done", {**done, **told})
        return result

    def _read(self, desk: Desk, source: str, result: SearchResult) -> list[Candidate]:
        """The quotable units of the hits that no rule forbids."""
        found, removed = [], dict[str, int]()
        for number, hit in enumerate(result.hits):
            about = "\n".join([hit.document, hit.title, *hit.location.heading])
            rule = desk.rules.against("", about)
            if rule is not None:
                removed[rule.id] = removed.get(rule.id, 0) + 1
                continue
            self._watch(hit)
            before = ""
            for unit in units(hit.text, hit.location.start):
                candidate = Candidate(unit, source, hit, number, before)
                before = unit.text
                if usable(candidate):
                    found.append(candidate)
        for id, passages in removed.items():
            self.rt.emit("directive.applied", {"id": id, "passages": passages})
        return found

    def _watch(self, hit: Hit) -> None:
        if hit.document not in self._warned and reads_like_orders(hit.text):
            self._warned.add(hit.document)
            text = (
                f"{hit.document} holds text that reads like orders to a machine; it is only data."
            )
            self.rt.emit("warning", {"text": text})

    # -- choosing ---------------------------------------------------------------------------------

    def _keep(self, desk: Desk, facet: Facet, found: list[Candidate]) -> int:
        """Emits the best candidates as evidence; returns how many."""
        allowed, removed = [], dict[str, int]()
        for candidate in found:
            rule = desk.rules.against(candidate.unit.text)
            if rule is None:
                allowed.append(candidate)
            else:
                removed[rule.id] = removed.get(rule.id, 0) + 1
        for id, spans in removed.items():
            self.rt.emit("directive.applied", {"id": id, "spans": spans})
        scored = self._rank(desk, facet, allowed)
        wanted = desk.rules.standing("focus", "prefer")
        if wanted:
            scored.sort(key=lambda s: -(s.score + desk.rules.bonus(_all(s.candidate))))
        kept = 0
        rare = rarity_of(*desk.counts[self.task.facet])
        sure = familiar(scored)
        most = 2 * (self.settings.quotes if sure else self.settings.unsure)
        taken: dict[str, list[Unit]] = {}
        for one in choose(scored, most, rare, facet.query):
            quoted = taken.setdefault(one.candidate.hit.document, [])
            if any(meet(one.candidate.unit, other) for other in quoted):
                continue

            def left_out(unit: Unit, quoted: list[Unit] = quoted) -> bool:
                return desk.rules.against(unit.text) is not None or any(
                    meet(unit, other) for other in quoted
                )

            quote = one.candidate.widened(WIDEST if sure else WIDEST_UNSURE, left_out)
            quoted.append(quote)
            span = self._span(one, quote)
            if span is not None:
                self.rt.emit("evidence.added", span.to_json())
                kept += 1
        return kept

    def _rank(self, desk: Desk, facet: Facet, found: list[Candidate]) -> list[Scored]:
        """Candidates, best first. A model judges the best of them where it may: the embedder only
        what is asked in other words than the sources use, for elsewhere it loses hits."""
        rare = rarity_of(*desk.counts[self.task.facet])
        scored = rank(facet, found, rare)
        signals: dict[Candidate, dict[str, float]] = {}

        def judged(role: str, name: str, most: int, ask: Callable[[list[Candidate]], Any]) -> None:
            nonlocal scored
            if not scored or not roles.available(desk, self.parts, role, self.settings.tokens):
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
        )


def _all(candidate: Candidate) -> str:
    return f"{candidate.unit.text}\n{candidate.about}"
