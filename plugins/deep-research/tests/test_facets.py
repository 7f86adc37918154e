"""Questions taken apart, and when two tasks are one."""

from __future__ import annotations

import pytest

from agentkit_deep_research.facets import MOST, facets, same_task


def texts(question: str) -> list[str]:
    return [facet.text for facet in facets(question)]


def test_coordinated_questions_become_facets() -> None:
    found = facets("What does X_BUSY indicate, and how does X_BUSY differ from X_LOCKED?")
    assert [f.text for f in found] == [
        "What does X_BUSY indicate",
        "how does X_BUSY differ from X_LOCKED",
    ]
    assert found[1].kind == "comparison"
    assert found[1].entities == ("X_BUSY", "X_LOCKED")


def test_a_name_in_a_whole_question_needs_nothing_carried() -> None:
    found = facets("What is the return value of x_memory_used, and what does x_diff do?")
    assert [f.context for f in found] == [(), ()]
    (_, about) = facets("What is the default of X_BUSY, and what about X_LOCKED?")
    assert "default" in about.query


def test_a_pronoun_carries_its_noun() -> None:
    second = facets("Which rows does the RETURNING clause return, and does it see triggers?")[1]
    assert "RETURNING" in second.context
    assert "RETURNING" in second.query


def test_what_a_clause_leaves_out_is_carried() -> None:
    second = facets("Are small blobs faster in files, and by what percentage?")[1]
    assert second.kind == "number"
    assert {"small", "blobs", "faster", "files"} <= set(second.context)
    assert "blobs" in second.title


def test_a_list_keeps_its_head_noun() -> None:
    assert texts("What are the limits on columns, joins and attached databases?") == [
        "What are the limits on columns",
        "What are the limits on joins",
        "What are the limits on attached databases",
    ]


def test_a_comparison_on_aspects_is_a_grid() -> None:
    assert texts("Compare Alpha and Beta on price and speed") == [
        "price of Alpha",
        "price of Beta",
        "speed of Alpha",
        "speed of Beta",
    ]


@pytest.mark.parametrize(
    "question",
    [
        "My file is broken; can I rescue at least some of what was in it?",
        "What is the default: DEFERRED, IMMEDIATE or EXCLUSIVE?",
        "wal checkpoint size",
        "Does X work with A or B?",
    ],
)
def test_one_question_stays_one(question: str) -> None:
    assert len(facets(question)) == 1


def test_chores_and_politeness_are_no_part_of_it() -> None:
    assert texts("Please research the pricing of Acme") == ["the pricing of Acme"]


def test_any_text_gives_a_facet_and_never_too_many() -> None:
    for text in ("", "?", "   ", "…", "and and and", "日本語の質問ですか", "?" * 500):
        assert len(facets(text)) >= 1
    assert len(facets(" ".join(f"What is thing{n}?" for n in range(50)))) == MOST


SAME = [
    ("Research the revenue of Acme in 2023", "Find Acme's revenue in 2023"),
    ("pricing of vendor A", "What does vendor A cost?"),
    ("How do I delete a row?", "removing a row"),
    ("List competitors of Initech", "Who are the rivals of Initech?"),
    ("largest page size", "maximum page size"),
    ("What is the smallest page size?", "minimum page size"),
    ("security of the Berlin office", "Investigate the security of the Berlin office"),
    ("advantages of solar panels", "benefits of solar panels"),
    ("drawbacks of solar panels", "What are the disadvantages of solar panels?"),
    ("When did the Dublin factory start?", "when did the Dublin factory begin"),
    ("known bugs in version 3", "known defects in release 3"),
    ("reasons for the delay", "causes of the delay"),
    ("How many employees does Hooli have?", "number of workers at Hooli"),
    ("average latency of the service", "mean latency of the service"),
    ("purpose of the audit", "goal of the audit"),
    ("method for drying fruit", "approach for drying fruit"),
    ("Describe the supply chain", "explain the supply chain"),
    ("acquisition of Pied Piper", "Who acquired Pied Piper?"),
    ("performance of the engine", "How fast is the engine?"),
    ("create an index", "How do I make an index?"),
]
DIFFERENT = [
    ("revenue of Acme 2023", "revenue of Acme 2024"),
    ("pricing of vendor A", "pricing of vendor B"),
    ("incidents of the Berlin office", "incidents of the Dublin office"),
    ("default of mmap_size", "default of cache_size"),
    ("limit of 10 tables", "limit of 64 tables"),
    ("What does X_BUSY mean?", "What does X_LOCKED mean?"),
    ("minimum page size", "maximum page size"),
    ("advantages of solar panels", "disadvantages of solar panels"),
    ("Is the log kept?", "Is the log not kept?"),
    ("revenue of Acme", "revenue of Initech"),
    ("features of release 3.24.0", "features of release 3.25.0"),
    ("founder of Hooli", "revenue of Hooli"),
    ("security of the web shop", "price of the web shop"),
    ("how to create an index", "how to delete an index"),
    ("size of the header", "size of the trailer"),
    ("speed of reading", "speed of writing"),
    ("employees in Spain", "employees in Portugal"),
    ("history of the engine", "history of the brake"),
    ("energy use of trains", "energy use of planes"),
    ("who wrote the report", "who paid for the report"),
]


def test_tasks_are_merged_only_where_they_ask_the_same() -> None:
    """20 true paraphrases, 20 pairs that differ in a number, a name or the thing: F1 >= 0.9."""
    hits = [pair for pair in SAME if same_task(*pair)]
    wrong = [pair for pair in DIFFERENT if same_task(*pair)]
    assert not wrong
    f1 = 2 * len(hits) / (len(hits) + len(wrong) + len(SAME))
    assert f1 >= 0.9, [pair for pair in SAME if pair not in hits]


def test_merging_is_symmetric() -> None:
    for one, two in SAME + DIFFERENT:
        assert same_task(one, two) == same_task(two, one)


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("When an entry clashes, can the older one be thrown out?", 1),
        ("If the disk is full, what happens and which error is returned?", 2),
        ("When was UPSERT added, and how is it used?", 2),
    ],
)
def test_a_condition_is_no_question_of_its_own(question: str, parts: int) -> None:
    found = facets(question)
    assert len(found) == parts
    assert found[0].text.startswith(question.split()[0])
    assert not found[0].text.endswith(("clashes", "full"))
