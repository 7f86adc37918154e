"""What is kept of a person: learned, used, shown, changed, forgotten."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from color_told import Told
from typer.testing import CliRunner

from agentkit.errors import DataError, StoreError, UsageError
from agentkit.kit import Kit
from agentkit_color_agent.person.command import person
from agentkit_color_agent.person.profile import Flow, Preference, domain_of, implied, rewrite
from agentkit_color_agent.person.remote import remote_models
from agentkit_color_agent.person.store import People
from agentkit_color_agent.teaching import Teaching, flows

SETTINGS = '{"kind":"open","app":"Settings"}'
DONE = '{"kind":"finish","status":"success"}'
MILK = ("Write down that I need milk", ['open "Notes"', 'tap icon "New note"', 'type "milk"'])
TEXT = ("Text Mia that I am late", ['open "Messages"', 'type "Dear Mia, I am late. Yours, Noor"'])
THANK = ("Text Ben my thanks", ['open "Messages"', 'type "Dear Ben, thank you! Yours, Noor"'])


@pytest.fixture
def people() -> People:
    made = People()
    for goal, steps in (MILK, TEXT, THANK):
        made.learn("noor", goal, steps, "shown")
    return made


def test_flows_teach_a_profile(people: People) -> None:
    ways = {p.id: p for p in people.profile("noor").preferences}
    assert ways["shopping-notes"].way == "uses Notes"
    assert ways["messages-begins-a-message-dear"].way == "with “Dear”"
    assert ways["messages-ends-a-message-yours-noor"].flows == tuple(
        f.id for f in people.flows("noor")[1:]
    )
    assert people.learn("noor", *MILK).id in {f.id for f in people.flows("noor")}
    assert len(people.flows("noor")) == 3, "the same again is the same flow"


def test_a_goal_is_put_in_their_way(people: People) -> None:
    """Explicit and implicit; another goal gets nothing; the goal's own words stay."""
    profile, known = people.profile("noor"), people.flows("noor")
    made = rewrite("Write down that I need bread", profile, known, 0.5)
    assert made.instruction == "Write down that I need bread" and made.flow == known[0].id
    assert "person: app for shopping uses Notes" in made.notes
    assert any("they did: open “Notes”" in n or 'open "Notes"' in n for n in made.notes)
    assert not rewrite("Xyzzy", profile, known, 0.5).notes


def test_a_deleted_preference_has_no_effect(people: People) -> None:
    """Acceptance 13: also where flows would teach it again."""
    people.forget_preference("noor", "shopping-notes")
    made = rewrite("Write down that I need bread", people.profile("noor"), [], 0.5)
    assert not any("Notes" in n for n in made.notes)
    people.learn("noor", "Note that I need eggs", ['open "Notes"'])
    assert "shopping-notes" not in {p.id for p in people.profile("noor").preferences}
    with pytest.raises(UsageError, match="no preference"):
        people.forget_preference("noor", "shopping-notes")


def test_a_deleted_flow_takes_what_it_taught(people: People) -> None:
    people.forget_flow("noor", people.flows("noor")[1].id)
    ids = {p.id for p in people.profile("noor").preferences}
    assert "messages-ends-a-message-yours-noor" not in ids and "shopping-notes" in ids
    people.forget("noor")
    assert people.known() == [] and people.history("noor") == []


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", '{"person":"noor","preferences":[{"id":"x"}]}', '{"person":"emil"}',
        '{"person":"noor","moods":[]}',
        '{"person":"noor","preferences":[{"id":"a","domain":"love","subject":"x","way":"y"}]}',
    ],
)  # fmt: skip
def test_what_is_no_profile_changes_nothing(people: People, text: str) -> None:
    """Acceptance 13: the last version stays in force, and it is told."""
    before = people.export("noor")
    with pytest.raises(DataError):
        people.put("noor", text)
    assert people.export("noor") == before


def test_what_a_person_says_stays(people: People) -> None:
    said = Preference(id="food-eggs", domain="food", subject="eggs", way="never")
    people.say("noor", said)
    people.learn("noor", "Note that I need eggs", ['open "Notes"'])
    assert said in people.profile("noor").preferences
    edited = people.profile("noor").model_dump_json().replace("uses Notes", "uses Tasks")
    people.put("noor", edited)
    people.learn("noor", "Note that I need tea", ['open "Notes"'])
    ways = {p.way for p in people.profile("noor").preferences}
    assert "uses Tasks" in ways, "what was changed by hand is not learned over"


@pytest.mark.parametrize("name", ["", "../x", "a b", "x" * 65])
def test_names_are_names(name: str) -> None:
    with pytest.raises(UsageError, match="is no name"):
        People().learn(name, "goal", [])


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match="cannot be used"):
        People(path).known()


