"""Every task template: the expert does it in time, nothing and something nearly right do not, and
the phone can be put back."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from agentkit.seeds import derive
from agentkit_android.apps.maps.town import ALL_DAY
from agentkit_android.client.actions import Answer, Press
from agentkit_android.client.transport import must
from agentkit_android.env.environment import AndroidEnvironment
from agentkit_android.env.settings import AndroidSettings
from agentkit_android.tasks import catalogue
from agentkit_android.tasks.bench import WHAT, play, sound
from agentkit_android.tasks.expert import Expert
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.template import said

pytestmark = pytest.mark.slow

NAMES = sorted(catalogue.templates())
DATABASE = "/data/data/com.android.contacts/databases/contacts.db"


@pytest.fixture(scope="module")
def phone() -> Iterator[AndroidEnvironment]:
    environment = AndroidEnvironment(AndroidSettings(where="inside", picture=False))
    yield environment
    environment.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_done_and_only_so(phone: AndroidEnvironment, name: str) -> None:
    """One instance of each; `agentkit bench phone-templates` tries twenty."""
    number = derive(1, name) % 1000  # not the ones that it was written with
    assert sound(phone, name, number) == dict.fromkeys(WHAT, True)


def test_a_folder_of_a_files_name_is_no_file(phone: AndroidEnvironment) -> None:
    task = catalogue.task(catalogue.template("file-to-notes"), 0)
    phone.reset(task, 0)
    note = f"/sdcard/Documents/Notes/{task.data['params']['title']}.txt"
    must(phone.driver.transport, "mkdir", "-p", note)
    assert not phone.check(task).success


def test_what_never_closes_is_answered_as_its_page_says(phone: AndroidEnvironment) -> None:
    template = catalogue.template("place-hours")
    places = (catalogue.task(template, number) for number in range(200))
    task = next(t for t in places if t.data["params"]["hours"] == ALL_DAY)
    phone.reset(task, 1)
    expert = Expert(phone.driver, task)
    while not phone.step(action := expert.next()).terminated:
        pass
    assert action.text == "24 hours" and phone.check(task).success  # type: ignore[attr-defined]
    for answer, right in (("24시간", True), ("00:00-24:00", True), ("08:00-20:00", False)):
        phone.reset(task, 1)
        phone.step(Answer(text=answer))
        assert phone.check(task).success is right, answer


@pytest.mark.parametrize(
    ("how", "done"),
    [
        ("am force-stop com.android.contacts", True),
        ("pm clear com.android.contacts", False),
        (f"sqlite3 {DATABASE} 'DROP TABLE people'", False),
    ],
)
def test_an_app_that_is_changed_under_a_task_is_judged_as_it_is(
    phone: AndroidEnvironment, how: str, done: bool
) -> None:
    task = catalogue.task(catalogue.template("contact-email"), 3)
    phone.reset(task, 3)
    expert = Expert(phone.driver, task)
    for _ in range(2):
        phone.step(expert.next())
    must(phone.driver.transport, "sh", "-c", how)
    step = phone.step(Press(button="home"))
    while "DROP" not in how and not (step.terminated or step.truncated):
        step = phone.step(expert.next())
    found = phone.check(task)
    assert found.success is done and found.reasons


LONG = (
    "sms-to-event", "event-add", "event-place-by-sms", "event-to-task", "place-by-sms",
    "contact-by-sms", "place-to-contact", "expense-add-older", "contact-to-note", "event-place",
    "event-postpone", "note-to-expense", "recipe-add", "recipe-to-note", "alarm-set",
    "contact-number", "event-repeat", "note-to-contact", "sms-to-expense", "task-add-due",
)  # fmt: skip


@pytest.mark.slow
def test_twenty_of_them_need_six_actions_or_more(phone: AndroidEnvironment) -> None:
    for name in LONG:
        task = catalogue.task(catalogue.template(name), 5)
        phone.reset(task, 5)
        assert play(phone, task) - 1 >= 6, f"{name}, without the word that it is done"


def test_there_are_enough_of_each_kind() -> None:
    all_ = [catalogue.template(n) for n in NAMES]
    kinds = {k: sum(t.kind == k for t in all_) for k in ("switch", "question", "composite")}
    assert len(all_) >= 100 and kinds["question"] >= 20 and kinds["switch"] <= 15, kinds
    assert sum(len(t.apps) > 1 for t in all_) >= 15
    assert len({t.wording(t.draw(Random(0))) for t in all_}) == len(all_)


def test_splits_share_no_task_and_hold_templates_and_apps_out() -> None:
    parts = {p: catalogue.tasks(p) for p in ("train", "validation", *catalogue.TEST)}
    seen: dict[tuple[str, str], str] = {}
    for part, tasks in parts.items():
        assert tasks, part
        for task in tasks:
            key = task.template, str(task.data["params"])
            assert key not in seen, f"{key} is in {seen.get(key)} and {part}"
            seen[key] = part
    known = {t.template for t in parts["train"]}
    assert not known & {t.template for t in parts["unseen-templates"]}
    used = {a for n in known for a in catalogue.template(n).apps}
    assert all(set(catalogue.template(t.template).apps) - used for t in parts["unseen-apps"]), (
        "an app of the held-out ones is used in training"
    )
    assert catalogue.tasks("test") == tuple(t for p in catalogue.TEST for t in parts[p])


def test_a_number_decides_a_task() -> None:
    for name in NAMES:
        template = catalogue.template(name)
        assert catalogue.task(template, 7) == catalogue.task(template, 7)


def test_a_goal_in_words_is_known_again() -> None:
    found = catalogue.matching("turn ON airplane mode!")
    assert found is not None and found.template == "airplane-mode"
    assert found.data["params"] == {"state": "on"}
    assert catalogue.matching("Teach the cat to swim") is None


def test_answers_are_told_from_other_answers() -> None:
    assert said("It is called Blue Heron.", "Blue Heron") and said("blue  heron", "Blue Heron")
    assert (
        said("+1 (555) 010-0101", "+1 555 010 0101") and said("4", "4") and said("18:05", "18:05")
    )
    assert not said("14", "4") and not said("Blue Herons", "Blue Heron") and not said("", "x")
    assert not said("everything " * 50 + "Blue Heron", "Blue Heron")
    assert not said("+1 555 010 0102", "+1 555 010 0101")


def test_texts_in_a_database_are_kept(phone: AndroidEnvironment) -> None:
    phone.reset(catalogue.task(catalogue.template("contact-add"), 1), 0)
    state = PhoneState(phone.driver.transport)
    odd = 'O\'Brien? "x"; DROP TABLE people; -- \n$(ls) 김'
    package = "com.android.contacts"
    state.rows(package, "INSERT INTO people (name, note) VALUES (?, ?)", odd, "?")
    query = "SELECT name, note, email FROM people WHERE name = ?"
    assert state.rows(package, query, odd) == [[odd, "?", ""]]
    state.write("/sdcard/x y/'q'.txt", odd)
    assert state.text("/sdcard/x y/'q'.txt") == odd and state.names("/sdcard/x y") == ["'q'.txt"]
    assert state.names("/nowhere") == [] and state.text("/nowhere") == ""
