"""Facets and tasks: from the question, from what people ask besides, from what is still missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from agentkit.capabilities import Source, Vocabulary
from agentkit.errors import AgentkitError
from agentkit_deep_research import roles
from agentkit_deep_research.desk import Asked, Desk, look
from agentkit_deep_research.evidence import Span
from agentkit_deep_research.facets import MOST, Facet, facets, same_task
from agentkit_deep_research.gaps import Enough, Gap, absent, gap, hops, other_words
from agentkit_deep_research.gathering import gather
from agentkit_deep_research.ranking import rarity_of
from agentkit_deep_research.routing import route
from agentkit_deep_research.rules import Rule
from agentkit_deep_research.todo import ENDED, PRIORITY, Origin, Task
from agentkit_deep_research.words import content, forms, spaced, stem

if TYPE_CHECKING:
    from agentkit.capabilities import Runtime
    from agentkit.kit import Parts
    from agentkit_deep_research.settings import ResearchSettings

ENOUGH = Enough()
IDEAS = 2  # queries in other words that one gap may lead to in one round
READ = 10_000  # characters of a question that are read
SHOWN = 2_000  # characters of it that a planner is shown
HOPPED = ("unanswered", "weak", "nothing")  # gaps that another document may close


@dataclass(frozen=True, slots=True)
class Planner:
    """Works within one visit of a node."""

    rt: Runtime
    parts: Parts
    settings: ResearchSettings
    sources: Sequence[str]

    # -- from the question ------------------------------------------------------------------------

    def begin(self, question: str) -> Desk:
        """The question's facets become tasks; those that cannot be answered are said so at once."""
        self.rt.emit("sources.known", {"kinds": self._kinds()})
        gather(self.rt, self.parts.kit, self.sources)
        found = facets(question[:READ], MOST + 1)
        if len(question) > READ or len(found) > MOST:
            text = f"The question is long: {MOST} of its parts were looked for, ask the rest apart."
            self.rt.emit("warning", {"text": text})
        for facet in found[:MOST]:
            self.add(facet, "question")
        desk = look(self.rt)
        if roles.available(desk, self.parts, "planner", self.settings.tokens):
            titles = [f.title for f in desk.facets]
            for text in roles.proposals(self.rt, question[:SHOWN], titles):
                self._propose(text)
        return look(self.rt)

    def _propose(self, text: str) -> None:
        """A model's proposal becomes a task where it is new and the sources know its words."""
        desk = look(self.rt)
        facet = facets(text)[0]
        known = any(same_task(facet.query, other.query) for other in desk.facets)
        if known or not content(text) or len(desk.facets) >= MOST:
            self.rt.emit("plan.dropped", {"text": text, "reason": "nothing new"})
            return
        counts, total = self._count(facet)
        gone = [w for w in content(facet.query) if total and counts.get(w) == 0]
        if 2 * len(gone) > len(content(facet.query)):
            self.rt.emit("plan.dropped", {"text": text, "reason": f"unknown: {', '.join(gone)}"})
            return
        self.add(facet, "model", "a model proposed it")

    def add(self, facet: Facet, origin: Origin, why: str = "", asked: Asked | None = None) -> None:
        """A facet with its first task; blocked where a word that it needs occurs nowhere."""
        number = len(look(self.rt).facets)
        counts, total = self._count(facet)
        self.rt.emit(
            "facet.found",
            {"facet": number, **asdict(facet), "counts": counts, "passages": total},
        )
        nowhere = absent(facet, counts, rarity_of(counts, total)) if total else []
        if nowhere:
            self.rt.emit("word.absent", {"facet": number, "words": nowhere})
            shown = ", ".join(map(repr, nowhere))
            why = f"{shown} occur{'s' if len(nowhere) == 1 else ''} nowhere in the sources"
        desk = look(self.rt)
        self.task(
            number,
            facet.title,
            facet.query,
            origin,
            asked=asked,
            reason=why,
            status="blocked" if nowhere else "pending",
            sources=self._routed(desk, facet),
        )

    def task(
        self,
        facet: int,
        title: str,
        query: str,
        origin: Origin,
        *,
        asked: Asked | None = None,
        **values: Any,
    ) -> list[str]:
        """One more task, where the limit of tasks allows; who asked for more is told if not.
        Gives the id of what was added, if anything was."""
        desk = look(self.rt)
        if len(desk.todo) >= self.settings.tasks:
            limit = f"the limit of {self.settings.tasks} tasks is reached"
            if asked is not None:
                self._refuse(asked, limit)
            elif origin == "person":
                self.rt.emit("warning", {"text": f"Not searched for, {limit}: {title}."})
            return []
        priority = PRIORITY[origin]
        if asked is not None and asked.priority is not None:
            priority = asked.priority
        task = Task(
            desk.todo.next_id(),
            title,
            query,
            facet,
            priority=priority,
            order=len(desk.todo),
            origin=origin,
            author=asked.author if asked else "agent",
            **values,
        )
        self.rt.emit("todo.changed", task.to_json())
        return [task.id]

    def _routed(self, desk: Desk, facet: Facet) -> tuple[str, ...]:
        """The sources for a first try; none named where that is all of them."""
        required = [r.value for r in desk.rules.standing("require")]
        kinds = {s: desk.kinds.get(s, "documents") for s in self.sources}
        chosen = route(facet, kinds, required)
        return () if chosen == list(self.sources) else tuple(chosen)

    def _kinds(self) -> dict[str, str]:
        """What kind each source is; one that cannot be built is found out when it is searched."""

        def do() -> dict[str, str]:
            return {name: self._kind(name) for name in self.sources}

        return dict(self.rt.record("sources", {"names": list(self.sources)}, do))

    def _kind(self, name: str) -> str:
        try:
            found: Source = self.parts.kit.source(name)
        except AgentkitError:
            return "documents"
        return found.info.kind

    def _count(self, facet: Facet) -> tuple[dict[str, int], int]:
        """In how many passages each of a facet's words occurs, and how many passages there are; a
        total of 0 where a source cannot tell."""
        words = [w for w in content(facet.query) if spaced(w)]

        def do() -> dict[str, Any]:
            found: list[Source] = [self.parts.kit.source(name) for name in self.sources]
            able = [s for s in found if isinstance(s, Vocabulary)]
            if len(able) < len(found):
                return {"counts": {}, "total": 0}
            counts = {w: _frequency(able, w) for w in words}
            common = sum(s.document_frequency("the") for s in able)
            documents = sum(s.info.documents or 0 for s in found)
            return {"counts": counts, "total": max(common, documents, *counts.values(), 0)}

        self.rt.progress(f"counting the words of {facet.title[:80]!r}")
        try:
            made = self.rt.record("vocabulary", {"words": words}, roles.contained(do))
        except AgentkitError as error:  # the search will meet it too, and tell
            self.rt.progress(f"words could not be counted: {error.message}")
            return {}, 0
        return dict(made["counts"]), int(made["total"])

    # -- from people ------------------------------------------------------------------------------

    def asked_for(self, desk: Desk) -> Desk:
        """Turns into tasks what people added, each new focus, and what lifted rules had hidden."""
        for asked in desk.unheard:
            for facet in facets(asked.text):
                now = look(self.rt)
                same = [
                    task
                    for task in now.todo
                    if task.status in ("pending", "in_progress", "done")
                    and same_task(facet.query, now.facets[task.facet].query)
                ]
                if same:
                    self._refuse(asked, f"{same[0].id} asks for that already")
                else:
                    self.add(facet, "person", f"{asked.author} said: add: {asked.text}", asked)
            self.rt.emit("directive.heard", {"value": asked.text})
        for rule in look(self.rt).unserved:
            if rule.standing:
                self._look_for(rule)
            else:
                self._look_again(rule)
        self._tell_unmatched()
        return look(self.rt)

    def _look_for(self, rule: Rule) -> None:
        """Every facet gets a task about a new focus."""
        desk, made = look(self.rt), []
        for number, facet in enumerate(desk.facets):
            query = f"{facet.query} {rule.value}"
            if number not in desk.absent and not desk.said_before(query):
                title = f"{facet.title} ({rule.value})"
                why = f"{rule.id}: {rule.text}"
                made += self.task(number, title, query, "person", reason=why)
        self.rt.emit("directive.heard", {"rule": rule.id, "tasks": made})

    def _look_again(self, rule: Rule) -> None:
        """Tasks that lost something to a rule which was lifted run once more."""
        desk = look(self.rt)
        lost = [task for task in desk.todo if task.id in rule.tasks and task.status == "done"]
        for task in lost:
            sources = (rule.value,) if rule.kind == "ban" else task.sources
            self.task(
                task.facet,
                task.title,
                task.query,
                "person",
                reason=f"{rule.id} ({rule.text}) holds no more",
                sources=sources,
                bridge=task.bridge,
                via=task.via,
            )
        self.rt.emit("directive.heard", {"lifted": rule.id})

    def _tell_unmatched(self) -> None:
        """A focus of which nothing speaks is told as soon as its own tasks have looked for it."""
        desk = look(self.rt)
        for rule in desk.rules.standing("focus"):
            tasks = [desk.todo.get(id) for id in desk.focused.get(rule.id, ())]
            at_work = any(t is not None and t.status not in ENDED for t in tasks)
            if rule.id in desk.unmatched or at_work or desk.speaks_of(rule):
                continue
            text = f"nothing that was found so far speaks of {rule.value!r} ({rule.id})"
            self.rt.emit("run.notice", {"text": f"{text}; the search goes on beside it"})
            self.rt.emit("directive.heard", {"unmatched": rule.id})

    def _refuse(self, asked: Asked, why: str) -> None:
        refuse(self.rt, asked, f"add: {asked.text}", why)

    # -- from gaps --------------------------------------------------------------------------------

    def close_gaps(self, desk: Desk, last: bool) -> list[str]:
        """Tasks for what is missing; gives the titles of facets that a last round leaves open."""
        left_out = []
        for number, facet in enumerate(desk.facets):
            tasks = desk.todo.of_facet(number)
            if all(t.status in ("cancelled", "blocked") for t in tasks):
                continue
            spans = desk.usable(number)
            found = gap(facet, spans, ENOUGH, desk.counts[number])
            if found.why != desk.gaps.get(number, ""):
                data = {"facet": number, "kind": found.kind, "why": found.why}
                self.rt.emit("gap.found", data)
            made = self._further(desk, number, spans, found) if found else []
            if made and last:
                left_out.append(facet.title)
                continue
            for title, query, values in made:
                self.task(number, title, query, "gap", reason=found.why, **values)
        return left_out

    def _further(
        self, desk: Desk, number: int, spans: Sequence[Span], found: Gap
    ) -> list[tuple[str, str, dict[str, Any]]]:
        """Tasks that might close a gap, as title, query and further fields."""
        facet, tasks = desk.facets[number], desk.todo.of_facet(number)
        made: list[tuple[str, str, dict[str, Any]]] = []
        if found.kind == "contradiction":
            return made  # more searching does not decide who is right
        parent = tasks[0].id
        searched = {s for t in tasks for s in (t.sources or self.sources)}
        rest = tuple(s for s in self.sources if s not in searched)
        if rest:
            made.append((facet.title, facet.query, {"parent": parent, "sources": rest}))
        if found.kind in HOPPED:
            followed = {t.bridge for t in tasks}
            for hop in hops(facet, spans, desk.counts[number]):
                deep = desk.evidence.depth(hop.via) < self.settings.hops
                if hop.bridge not in followed and deep:
                    values = {"parent": parent, "bridge": hop.bridge, "via": hop.via}
                    made.append((f"{facet.title} ({hop.bridge})", hop.query, values))
        tried = [t.query for t in tasks] + [q.query for q in desk.queries]
        for idea in other_words(facet, spans, tried)[:IDEAS]:
            made.append((f"{facet.title} (as: {idea})", idea, {"parent": parent}))
        return made


def _frequency(sources: Sequence[Vocabulary], word: str) -> int:
    """In how many passages a word occurs, in whichever of its forms occurs most."""
    as_it_is = sum(s.document_frequency(word) for s in sources)
    others = forms(word) - {stem(word)}
    return max([as_it_is, *(sum(s.document_frequency(o) for s in sources) for o in others)])


def refuse(rt: Runtime, asked: Asked, text: str, why: str) -> None:
    """What a person asked for cannot be done: shown in the report, and the message's end."""
    whose = {"message": asked.message, "author": asked.author}
    rt.emit("directive.rejected", {**whose, "text": text, "reason": why})
    if asked.message:
        ended = {"message": asked.message, "state": "rejected", "reason": why, "parts": []}
        rt.emit("message.ended", ended)
