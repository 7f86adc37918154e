"""A question taken apart into facets: what must be found out, one thing each. Pure text work.

"What does X indicate, and how does it differ from Y?"  ->  two facets, "it" carries X
"What are the limits on columns, joins and views?"      ->  three, each with its "limits on"
"Compare A and B on price and speed"                    ->  a grid of four
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from agentkit_deep_research.words import (
    STOP,
    content,
    folded,
    is_code,
    names,
    negative,
    numbers,
    stem,
    stems,
    tokens,
)

Kind = Literal["fact", "number", "value", "version", "comparison"]
MOST = 12  # facets of one question; more is not a question but a list

_WH = r"what|which|when|where|why|who|whom|whose|how"
_AUX = r"is|are|was|were|do|does|did|can|could|may|might|must|should|shall|will|would|has|have|had"
_ASKS = r"compare|list|explain|describe|find|tell|show|give|name|summari[sz]e|define|contrast"
_PREPOSITION = r"in|at|by|on|for|from|of|to|with|under|after|during|since|through|into|against"
_LEAD = re.compile(
    r"^(?:please|kindly|"
    r"(?:can|could|would) you(?: please)? (?=(?:tell|explain|describe|list|find))|"
    r"(?:do )?(?:some )?research(?: on| about)?|investigate|look up|find out(?: about)?|"
    r"i (?:want|need|would like) to know|tell me(?: about)?)\b[\s,:]*",
    re.I,
)
_QUESTION = re.compile(
    rf"^(?:(?:and|or|but|so|then|also)\s+)?(?:(?:{_PREPOSITION})\s+)?(?:{_WH}|{_AUX}|{_ASKS})\b",
    re.I,
)
_CLAUSE = re.compile(
    rf"(?:,\s*(?:and|or|but)?\s*|\s+and\s+)(?="
    rf"(?:(?:{_PREPOSITION})\s+)?(?:{_WH})\b|(?:{_AUX})\s+\S+\s+\S+)",
    re.I,
)
_CONDITION = re.compile(
    rf"^(?:if|while|after|before|once|unless|although|(?:when|where)(?!\s+(?:{_AUX})\b))\s[^,]+,",
    re.I,
)
_GRID = re.compile(
    r"^(?:compare|contrast)\s+(?P<things>.+?)\s+(?:on|in terms of|with respect to|regarding|by)\s+"
    r"(?P<aspects>.+)$",
    re.I,
)
_LISTED = re.compile(
    r"^(?P<first>[^,]+),\s*(?P<middle>[^,]+(?:,\s*[^,]+)*?),?\s+and\s+(?P<last>[^,]+)$"
)
_PAIR = re.compile(r"(?P<one>\S+)\s+and\s+(?P<two>\S+)")
_HEAD = re.compile(
    rf"^(?P<head>.*\b(?:{_PREPOSITION}|about|between|is|are|the)\s+)(?P<item>.+)$", re.I
)
_PRONOUN = re.compile(r"\b(?:it|its|they|them|their|this|that|these|those|one|ones)\b", re.I)
_COMPARES = re.compile(
    r"\b(?:compare[ds]?|versus|vs\.?|differ(?:s|ence|ences|ent)?|contrast)\b"
    r"|\b(?:\w+er|more|less|better|worse) \w*\s*.*\bthan\b",
    re.I,
)
_NUMBER_ASKED = re.compile(
    r"\bhow (?:many|much|large|big|long|old|often|fast|high|wide|deep|far|tall|small)\b"
    r"|\b(?:percentage|percent|how often)\b|\bat (?:which|what) (?:\w+ )*size\b",
    re.I,
)
_VALUE_ASKED = re.compile(
    r"\b(?:default|maximum|minimum|limit|threshold|values? of|size|number of|depth|length|count)\b",
    re.I,
)
_VERSION_ASKED = re.compile(
    r"\b(?:which|what) (?:version|release)\b|\bwhen (?:was|were|did)\b|\bsince (?:when|which)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Facet:
    """One thing to find out.

    text: as it reads under a heading. context: words carried in from the rest of the question.
    kind: what an answer must hold; "value" and "version" only prefer one. entities: what is
    compared, each of which needs evidence. cell: thing and aspect, in a comparison on aspects.
    """

    text: str
    context: tuple[str, ...] = ()
    kind: Kind = "fact"
    entities: tuple[str, ...] = ()
    cell: tuple[str, str] | None = None

    @property
    def title(self) -> str:
        """The text; with its context where it says too little alone."""
        if len(content(self.text)) >= 2 or not self.context:
            return self.text
        return f"{self.text} ({' '.join(self.context)})"

    @property
    def query(self) -> str:
        """What to search for: the text, with its context behind it."""
        known = set(tokens(self.text))
        return " ".join([self.text, *(w for w in self.context if w.lower() not in known)])

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Facet:
        cell = data.get("cell")
        return cls(
            data["text"],
            tuple(data["context"]),
            data["kind"],
            tuple(data["entities"]),
            (cell[0], cell[1]) if cell else None,
        )


def facets(question: str, most: int = MOST) -> list[Facet]:
    """The facets of a question, in its order; one at least, `most` at most.

    Sentences that ask nothing ("My file is broken; …") become context of those that do.
    """
    sentences = [s for s in (_clean(p) for p in re.split(r"[?;\n]+|[.!]\s+", question)) if s]
    asking = [s for s in sentences if _QUESTION.match(s)] or sentences
    said = [w for s in sentences if s not in asking for w in content(s)]
    cells = {f"{aspect} of {thing}": (thing, aspect) for s in asking for thing, aspect in _cells(s)}
    clauses = [
        text
        for s in asking
        for text in [f"{a} of {t}" for t, a in _cells(s)]
        or [p for q in _clauses(s) for p in _listed(q)]
    ]
    whole = _clean(folded(question))
    if len(clauses) <= 1:
        return [_facet(whole, [])]
    found: list[Facet] = []
    for clause in clauses:
        facet = _facet(clause, [*said, *_carried(clause, found)])
        own = len(content(clause)) >= 2  # "and when?" asks something else, though it adds no word
        if not own or not any(same_task(facet.query, other.query) for other in found):
            found.append(replace(facet, cell=cells.get(clause)))
    return found[:most]


def _clean(text: str) -> str:
    text, before = text.strip(" \t,.:!?"), ""
    while text != before:
        before, text = text, _LEAD.sub("", text, count=1).strip(" \t,.:")
    return re.sub(r"^(?:and|but|so|then)\s+", "", text, flags=re.I)


def _clauses(sentence: str) -> list[str]:
    """A sentence cut where another question begins; only if it begins as a question itself."""
    lead = _CONDITION.match(sentence)
    if not lead and not _QUESTION.match(sentence):
        return [sentence]
    pieces, start = [], 0
    for match in _CLAUSE.finditer(sentence, lead.end() - 1 if lead else 0):
        if lead and match.start() < lead.end():
            continue  # "When X happens, does Y …" is one question
        head, rest = sentence[start : match.start()], sentence[match.end() :]
        if not content(head) or not content(rest) or match.start() == start:
            continue
        pieces.append(_clean(head))
        start = match.end()
    return [*pieces, _clean(sentence[start:])]


def _cells(sentence: str) -> list[tuple[str, str]]:
    """The cells, (thing, aspect) each, of "compare A and B on X and Y"; else none."""
    grid = _GRID.match(sentence)
    if not grid:
        return []
    things, aspects = _items(grid["things"]), _items(grid["aspects"])
    if len(things) < 2:
        return []
    return [(thing, aspect) for aspect in aspects for thing in things]


def _items(text: str) -> list[str]:
    parts = re.split(r",\s*(?:and|with)?\s*|\s+(?:and|with|to|versus|vs\.?)\s+", text.strip(" .?"))
    return [re.sub(r"^(?:the|their|its)\s+", "", p) for p in parts if p.strip()]


def _listed(clause: str) -> list[str]:
    """A clause with a list ("limits on A, B and C") once per item, its head kept before each."""
    listed = _LISTED.match(clause)
    if listed and not _CONDITION.match(clause):
        head = _HEAD.match(listed["first"])
        middle = re.split(r",\s*", listed["middle"])
        if head and content(head["head"]) and all(len(m.split()) <= 4 for m in middle):
            first, *rest = [head["item"], *middle, listed["last"]]
            return [f"{head['head']}{item}".strip() for item in (first, *rest)]
    if not _COMPARES.search(clause) and not re.search(r"\bbetween\b", clause, re.I):
        for pair in _PAIR.finditer(clause):
            one, two = pair["one"], pair["two"]
            if is_code(one) and is_code(two):
                before, after = clause[: pair.start()], clause[pair.end() :]
                return [f"{before}{one}{after}", f"{before}{two}{after}"]
    return [clause]


_VERB = re.compile(r"\b(?:do|does|did|is|are|was|were)\b", re.I)


def _carried(clause: str, before: list[Facet]) -> list[str]:
    """Words of the facet before that a clause stands for by a pronoun, or leaves out."""
    if not before:
        return []
    own, last = content(clause), before[-1]
    points = _PRONOUN.search(clause)
    whole = len(own) >= 2 or (_VERB.search(clause) and any(map(is_code, own)))
    if whole and not points:  # "what does sqlite3_step do" has one word of its own, and needs none
        return []
    named = [w for w in names(last.text) if w.lower() not in own]
    if named and len(own) >= 2:
        return [*named, *last.context]
    return [w for w in content(last.query) if w not in own]


def _facet(clause: str, context: list[str]) -> Facet:
    facet = Facet(clause, tuple(dict.fromkeys(context)), _kind(clause))
    if facet.kind != "comparison":
        return facet
    named = [
        w for w in [*names(clause), *(w for w in context if is_code(w))] if w.lower() not in STOP
    ]
    named = list(dict.fromkeys(named))
    return replace(facet, entities=tuple(named) if len(named) == 2 else ())


def _kind(clause: str) -> Kind:
    if _VERSION_ASKED.search(clause):
        return "version"
    if _NUMBER_ASKED.search(clause):
        return "number"
    if _COMPARES.search(clause):
        return "comparison"
    return "value" if _VALUE_ASKED.search(clause) else "fact"


# -- when two tasks are one -----------------------------------------------------------------------

_CHORES = frozenset(
    stems(
        """research investigate analyze analyse find list show tell explain describe look determine
        identify check report overview information details summary summarize complete conduct
        gather learn study examine review name say please know"""
    )
)
_ALIKE = {
    stem(word): stem(group.split("/")[0])
    for group in (
        "price/cost/costs/pricing/expense/fee/prices",
        "revenue/turnover/sales",
        "company/firm/enterprise/business",
        "size/large/big/largeness",
        "fast/quick/speed/rapid/performance/quickly",
        "begin/start/launch/begins/started",
        "bug/defect/fault/issue",
        "release/version",
        "worker/employee/staff/employees",
        "advantage/benefit/pro/strength/benefits",
        "drawback/disadvantage/con/weakness/downside",
        "security/safety/secure",
        "delete/remove/erase/deleting/removing",
        "create/make/build/creating",
        "average/mean",
        "maximum/max/largest/biggest/most",
        "minimum/min/smallest/least",
        "reason/cause/why",
        "purpose/goal/aim",
        "method/way/approach/how",
        "use/usage/utilize/using/apply",
        "buy/purchase/acquire/acquisition",
        "rival/competitor/competition",
        "founder/founded/found/establish/established",
    )
    for word in group.split("/")
}


def same_task(one: str, two: str) -> bool:
    """Whether two tasks ask for the same thing in other words.

    Two that differ in a number, a year, a code word or a name never are, however alike they read;
    nor are two of which only one is negated.
    """
    if set(numbers(one)) != set(numbers(two)) or _proper(one) != _proper(two):
        return False
    if negative(one) != negative(two):
        return False
    mine, theirs = _matter(one), _matter(two)
    if not mine or not theirs:
        return tokens(one) == tokens(two)
    common = len(mine & theirs)
    return 2 * common / (len(mine) + len(theirs)) >= 0.75


def _proper(text: str) -> frozenset[str]:
    """Names in lower case; single letters too ("vendor A"), the first word only if it is code."""
    letters = re.findall(r"(?<![\w'’])[A-HJ-Z](?![\w'’])", text)
    return frozenset(w.lower() for w in [*names(text), *letters] if stem(w.lower()) not in _CHORES)


def _matter(text: str) -> frozenset[str]:
    return frozenset(_ALIKE.get(w, w) for w in stems(text) if w not in _CHORES)
