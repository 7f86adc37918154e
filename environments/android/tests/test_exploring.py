"""Exploring: walks by chance, goals written afterwards from the screens, and nothing held out."""

from __future__ import annotations

import json
import re
from itertools import groupby, pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from typer.testing import CliRunner

from agentkit.agents.acting import StepPrompt
from agentkit_android.client.driver import Look
from agentkit_android.client.tree import Element
from agentkit_android.command import phone as phone_command
from agentkit_android.demos.asking import question
from agentkit_android.demos.exploring import explored, open_apps
from agentkit_android.demos.made_up import table
from agentkit_android.demos.renaming import renamed
from agentkit_android.demos.rewording import _table
from agentkit_android.demos.telling import Teller, Untold, facts
from agentkit_android.demos.walking import Move, Walk, again, walk
from agentkit_android.env.environment import AndroidEnvironment
from agentkit_android.env.settings import AndroidSettings
from agentkit_android.tasks import catalogue

PHONES = 5
Episode = list[tuple[StepPrompt, dict[str, Any], dict[str, Any]]]


@pytest.fixture(scope="module")
def phone() -> AndroidEnvironment:
    return AndroidEnvironment(AndroidSettings(where="inside", picture=False))


@pytest.fixture(scope="module")
def lines(phone: AndroidEnvironment) -> list[dict[str, Any]]:
    tasks = catalogue.tasks("train")
    return [one for number in range(PHONES) for one in explored(phone, number, 3, tasks)]


@pytest.fixture(scope="module")
def episodes(lines: list[dict[str, Any]]) -> list[Episode]:
    return [
        [(StepPrompt.read(one["prompt"]), json.loads(one["answer"]), one) for one in some]
        for _, some in groupby(lines, lambda one: one["source"])
    ]


def plain(goal: str) -> str:
    return " ".join(re.findall(r"\w+", goal.casefold()))


def test_no_app_that_is_held_out_is_entered(episodes: list[Episode]) -> None:
    held = {t.apps[0] for t in catalogue.templates().values() if t.held == "app"}
    assert len(held) >= 4 and not held & set(open_apps())
    for prompt, answer, _ in (step for one in episodes for step in one):
        assert not prompt.screen.place.startswith(tuple(held))
        assert answer.get("app") not in held


def test_no_goal_and_no_wording_is_one_that_is_held_out(episodes: list[Episode]) -> None:
    goals = {one[0][0].goal for one in episodes}
    held = {t.goal for split in ("unseen-templates", "unseen-apps", "reworded")
            for t in catalogue.tasks(split)}  # fmt: skip
    templates = [t for t in catalogue.templates().values() if t.held]
    held |= {catalogue.task(t, number).goal for t in templates for number in range(60)}
    assert len(goals) > 15 and not {*map(plain, goals)} & {*map(plain, held)}
    kept_back = _table()["held"]
    starts = [f.partition("{")[0] for f in kept_back["around"]]
    starts += [w for others in kept_back["words"].values() for w in others]
    told = [f for forms in (table()["forms"], table()["asked"]) for some in forms.values()
            for f in some]  # fmt: skip
    told += [f"{other.capitalize()} it" for others in table()["verbs"].values() for other in others]
    for start in (s for s in starts if len(s.split()) > 1):
        assert not any(form.casefold().startswith(start.casefold()) for form in told), start


def test_what_is_typed_is_a_part_of_the_goal_and_an_answer_is_on_the_screen(
    episodes: list[Episode],
) -> None:
    kinds = set()
    for prompt, answer, _ in (step for one in episodes for step in one):
        kinds.add(answer["kind"])
        if answer["kind"] == "type":
            typed = re.escape(answer["text"])
            assert re.search(rf"(?<!\w){typed}(?!\w)", prompt.goal)
        if answer["kind"] == "answer":
            assert any(answer["text"] in e.text for e in prompt.screen.elements)
    assert {"open", "tap", "type", "finish", "answer"} <= kinds


def test_every_episode_ends_and_its_history_is_what_was_done(episodes: list[Episode]) -> None:
    for one in episodes:
        assert [a["kind"] in ("finish", "answer") for _, a, _ in one] == [False] * (
            len(one) - 1
        ) + [True]
        assert len({prompt.goal for prompt, _, _ in one}) == 1
        for (before, answer, _), (after, _, _) in pairwise(one):
            done = after.history[len(before.history)]
            assert done.startswith(answer["kind"])
            if "element" in answer:
                touched = before.screen.elements[answer["element"]]
                assert json.dumps(touched.text[:60], ensure_ascii=False) in done