def test_nobody_else_can_read_it(people: People) -> None:
    assert people.path.stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_every_use_is_an_event(kit: Kit, told: Told, people: People) -> None:
    agent = told.agent(SETTINGS, DONE, person="noor")
    run = told.run("Write down that I need bread", agent)
    (used,) = kit.runs.tail(run.id, kinds=("person.used",))
    assert used.data["flow"] == people.flows("noor")[0].id and used.data["person"] == "noor"
    assert "Note: person: app for shopping uses Notes" in told.prompts()[0]
    for settings in ({"person": "noor", "personal": False}, {"person": ""}, {"person": "emil"}):
        run = told.run("Write down that I need bread", told.agent(SETTINGS, DONE, **settings))
        assert "person:" not in told.prompts()[0]
        assert not kit.runs.tail(run.id, kinds=("person.used",))


@pytest.mark.slow
def test_a_model_may_rewrite(kit: Kit, told: Told, people: People) -> None:
    said = '{"rewritten_instruction":"Note bread in Notes","rewritten_substeps":["Open Notes"]}'
    told.run("Write down that I need bread",
             told.agent(SETTINGS, DONE, person="noor", personaliser=[said]))  # fmt: skip
    assert told.prompts()[0].startswith("Goal: Note bread in Notes\n")
    told.run("Write down that I need bread",
             told.agent(SETTINGS, DONE, person="noor", personaliser=["{}"]))  # fmt: skip
    assert told.prompts()[0].startswith("Goal: Write down that I need bread\n")


def test_a_person_is_told_of_a_remote_model(kit: Kit, told: Told, people: People) -> None:
    """Nothing of the profile is sent before the person said yes."""
    kit.define("model", "far", use="openai", base_url="https://models.example/v1", model="m")
    kit.define("model", "near", use="openai", base_url="http://localhost:8000/v1", model="m")

    def away(name: str) -> list[str]:
        from agentkit.kit import Parts

        kit.define("agent", f"on-{name}", use="color-agent", model="noisy", personaliser=name)
        return remote_models(Parts(kit, ("agent", f"on-{name}")), ("model", "personaliser"))

    assert away("far") == ["far (models.example)"] and away("near") == []
    kit.define("agent", "asks", use="color-agent", model="noisy", personaliser="far",
               person="noor", environment="phone")  # fmt: skip
    run: Any = kit.agent("asks").run("Write down that I need bread")
    assert run.wait(60) == "waiting"
    (asked,) = run.questions
    assert "far (models.example)" in asked.question.text and asked.question.kind == "approval"
    assert kit.runs.tail(run.id, kinds=("person.remote",))
    assert not kit.runs.tail(run.id, kinds=("person.used", "model.asked"))
    run.cancel()


def test_the_command_shows_and_deletes(people: People, tmp_path: Path) -> None:
    def call(*words: str, input: str = "") -> str:
        done = CliRunner().invoke(person, words, input=input)
        assert done.exit_code == 0, (words, done.output, done.exception)
        return done.output

    assert "noor\t" in call("list")
    shown = call("show", "noor", "--steps")
    assert "shopping: app for shopping uses Notes" in shown and 'tap icon "New note"' in shown
    call("say", "noor", "reminders", "an hour before", "--domain", "time")
    assert "said by the person" in call("show", "noor")
    file = tmp_path / "noor.json"
    call("export", "noor", "--out", str(file))
    assert json.loads(file.read_text())["person"] == "noor"
    profile = people.profile("noor").model_dump_json().replace("an hour", "a day")
    (tmp_path / "p.json").write_text(profile)
    call("edit", "noor", "--file", str(tmp_path / "p.json"))
    assert "a day before" in call("show", "noor")
    call("delete", "noor", "--preference", "time-reminders")
    assert "a day before" not in call("show", "noor")
    call("delete", "noor", "--yes")
    assert call("list") == ""
    for words in (("show", "nobody"), ("say", "noor", "x", "y", "--domain", "love")):
        assert isinstance(CliRunner().invoke(person, words).exception, UsageError)


@pytest.mark.slow
def test_the_phones_people_can_be_learned_from(phone: Teaching) -> None:
    """What one did before is found for what is asked now."""
    known = [
        Flow(id=f"f{n}", goal=g, steps=tuple(s), source="")
        for n, (g, s) in enumerate(flows(phone, "noor"))
    ]
    assert len(known) > 8 and all(f.steps for f in known)
    profile = implied("noor", known)
    tasks = [t for t in phone.tasks("personal") if t.data["user"] == "noor"]
    found = [rewrite(t.goal, profile, known, 0.3) for t in tasks]
    assert sum(bool(f.flow) for f in found) >= len(tasks) // 2
    assert domain_of("Cook something for dinner") == "food" and domain_of("xyz") == "other"
