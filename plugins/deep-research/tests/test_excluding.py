"""What people exclude is nowhere: in no form of the word, in no query, quote, surrounding, heading
or sentence of a model. What they take back is looked for again. A focus that fits nothing is told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from agentkit.kit import Kit
from agentkit_deep_research.formats.html import html, plain
from agentkit_deep_research.report_command import reopened, stored
from agentkit_deep_research.rules import Rules
from agentkit_deep_research.terms import mentions, without

pytestmark = pytest.mark.slow

Make = Callable[..., Kit]
AtSearch = Callable[..., list[str]]
BOTH = "What is the kettle made of? What is the toaster made of?"


def driven(kit: Kit, question: str, *first: str) -> Any:
    run = kit.agent("research").run(question)
    for text in first:
        run.send(text)
    run.wait()
    assert run.status == "done", run.row.note
    return run


def events(kit: Kit, run: Any, kind: str) -> list[Mapping[str, Any]]:
    return [e.data for e in kit.runs.tail(run.id, kinds=(kind,))]


# -- the term -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("two warranties", "warranty"),
        ("the warranty’s end", "Warranty"),
        ("refunding is slow", "refund"),
        ("children's beds", "child"),
        ("a child", "children"),
        ("partial indices", "index"),
        ("city buses", "bus"),
        ("they wrote it", "write"),
        ("a pre-warranty check", "warranty"),
        ("call wal_checkpoint() now", "WAL"),
        ("the war\u00adran\u00adty ends", "warranty"),
        ("a cafe\u0301 in Ghent", "café"),
        ("the cafe in Ghent", "Café"),
        ("the STRASSE", "Straße"),
        ("\ufb01les", "files"),
        ("the U.S. market", "US"),
        ("Foreign-Keys are checked", "foreign key"),
        ("보증은 2년입니다", "보증"),
        ("この水道", "水"),
    ],
)
def test_a_term_is_found_in_all_its_forms(text: str, term: str) -> None:
    assert mentions(text, term)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("a category", "cat"),
        ("he lives in C++", "C"),
        ("JavaScript", "Java"),
        ("police", "policy"),
        ("keys of foreign tables", "foreign key"),
        ("universities", "universe"),
        ("she left", "leave"),
        ("it costs", "price"),
        ("anything", "…"),
    ],
)
def test_other_words_are_no_form_of_it(text: str, term: str) -> None:
    assert not mentions(text, term)


def test_only_the_term_itself_leaves_a_query() -> None:
    assert without("foreign keys and key size", "foreign key") == "and key size"
    assert without("size of the wal_index header", "WAL") == "size of the header"
    assert without("size of the header", "WAL") == "size of the header"
    assert without("warranties", "warranty") == ""


# -- the report -----------------------------------------------------------------------------------

CLOSE = {
    "kettle.md": "# The Kettle\n\nThe kettle is made of steel. Its warranties last 24 months.\n\n"
    "The kettle makes 65 decibels.\n",
    "warranty.md": "# Promises\n\nThe kettle is made of a steel that is promised to last.\n",
    "toaster.md": "# The Toaster\n\nThe toaster is made of plastic.\n\n## Warranty\n\nThe toaster "
    "is made of parts that last.\n",
}


@pytest.mark.parametrize("when", [0, 1, 2, 3])
def test_nothing_excluded_is_in_any_form_of_the_report(
    make: Make, at_search: AtSearch, when: int
) -> None:
    """Neither its sentence, nor what stands around another one, nor a document or a part that is
    called so; whether it is said before the search, in it, or when all is found."""
    kit = make(CLOSE, width=1)
    say = {when: lambda run: kit.runs.send(run, "exclude warranty")} if when else {}
    queries = at_search(kit, say)
    run = driven(kit, BOTH, *([] if when else ["exclude warranty"]))
    if when > len(queries):
        run = kit.resume(reopened(kit.runs, run.id, "exclude warranty"))
        run.wait()
    report = stored(kit.runs, run.id)
    shown = plain(html(report)).split(" Limits ")
    shown[1] = shown[1].split(" References ")[1]
    for text in (*shown, run.result.report.split("## Limits")[0], *queries[when:]):
        assert not mentions(text, "warranty")
    around = json.dumps([[q.before, q.span.text, q.after] for q in report.quotes])
    assert "arrant" not in around
    assert {q.span.document for q in report.quotes} == {"kettle.md", "toaster.md"}
    assert "made of steel" in around and "made of plastic" in around  # beside it, and kept
    assert "removed nothing" not in run.result.report


def test_what_asks_for_the_excluded_matter_says_so(make: Make) -> None:
    run = driven(make(width=1), "How long is the warranty of the kettle?", "exclude warranty")
    assert "it asks for 'warranty', which D1 leaves out" in run.result.report
    assert run.result.coverage == 0.0


def test_a_model_does_not_bring_it_back(make: Make) -> None:
    """Its sentence is borne out by a quote, and speaks of what is excluded all the same."""
    documents = {"k.md": "# K\n\nThe kettle is made of steel by Acme and is sold in Ghent.\n"}
    says = ["The steel kettle of Acme is sold in Ghent."]

    def reported(*first: str) -> str:
        kit = make(documents, width=1, writer="tells")
        kit.define("model", "tells", use="scripted", answers=says, choose="request")
        return str(driven(kit, "What is the kettle made of?", *first).result.report)

    assert says[0] in reported()
    assert says[0] not in reported("exclude Ghent")


@pytest.mark.parametrize("back", ["remove D1", "include warranty again", "prefer warranty"])
def test_what_a_lifted_rule_hid_is_searched_for_again(
    make: Make, at_search: AtSearch, back: str
) -> None:
    """It stood before the first search, so that nothing about it was ever kept."""
    kit = make(width=1)
    queries = at_search(kit, {2: lambda run: kit.runs.send(run, back)})
    asked = "How long is the warranty of the kettle? What is the toaster made of?"
    run = driven(kit, asked, "exclude warranty")
    assert not mentions(queries[0], "warranty") and mentions(" ".join(queries[2:]), "warranty")
    assert "24 months" in run.result.report
    changes = events(kit, run, "todo.changed")
    again = [d["query"] for d in changes if "holds no more" in d.get("reason", "")]
    assert "How long is the warranty of the kettle" in again and len(set(again)) == len(again)


def test_a_rule_that_hid_nothing_starts_no_search_when_it_is_lifted(
    make: Make, at_search: AtSearch
) -> None:
    kit = make(width=1)
    queries = at_search(kit, {2: lambda run: kit.runs.send(run, "remove D1")})
    driven(kit, BOTH, "exclude submarines")
    assert len(queries) == 2


def test_a_rule_lifted_when_all_is_found_still_leads_to_a_search(make: Make) -> None:
    """By a revision of the finished report."""
    kit = make(width=1)
    asked = "How long is the warranty of the kettle? What is the toaster made of?"
    first = driven(kit, asked, "exclude warranty")
    assert "24 months" not in first.result.report
    again = kit.resume(reopened(kit.runs, first.id, "remove D1"))
    again.wait()
    assert "24 months" in again.result.report


def test_a_quote_loses_its_surroundings_before_it_is_lost() -> None:
    """The rule is against what was widened, not against the sentence."""
    from agentkit_deep_research.desk import Desk
    from agentkit_deep_research.evidence import Span

    text = "It is steel. It has a warranty."
    span = Span("a", "s", "d", "t", "", "h", 10, 10 + len(text), text, core=(10, 22))
    desk = Desk()
    desk.evidence.add(span)
    said = {"kind": "exclude", "text": "", "meaning": ""}
    desk.rules.add({**said, "value": "warranty"})
    (left,) = desk.usable(0)
    assert (left.id, left.text, left.start, left.end) == ("a", "It is steel.", 10, 22)
    desk.rules.remove("D1")
    assert desk.usable(0) == [span]
    desk.rules.add({**said, "value": "steel"})
    assert desk.usable(0) == []


def test_rules_tell_what_they_took_and_from_which_tasks() -> None:
    rules = Rules()
    rules.add({"kind": "exclude", "value": "WAL", "text": "", "meaning": ""})
    rules.count({"id": "D1", "task": "T2", "queries": 1})
    rules.count({"id": "D1", "spans": 3})
    assert rules.all[0].tasks == {"T2"} and rules.all[0].counted == "removed 1 query, 3 spans"


# -- focus ----------------------------------------------------------------------------------------


def test_a_focus_that_fits_nothing_is_told_while_the_search_goes_on(
    make: Make, at_search: AtSearch
) -> None:
    """As soon as it was looked for: before the rest is searched, in the round that it came in."""
    kit = make(width=1)
    queries = at_search(kit, {1: lambda run: kit.runs.send(run, "focus on submarines")})
    run = driven(kit, f"{BOTH} When was the company founded?")
    log = kit.runs.tail(run.id, kinds=("run.notice", "query.done", "round.began"))
    told = [n for n, e in enumerate(log) if e.kind == "run.notice"]
    assert len(told) == 1 and "speaks of 'submarines' (D1)" in log[told[0]].data["text"]
    after = [e.data["query"] for e in log[told[0] :] if e.kind == "query.done"]
    assert after and all("submarines" not in q for q in after)
    assert [e.data["round"] for e in log[: told[0]] if e.kind == "round.began"] == [1]
    assert {q.replace(" submarines", "") for q in queries} == {
        "What is the kettle made of",
        "What is the toaster made of",
        "When was the company founded",
    }  # nothing was cancelled, everything was asked with and without it
    assert all(found in run.result.report for found in ("steel", "plastic", "1931"))


def test_a_focus_that_fits_is_not_told_so(make: Make, at_search: AtSearch) -> None:
    kit = make(width=1)
    at_search(kit, {1: lambda run: kit.runs.send(run, "focus on limescale")})
    run = driven(kit, BOTH)
    assert not events(kit, run, "run.notice")
    assert "Nothing that was found" not in run.result.report


def test_a_focus_told_when_all_is_found_still_leads_to_a_search(make: Make) -> None:
    kit = make(width=1)
    first = driven(kit, "What is the kettle made of?")
    again = kit.resume(reopened(kit.runs, first.id, "focus on thermostat"))
    again.wait()
    assert any("thermostat" in d["query"] for d in events(kit, again, "query.done"))


def test_a_focus_beyond_the_limit_of_tasks_is_told(make: Make, at_search: AtSearch) -> None:
    kit = make(width=1, tasks=2)
    at_search(kit, {1: lambda run: kit.runs.send(run, "focus on limescale")})
    run = driven(kit, BOTH)
    assert "the limit of 2 tasks is reached: What is the kettle made of" in run.result.report
