"""People: the same words, another right action; and who does it their way has done it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from agentkit.capabilities import Task
from agentkit_android.env.environment import AndroidEnvironment
from agentkit_android.env.settings import AndroidSettings
from agentkit_android.people import personal
from agentkit_android.people.habit import Habit
from agentkit_android.people.users import HABITS, users
from agentkit_android.tasks import catalogue
from agentkit_android.tasks.bench import play

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def phone() -> Iterator[AndroidEnvironment]:
    environment = AndroidEnvironment(AndroidSettings(where="inside", picture=False))
    yield environment
    environment.close()


@pytest.mark.slow
@pytest.mark.parametrize("template", personal.TEMPLATES, ids=lambda t: str(t.name))
def test_ones_own_way_is_right_and_anothers_is_not(
    phone: AndroidEnvironment, template: Habit[Any]
) -> None:
    """Two people of each; `agentkit bench phone-templates` takes twenty draws of them."""
    place = personal.TEMPLATES.index(template)
    for number in (place % len(users()), (place + 3) % len(users())):
        user = list(users())[number]
        task = personal.task(template, user)
        phone.reset(task, number)
        assert not phone.check(task).success, "doing nothing"
        steps = play(phone, task)
        found = phone.check(task)
        assert found.success, (user, task.goal, found.reasons)
        assert steps <= template.budget * 0.8 + 1, f"{steps} of {template.budget} steps"
        p = template.params.model_validate(task.data["params"])
        other = template.nearly(p, Random(number))
        assert template.wish(other) != template.wish(p)
        phone.reset(task, number)
        play(phone, task, other.model_dump(mode="json"))
        assert not phone.check(task).success, (user, other.user, task.goal)


def test_what_is_right_differs_and_the_words_do_not() -> None:
    tasks = catalogue.tasks("personal")
    assert len(users()) >= 8 and len(tasks) >= 60 and len({t.id for t in tasks}) == len(tasks)
    by_template: dict[str, list[Task]] = {}
    for task in tasks:
        by_template.setdefault(task.template, []).append(task)
    differing = 0
    for template in personal.TEMPLATES:
        mine = by_template[template.name]
        assert len({t.goal for t in mine}) == 1, "the words are the same for everybody"
        wishes = [getattr(users()[str(t.data["user"])], template.prefers) for t in mine]
        assert len(set(wishes)) >= 2
        differing += sum(wishes.count(w) < len(wishes) for w in wishes)
        for task, wish in zip(mine, wishes):
            if isinstance(wish, str):
                assert not re.search(rf"\b{re.escape(wish)}\b", task.goal), "it says the habit"
    assert differing >= 60
    assert {t.prefers for t in personal.TEMPLATES} == set(HABITS) - {"greeting"}


@pytest.mark.slow
def test_a_history_shows_the_habits(phone: AndroidEnvironment) -> None:
    done = list(personal.history(phone, "marta"))
    assert len(done) == len(personal.TEMPLATES) and all(d.steps for d in done)
    text = str([d.to_json() for d in done])
    assert "Um abraço, Marta" in text and "Alex Berg" in text and "Café Anker" in text
    tasks = catalogue.tasks("personal")
    without = {t.goal for t in tasks if set(t.data["params"]) == {"user"}}
    assert not {d.goal for d in done} & {t.goal for t in tasks} - without, "it is what is asked"
