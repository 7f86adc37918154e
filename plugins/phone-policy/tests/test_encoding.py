"""The policy's words: what it sees of a screen, and that answers come back as they were."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.agents.acting import ElementLine, Screen, StepPrompt
from agentkit.errors import ContextOverflow
from agentkit_phone_policy.encoding import Encoder
from agentkit_phone_policy.saying import Unsayable
from agentkit_phone_policy.vocabulary import encoder, vocabulary
from agentkit_phone_policy.words import ELEMENTS, END, FIXED, GOAL_WORDS, form, words

APP = "com.android.contacts"
CLOCK = "com.android.deskclock"
APPS = ((CLOCK, "Clock"), (APP, "Contacts"))
KNOWN = Encoder(frozenset({"add", "contacts", "clock", "number", "save", "name", "edit", "mia"}))


def prompt(goal: str, *elements: ElementLine, done: tuple[str, ...] = ()) -> StepPrompt:
    return StepPrompt(goal, Screen(f"{APP}.Edit", "", elements, apps=APPS), history=done)


def test_a_screen_in_the_policys_words() -> None:
    step = prompt(
        "Add Eun-ji Sato to the contacts",
        ElementLine("field", "Name", ("focused",)),
        ElementLine("row", "Sato, Mia"),
        done=(f'open "{APP}"', 'tap row "Eun-ji Berg, +1 555"', "scroll down"),
    )
    assert " ".join(KNOWN.prompt(step).tokens) == (
        "<goal> add @0 <goal> <name> <used> @1 <goal> <word> @2 <goal> <word> <used> @3 "
        "<goal> <name> <shown> @4 <goal> <word> @5 <goal> <word> @6 <goal> contacts <used> @7 "
        "<app> clock &0 <app> contacts @7 &1 "
        "<done> open contacts @7 <done> tap row @1 @3 <name> 1 <num> <done> scroll down "
        "<screen> contacts @7 edit <element> field name #0 focused "
        "<element> row @4 mia #1 <most> <fresh> <whole> <act>"
    )


def test_how_words_stand_in_a_goal_is_told() -> None:
    said = " ".join(KNOWN.prompt(prompt("Move “To do, Mia” to Work. Save")).tokens)
    assert said.startswith(
        "<goal> <name> @0 <goal> <name> <opens> @1 <goal> <word> <quoted> @2 "
        "<goal> <word> <quoted> @3 <goal> mia <quoted> <name> <closes> @4 <goal> <word> @5 "
        "<goal> <name> @6 <goal> <word> @7 <goal> save @8 <app>"
    )


def test_what_was_read_elsewhere_can_be_written() -> None:
    """Notes of other kinds are not read; what shares words with the goal comes first."""
    notes = ("tip: look", "read: Kofi Rao", "read: Mia Larsen, +1 555 201", "remembered: Café “Ö”")
    step = replace(prompt("Text Mia the number"), notes=notes)
    encoded = KNOWN.prompt(step)
    said = " ".join(encoded.tokens)
    assert (
        "<note> mia <opens> @1 <shown> @64 <note> <name> @65 <note> <word> @66 <note> <word> @67 "
        "<note> 1 @68 <note> <num> @69 <note> <num> <closes> @70 <note> <name> <opens> @71"
    ) in said and "look" not in said
    for text in ("+1 555 201", "Mia Larsen", "Kofi Rao", "Café “Ö”", "the number"):
        words_of = encoded.say({"kind": "type", "text": text})
        assert encoded.mean(words_of) == {"kind": "type", "text": text}
    for wrong in (["type", "@70", "@71"], ["type", "@3", "@64"], ["type", "@90", "@91"]):
        with pytest.raises(Unsayable):
            encoded.mean([*wrong, END])
    assert encoded.next(["type", "@69"]) == {"@69", "@70"}
    assert KNOWN.prompt(replace(step, notes=("read: " + "word " * 65,))).tokens.count("<note>") == 0


def test_what_was_done_is_no_reason_to_do_it_again() -> None:
    """Of two elements that share as much with the goal, the one that nobody touched is fresh."""
    rows = ElementLine("row", "Mia Larsen"), ElementLine("row", "Add number")
    step = prompt("Add the number of Mia Larsen", *rows, done=('tap row "Mia Larsen"',))
    said = " ".join(KNOWN.prompt(step).tokens)
    assert "row mia @4 @5 #0 <most> <whole> <element>" in said
    assert "row add @0 number @2 #1 <most> <fresh>" in said


def test_what_is_typed_is_a_span_of_the_goal_as_it_is_written_there() -> None:
    encoded = KNOWN.prompt(
        prompt("Text Mia: “Lunch at noon?”, +1 555 201, to amara.han@example.org")
    )
    for text in ("Lunch at noon?", "Mia", "+1 555 201", "amara.han@example.org"):
        said = encoded.say({"kind": "type", "text": text})
        assert encoded.mean(said) == {"kind": "type", "text": text}
    for text in ("Lunch at noo", "unch", "Mia “Lunch", ""):
        with pytest.raises(Unsayable):
            encoded.say({"kind": "type", "text": text})


def test_a_span_ends_with_its_sentence_or_quotation() -> None:
    """“Vogel. Add”, “garden” in: no such text is ever meant."""
    goal = "She is Joana Vogel. Add Joana to “Old. Friends” now"
    encoded = KNOWN.prompt(prompt(goal, ElementLine("field", "Name", ("focused",))))
    spelt = [w.text for w in encoded.goal]
    to = {first: {spelt[int(t[1:])] for t in encoded.next(["type", f"@{spelt.index(first)}"])}
          for first in ("Joana", "Add", "Old", "now")}  # fmt: skip
    assert to["Joana"] == {"Joana", "Vogel", "."}
    assert to["Add"] == {"Add", "Joana", "to"}
    assert to["Old"] == {"Old", ".", "Friends"} and to["now"] == {"now"}


def test_a_word_that_few_elements_have_says_more() -> None:
    """Two shared words that all rows have are less than one that one row alone has."""
    rows = [ElementLine("row", f"Add number {name}") for name in ("Rao", "Berg", "Sato")]
    step = prompt("Add a number: mia", *rows, ElementLine("button", "Mia"))
    said = " ".join(KNOWN.prompt(step).tokens)
    assert "button mia @4 #3 <most> <fresh> <whole>" in said and said.count("<most>") == 1
    assert said.count("<whole>") == 1, "no row's whole name is in the goal"


def test_of_words_that_stand_twice_the_one_that_goes_on_is_meant() -> None:
    goal = "Move Notes plan from Notes old"
    encoded = KNOWN.prompt(
        prompt(goal, ElementLine("row", "Notes old"), ElementLine("row", "old notes"))
    )
    row = " ".join(encoded.tokens)
    assert "row @1 @5 #0" in row and "row @5 @1 #1" in row
    assert form("Contacts") == form("contact") and form("07") == form("7") != form("70")
    assert form("Recording") == form("recorder") == form("records") != form("recipe")
    assert form("moved") == form("move") and form("notes") == form("note")
    assert form("October") == form("Oct") and form("Tuesday") == form("Tue")


def test_answers_are_elements_or_small_numbers() -> None:
    encoded = KNOWN.prompt(
        prompt("How many?", ElementLine("row", "Mia, +1 555 201"), ElementLine("text", "7"))
    )
    for text, means in (("+1 555 201", "Mia, +1 555 201"), ("7", "7"), ("12", "12")):
        said = encoded.say({"kind": "answer", "text": text})
        assert encoded.mean(said) == {"kind": "answer", "text": means}
    with pytest.raises(Unsayable):
        encoded.say({"kind": "answer", "text": "Paris"})


ACTIONS = st.one_of(
    st.builds(lambda n: {"kind": "tap", "element": n}, st.integers(0, 2)),
    st.builds(lambda n: {"kind": "long-press", "element": n}, st.integers(0, 2)),
    st.builds(lambda d: {"kind": "scroll", "direction": d}, st.sampled_from(["up", "down"])),
    st.builds(lambda b: {"kind": "button", "button": b}, st.sampled_from(["back", "home"])),
    st.builds(
        lambda s: {"kind": "finish", "status": s}, st.sampled_from(["success", "infeasible"])
    ),
    st.sampled_from(
        [{"kind": "open", "app": APP}, {"kind": "clear-text"}, {"kind": "wait"},
         {"kind": "type", "text": "Mia Larsen"}]
    ),
)  # fmt: skip


@given(ACTIONS)
def test_an_action_comes_back_and_could_be_said_on_the_screen(action: dict[str, object]) -> None:
    fields = [ElementLine("field", "Name", ("focused",)), ElementLine("button", "Save"),
              ElementLine("row", "")]  # fmt: skip
    screen = Screen("com.android.launcher3.Launcher", "", tuple(fields), apps=APPS)
    encoded = KNOWN.prompt(StepPrompt("Call Mia Larsen", screen))
    said = encoded.say(action)
    assert encoded.mean(said) == action and said[-1] == END and len(said) <= 4
    for number, token in enumerate(said):
        assert token in encoded.next(said[:number])


@given(st.text(max_size=120), st.lists(st.text(max_size=40), max_size=5))
def test_any_text_has_words_and_none_that_mean_more(goal: str, labels: list[str]) -> None:
    step = prompt(goal, *(ElementLine("row", label) for label in labels))
    if len(words(goal)) > GOAL_WORDS:
        return
    tokens = KNOWN.prompt(step).tokens
    known = set(FIXED) | KNOWN.known
    assert set(tokens) <= known
    assert [t for t in tokens if t[0] == "#"] == [f"#{n}" for n in range(len(labels))]
    assert tokens.count("<act>") == 1 and tokens.count("<screen>") == 1


def test_the_app_in_front_is_not_opened_again() -> None:
    assert KNOWN.prompt(prompt("x")).next(["open"]) == {"&0"}
    nowhere = KNOWN.prompt(StepPrompt("x", Screen("", "", apps=APPS)))
    assert nowhere.next(["open"]) == {"&0", "&1"}
    assert nowhere.say({"kind": "open", "app": "Clock"}) == ["open", "&0", END]


def test_a_phone_that_lists_no_apps_opens_none() -> None:
    encoded = KNOWN.prompt(StepPrompt("x", Screen("", "")))
    assert "open" not in encoded.next([])
    with pytest.raises(Unsayable, match="lists no app"):
        encoded.say({"kind": "open", "app": APP})


def test_bounds_are_told() -> None:
    with pytest.raises(ContextOverflow, match="the goal has 65 words"):
        KNOWN.prompt(prompt("word " * 65))
    many = KNOWN.prompt(prompt("x", *(ElementLine("row", "") for _ in range(80))))
    assert many.tokens.count("<element>") == ELEMENTS
    with pytest.raises(Unsayable, match="element 70"):
        many.say({"kind": "tap", "element": 70})


@pytest.mark.parametrize(
    "said", [[], ["tap"], ["tap", "@1"], ["tap", "#x"], ["type", "@3", "@1"], ["type", "@0"],
             ["open", "&7"], ["open", "#0"], ["scroll", "home"], ["answer", "#9"], ["<goal>"]],
)  # fmt: skip
def test_what_means_no_action_is_no_action(said: list[str]) -> None:
    with pytest.raises(Unsayable):
        KNOWN.prompt(prompt("Call Mia Larsen", ElementLine("row", "Mia"))).mean(said)


def test_a_vocabulary_has_the_interface_and_no_names() -> None:
    people = ("Hana Berg", "Ivo Costa", "Mia Sato", "Kofi Rao", "Lena Han")
    steps = [
        ("call", f"call/{n}", prompt(f"Call {who} now", ElementLine("row", f"Save {who}")))
        for n, who in enumerate(people)
    ]
    made = vocabulary(steps)
    assert tuple(made[: len(FIXED)]) == FIXED and len(set(made)) == len(made)
    assert set(made[len(FIXED) :]) == {"call", "now", "save", "edit", "clock", "contacts"}
    assert {"call", "tap", "on", "row"} <= encoder(made).known and "@1" not in encoder(made).known