def test_wrong_ways_are_in_the_history_and_never_answers(episodes: list[Episode]) -> None:
    """An answer is `back` only where a wrong touch came before."""
    off = [s for one in episodes for s in one if s[2]["off"]]
    assert off
    for prompt, answer, line in (step for one in episodes for step in one):
        if answer == {"kind": "button", "button": "back"}:
            assert line["off"] and prompt.history[-1].startswith("tap ")


def test_the_same_seed_gives_the_same_examples(
    phone: AndroidEnvironment, lines: list[dict[str, Any]]
) -> None:
    again_made = explored(phone, 0, 3, catalogue.tasks("train"))
    assert again_made == [one for one in lines if one["source"].startswith("explored/3.0.")]


def test_a_switch_is_told_with_its_name_and_what_it_became(phone: AndroidEnvironment) -> None:
    phone.reset(catalogue.tasks("train")[0], 1)
    told = 0
    for seed in range(60):
        random = Random(seed)
        made = walk(phone.driver, "com.android.settings", random)
        if made is None or made.moves[-1].kind != "turn":
            continue
        last = made.moves[-1]
        found = facts(made, True)
        goal = Teller(random, "Settings").goal(made, found).casefold()
        assert last.label.removeprefix("Use ").casefold() in goal
        now = next(e for e in made.last.elements if e.label == last.label)
        assert found.turned[-1] == (last.label, now.checked)
        done = again(phone.driver, made)
        if done is not None:  # nothing is left to do there
            there = next(e for e in done.last.elements if e.label == last.label)
            assert there.checked == now.checked and len(done.moves) == len(made.moves) - 1
        told += 1
    assert told >= 3


def test_names_change_everywhere_at_once(phone: AndroidEnvironment) -> None:
    phone.reset(catalogue.tasks("train")[0], 1)
    made = next(
        w for seed in range(40)
        if (w := walk(phone.driver, "com.android.settings", Random(seed))) is not None
        and len(w.moves) > 2 and w.moves[1].label.startswith("Display")
    )  # fmt: skip
    other = renamed(made, {"Display": "Velvet ladder"})
    said = [e.label for m in other.moves for look in (m.look, m.after) for e in look.elements]
    assert not any(re.match("Display(,|$)", label) for label in said)
    assert "Velvet ladder" in said and other.moves[1].label.startswith("Velvet ladder, ")
    assert [m.action for m in other.moves] == [m.action for m in made.moves]


def test_a_name_that_others_have_too_is_not_told() -> None:
    rows = [Element("row", "Coffee, €3.80", (0, 10 * n, 9, 10 * n + 9)) for n in (1, 2)]
    look = Look(b"", (9, 99), tuple(rows), "app", ".Main", 0, "")
    move = Move("go", look, None, look, rows[0])  # type: ignore[arg-type]
    with pytest.raises(Untold):
        facts(Walk("app", (move,), "there"), False)
    assert question(look, "", Teller(Random(0), "Shop"), Random(0)) is None


def test_an_interrupted_command_goes_on_to_the_same_file(tmp_path: Path) -> None:
    def run(out: str) -> Any:
        words = ["explore", "--episodes", "16", "--seed", "5", "--out", str(tmp_path / out)]
        return CliRunner().invoke(phone_command, words)

    assert run("whole.jsonl").exit_code == 0
    whole = (tmp_path / "whole.jsonl").read_text()
    made = [line for line in whole.splitlines(keepends=True) if '"explored/5.0.' in line]
    how = {"episodes": 16, "seed": 5, "without": []}
    begun = "".join([json.dumps({"how": how}) + "\n", *made, '{"done": 1}\n', '{"id": "half'])
    (tmp_path / "other.jsonl.part").write_text(begun)
    assert run("other.jsonl").exit_code == 0
    assert (tmp_path / "other.jsonl").read_text() == whole
    assert not (tmp_path / "other.jsonl.part").exists()
    assert "exists" in str(run("whole.jsonl").exception)


def test_what_cannot_be_left_out_is_said(tmp_path: Path) -> None:
    words = ["explore", "--out", str(tmp_path / "a.jsonl"), "--without", "wify"]
    failed = CliRunner().invoke(phone_command, words)
    assert "wifi" in str(failed.exception) and not list(tmp_path.iterdir())
