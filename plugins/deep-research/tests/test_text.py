"""Units with byte offsets, words, ranking, gaps: the pure parts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from agentkit.capabilities import Hit, Location
from agentkit_deep_research.answers import resolve
from agentkit_deep_research.evidence import Span
from agentkit_deep_research.facets import Facet, facets
from agentkit_deep_research.gaps import absent, gap, other_words
from agentkit_deep_research.markdown import _quoted, escaped, target
from agentkit_deep_research.ranking import (
    WIDEST,
    Candidate,
    choose,
    familiar,
    holds,
    is_heading,
    rank,
    rarity_of,
    usable,
)
from agentkit_deep_research.sentences import LONGEST, Unit, units
from agentkit_deep_research.words import agree, content, is_code, names, negative, numbers, stems

CORPUS = Path(__file__).parents[3] / "examples" / "corpora" / "sqlite"


def test_units_are_sentences_items_and_lists_with_their_lead_in() -> None:
    text = (
        "Äpfel sind 64.2 g schwer, e.g. diese. It isn’t “large”. See sqlite3.c for it.\n\n"
        "It is one of these:\nfirst item here\nsecond item here\n\n- a marked item\n- another item"
    )
    found = units(text)
    assert [u.text for u in found] == [
        "Äpfel sind 64.2 g schwer, e.g. diese.",
        "It isn’t “large”.",
        "See sqlite3.c for it.",
        "It is one of these:\nfirst item here\nsecond item here",
        "first item here",
        "second item here",
        "- a marked item",
        "- another item",
    ]
    for unit in found:
        assert text.encode()[unit.start : unit.end].decode() == unit.text


def test_wrapped_lines_are_one_sentence_and_long_ones_are_cut() -> None:
    wrapped = "This is a paragraph whose lines were wrapped by an editor at\nsome column of it."
    assert [u.text for u in units(wrapped)] == [wrapped]
    long = "word " * 400
    assert all(len(u.text) <= LONGEST for u in units(long))
    assert units("") == units(" \n\n ") == []


@pytest.mark.skipif(not CORPUS.is_dir(), reason="outside of the repository")
def test_every_unit_of_real_pages_stands_at_its_bytes() -> None:
    for page in sorted(CORPUS.glob("*.html"))[::8]:
        text = page.read_text("utf-8", errors="replace")
        data = text.encode()
        for unit in units(text[:20_000]):
            assert data[unit.start : unit.end] == unit.text.encode()


def test_words() -> None:
    assert stems("The databases' stored values") == stems("database, storing, value")
    assert numbers("It is 1,000 or 3.31.0, about 35%") == ["1000", "3.31.0", "35"]
    assert names("What does the X_BUSY code of Berlin say?") == ["X_BUSY", "Berlin"]
    assert content("How does sqlite3_sleep work, and where?") == ["sqlite3_sleep"]
    assert content("How does it work with NFS?") == ["work", "nfs"]
    assert all(map(is_code, ("mmap_size", "X_BUSY", "json()", "fts5", "R*Tree", "WAL")))
    assert not any(map(is_code, ("Berlin", "the", "3", "I")))


@pytest.mark.parametrize(
    ("claim", "passage", "fits"),
    [
        ("Triggers are reported.", "Triggers are not reported.", False),
        ("Triggers are not reported.", "It does not report triggers.", True),
        ("It is on by default.", "It is off by default.", False),
        ("It works without a server.", "It works with a server.", False),
        ("It is the minimum.", "The maximum is 5.", False),
        ("It never waits.", "It never waits for others.", True),
    ],
)
def test_negations_and_opposites_must_agree(claim: str, passage: str, fits: bool) -> None:
    assert agree(claim, passage) is fits
    assert negative("It can't be done") and not negative("It can be done")


def candidates(*texts: str, title: str = "Manual") -> list[Candidate]:
    made = []
    for n, text in enumerate(texts):
        hit = Hit(f"d{n}", title, text, Location(0, len(text)), 1.0)
        made.append(Candidate(Unit(0, len(text), text), "docs", hit, n))
    return made


def test_questions_lead_ins_headings_and_code_are_no_answers() -> None:
    bad = candidates(
        "What is the maximum number of attached databases?",
        "The maximum number is as follows:",
        "Maximum Number Of Attached Databases",
        "x = y + 1; }",
        title="Maximum Number Of Attached Databases",
    )
    assert not any(map(usable, bad))
    (good,) = candidates("The number of attached databases is limited to 10.")
    assert usable(good)


def test_the_sentence_with_the_rare_words_and_the_number_comes_first() -> None:
    facet = Facet("How many databases can be attached", kind="number")
    made = candidates(
        "Databases can hold many things.",
        "At most 10 databases can be attached.",
        "Attached databases are useful.",
    )
    counts = {"databases": 900, "attached": 12, "many": 300}
    best = rank(facet, made, rarity_of(counts, 1000))
    assert best[0].candidate is made[1]
    assert holds(facet, made[1].unit.text) > holds(facet, made[2].unit.text)


def test_a_sentence_under_a_declaration_speaks_of_what_is_declared() -> None:
    facet = Facet("How does go_to_sleep work")
    text = "This routine waits for so many milliseconds before it tries again."
    declared, other, aside = (
        replace(candidates(text)[0], before=before)
        for before in ("int go_to_sleep(db*, int ms);", "int wake_up(db*);", "See go_to_sleep.")
    )
    made = rank(facet, [aside, other, declared], {})
    assert made[0].candidate == declared and dict(made[0].parts)["words"] == 1.0
    assert other not in [s.candidate for s in made]


def test_what_models_say_only_moves_the_order() -> None:
    facet = Facet("How do I get a lost page back")
    made = candidates("No page is lost for ever.", "A page can be recovered by the tool.")
    plain = rank(facet, made, {})
    moved = rank(facet, made, {}, {made[1]: {"meaning": 0.9}, made[0]: {"meaning": 0.0}})
    assert plain[0].candidate is made[0] and moved[0].candidate is made[1]
    assert {s.candidate for s in moved} == set(made)


def test_meaning_counts_only_where_words_do_not() -> None:
    facet = Facet("Is a lost page recovered by the tool")
    known = candidates("A lost page is recovered by the tool.")
    strange = candidates("It restores what had been destroyed.")
    assert familiar(rank(facet, known, {}))
    assert not familiar(rank(facet, strange, {}))
    assert not familiar([])


def test_headings_are_no_answers_and_list_entries_say_less() -> None:
    title = "Recovery Using The Command In The Shell"
    assert is_heading(title) and not is_heading(title + ".")
    assert not is_heading("SQLITE_MAX_LENGTH which defaults to 1000000000")
    facet = Facet("recovery of broken files")
    entry, sentence = candidates("Recovery of broken files", "Recovery of broken files.")
    assert [s.candidate for s in rank(facet, [entry, sentence], {})] == [sentence, entry]


def test_a_quote_is_widened_by_what_stands_around_it() -> None:
    text = "Ünïts first. Then more of it. And so it goes on."
    first, second, third = units(text, 7)
    hit = Hit("d", "T", text, Location(7, 7 + len(text.encode()), ()), 1.0)
    one = Candidate(second, "docs", hit, 0)
    size = second.end - second.start
    assert one.widened(size) == second
    assert one.widened(third.end - second.start).text == "Then more of it. And so it goes on."
    whole = one.widened(WIDEST)
    assert (whole.start, whole.end, whole.text) == (first.start, third.end, text)
    assert one.widened(WIDEST, lambda unit: unit == third).text == "Ünïts first. Then more of it."


def test_a_quote_shows_the_sentence_that_it_was_chosen_for() -> None:
    text = "Ünïts *first*. Then more of it. And so it goes on."
    second = units(text, 7)[1]
    end = 7 + len(text.encode())
    one = Span("s", "docs", "d", "T", "", "", 7, end, text, core=(second.start, second.end))
    assert one.cut == ("Ünïts *first*. ", "Then more of it.", " And so it goes on.")
    assert _quoted(one) == "Ünïts \\*first\\*. **Then more of it.** And so it goes on."
    assert Span.from_json(json.loads(json.dumps(one.to_json()))) == one
    alone = replace(one, core=(7, end))
    assert _quoted(alone) == _quoted(replace(one, core=(0, 0))) == escaped(text)


def test_choosing_avoids_repeats() -> None:
    facet = Facet("page size")
    made = candidates("The page size is 4096.", "The page size is 4096!", "Size of a page: large.")
    kept = choose(rank(facet, made, {}), 3)
    assert len(kept) == 2


def span(text: str, score: float = 0.9, document: str = "d", heading: str = "Top") -> Span:
    return Span("s" + text, "docs", document, "T", "", "", 0, 1, text, (heading,), score=score)


def test_gaps_are_named() -> None:
    number = Facet("How many are there", kind="number")
    assert gap(number, []).kind == "nothing"
    assert gap(number, [span("There are some.")]).kind == "number"
    assert not gap(number, [span("There are ten.")])
    assert gap(number, [span("There are ten.", 0.1)]).kind == "weak"
    versus = facets("How does X_ONE differ from X_TWO?")[0]
    assert "X_TWO" in gap(versus, [span("X_ONE is fast.")]).why
    assert not gap(versus, [span("X_ONE is fast, X_TWO is slow.")])


def test_names_that_occur_nowhere_settle_it_other_words_only_together() -> None:
    gpu = Facet("Which GPU does it use for text search")
    assert absent(gpu, {"gpu": 0, "use": 9, "text": 9, "search": 9}, {}) == ["GPU"]
    lay = Facet("what happens if the electricity fails during saving")
    counts = {"electricity": 0, "happens": 5, "fails": 9, "during": 9, "saving": 2}
    assert absent(lay, counts, {}) == []
    fence = Facet("litres of paint for a garden fence")
    assert absent(fence, {"litres": 0, "paint": 0, "garden": 0, "fence": 1}, {}) != []


def test_other_words_are_new_ones() -> None:
    facet = facets("How does X_ONE differ from X_TWO in speed?")[0]
    ideas = other_words(facet, [span("…", heading="Locking modes")], [facet.query])
    assert any("x_one" in i.lower() and "x_two" not in i.lower() for i in ideas)
    assert any("locking" in i for i in ideas)
    assert facet.query not in ideas
    assert other_words(facet, [], ideas) == [
        i for i in other_words(facet, [], []) if i not in ideas
    ]


def test_two_values_for_one_thing_are_a_conflict() -> None:
    facet = Facet("What is the default page size", kind="value")
    two = [span("The default page size is 1024."), span("The default page size is 4096.")]
    conflict = resolve(0, facet, two).conflict
    assert conflict is not None
    assert [value for value, _ in conflict.values] == ["1024", "4096"]
    same = [span("The default page size is 4096.")] * 2
    assert resolve(0, facet, same).conflict is None
    apart = [span("The default page size is 4096."), span("Use 512 GB.")]
    assert resolve(0, facet, apart).conflict is None


def test_linktargets_are_paths_and_never_scripts() -> None:
    assert target("file:///a b/c.html#d") == "/a%20b/c.html#d"
    assert target("https://x.org/<y>") == "https://x.org/%3Cy%3E"
    assert target("javascript:alert(1)") == target("DATA:text/html,x") == "#"
