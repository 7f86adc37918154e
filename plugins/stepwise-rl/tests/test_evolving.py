"""Self-evolving training: the loop as a run, people, kills, discriminators against the state."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentkit.capabilities import Outcome, Step
from agentkit.errors import AgentkitError, ConfigError, UsageError
from agentkit.kit import Kit
from agentkit.testing.progress import Recorder
from agentkit_stepwise_rl.evolving import correcting, data
from agentkit_stepwise_rl.evolving.correcting import Correction, corrected, of_expert, read_answer
from agentkit_stepwise_rl.evolving.discriminators import (
    SEVEN,
    Judged,
    calibration,
    flawed,
    judged,
)
from agentkit_stepwise_rl.evolving.players import Players
from agentkit_stepwise_rl.evolving.pool import Query, pool
from agentkit_stepwise_rl.evolving.settings import EvolveSettings
from agentkit_stepwise_rl.evolving.trainer import Waits
from agentkit_stepwise_rl.filtering import Report
from agentkit_stepwise_rl.reading import trajectory
from agentkit_stepwise_rl.trajectories import Did, Seen, Trajectory

pytestmark = pytest.mark.slow

QUICK: dict[str, Any] = {
    "environment": "inside", "phones": 2, "iterations": 1, "queries": 6, "repeats": 1,
    "temperature": 1.5, "tasks": 1, "starts": ("Clock",), "human": "none",
    "sft": {"steps": 2, "batch": 4, "longest": 400},
}  # fmt: skip


def trainer(kit: Kit, **settings: Any) -> Any:
    name = f"own{sum(n.startswith('own') for n in kit.names('trainer'))}"
    kit.define("trainer", name, use="evolve", **{**QUICK, **settings})
    return kit.part("trainer", name)


def report(out: Path) -> dict[str, Any]:
    made: dict[str, Any] = json.loads((out / "report.json").read_text())
    return made


def folder(out: Path) -> Path:
    """Of the first iteration's data and training."""
    (made,) = (out / "iteration-1").iterdir()
    return made


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(x) for x in folder(out).joinpath("data.jsonl").read_text().splitlines()]


# -- the loop --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def evolved(
    tmp_path_factory: pytest.TempPathFactory, in_folder: Callable[[Path], Kit]
) -> Iterator[tuple[Kit, Path, Recorder]]:
    folder = tmp_path_factory.mktemp("evolved")
    with in_folder(folder / "runs") as kit:
        seen = Recorder()
        trainer(kit).train([], folder / "out", seen)
        yield kit, folder / "out", seen


def test_an_iteration_is_a_run_whose_every_example_leads_back(
    evolved: tuple[Kit, Path, Recorder],
) -> None:
    kit, out, seen = evolved
    (run,) = kit.runs.runs(agent="own0-loop")
    assert run.status == "done"
    told = {e.kind: e.data for e in kit.runs.tail(run.id) if e.kind.startswith("evolve.")}
    worth = {one["name"]: one for one in told["evolve.filter"]["worth"]}
    assert set(worth) == {*SEVEN, "all"}
    assert worth["completion"]["precision"] == 1.0, "it takes the state's word where there is one"
    rows = report(out)["rows"]
    assert [row["iteration"] for row in rows] == [0, 1] and rows[1]["rollouts"] == 6
    made = lines(out)
    assert told["evolve.data"]["lines"] == len(made) and seen.used[1] == [o["id"] for o in made]
    actions = kit.environment("inside").info.actions
    for one in made:
        source, _, step = one["id"].rpartition(".")
        row = kit.runs.get(source)
        found = trajectory(row, kit.runs.tail(row.id), actions)
        assert found is not None and found.success
        assert json.loads(one["answer"])["kind"] == found.steps[int(step)].action["kind"]
    used = [
        i
        for line in (folder(out) / "sft" / "steps.jsonl").read_text().splitlines()
        for i in json.loads(line)["examples"]
    ]
    assert used and set(used) <= {one["id"] for one in made}


@pytest.mark.slow
@pytest.mark.parametrize("after", ["pool.done", "rollouts.done", "judge.done", "data.done",
                                   "sft.done"])  # fmt: skip
def test_stopped_at_any_node_it_goes_on_with_the_same_data(
    evolved: tuple[Kit, Path, Recorder],
    in_folder: Callable[[Path], Kit],
    tmp_path: Path,
    after: str,
) -> None:
    out = tmp_path / "out"
    with in_folder(tmp_path / "runs") as kit:
        made = trainer(kit)
        run = made._begun([], out.resolve())
        (out / "run.json").write_text(json.dumps({"run": run.id}))
        for event in run:
            if event.kind == after:
                run.pause()
        assert run.status == "paused"
    with in_folder(tmp_path / "runs") as kit:  # as another process would
        trainer(kit).train([], out, Recorder(), resume=True)
        assert data.content_hash(lines(out)) == data.content_hash(lines(evolved[1]))
        assert report(out)["rows"] == report(evolved[1])["rows"]
    same = "sft/checkpoint/model.safetensors"
    assert (folder(out) / same).read_bytes() == (folder(evolved[1]) / same).read_bytes()


def test_a_person_is_asked_before_anything_is_trained(kit: Kit, tmp_path: Path) -> None:
    """Through the run's own questions, which consoles and `agentkit runs answer` read."""
    out = tmp_path / "out"
    made = trainer(kit, human="ask", questions=3, queries=10, temperature=2.0)
    with pytest.raises(Waits, match="wait for a person"):
        made.train([], out, Recorder())
    assert not (out / "iteration-1").exists(), "nothing is built or trained before the answer"
    run = kit.resume(json.loads((out / "run.json").read_text())["run"])
    said: list[str] = []
    actions = kit.environment("inside").info.actions
    edited: dict[str, Any] = {}
    run.wait()
    while run.status == "waiting":
        asked = run.questions[0]
        source = str(asked.question.data["run"])
        row = kit.runs.get(source)
        one = trajectory(row, kit.runs.tail(row.id), actions)
        assert one is not None and asked.question.kind == "approval"
        assert all(step in asked.question.text for step in asked.question.data["steps"])
        if not said:
            run.answer("I do not know", asked.number)
        elif len(said) == 1:
            assert "could not be read" in asked.question.text
            run.answer('edit 0 {"kind":"button","button":"home"}', asked.number)
            edited[source] = {"kind": "button", "button": "home"}
        else:
            run.answer("skip" if len(said) == 2 else "approve", asked.number)
        said.append(source)
        run.wait()
    assert run.status == "done" and len(said) == 4 and said[0] == said[1]
    by_id = {one["id"]: json.loads(one["answer"]) for one in lines(out)}
    for source, action in edited.items():
        assert by_id[f"{source}.0"] == action and f"{source}.1" not in by_id
    assert f"{said[2]}.0" not in by_id and f"{said[3]}.0" in by_id


def test_where_nothing_passes_nothing_is_trained(kit: Kit, tmp_path: Path) -> None:
    out = tmp_path / "out"
    kit.define("reward", "never", use="exact-answer")  # no trajectory is the answer to anything
    kit.add("reward", "nothing", _Never())
    trainer(kit, discriminators=("nothing",)).train([], out, Recorder())
    assert "nothing to train on" in report(out)["report"]
    assert not list(out.rglob("sft")) and report(out)["best"]["weights"] == ""


class _Never:
    bounds = (0.0, 1.0)

    def score(self, outcome: Outcome) -> Any:
        from agentkit.capabilities import Score

        return Score(0.0, {}, ("never",))


def test_a_loop_without_discriminators_is_refused(kit: Kit) -> None:
    with pytest.raises(ConfigError, match="everything would pass"):
        trainer(kit, discriminators=())


# -- phones that die -------------------------------------------------------------------------------


def test_a_phone_that_dies_is_replaced_and_the_episode_played_again(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of the transport cannot be had from a phone in this process: its step fails as one
    does whose device is gone."""
    players = Players(kit, EvolveSettings(**{**QUICK, "phones": 1}))
    tasks = kit.environment("inside").tasks("train")
    query = Query("q0", tasks[0].goal, tasks[0].id, "train", "seed")
    (sound,) = players.play([(query, 5)], "", 1)
    first = players._phones[0]
    phone = kit.environment(first)
    calls: list[int] = []

    def dead(action: Any) -> Step:
        calls.append(1)
        raise AgentkitError("the phone is gone", "")

    monkeypatch.setattr(phone, "step", dead)
    (again,) = players.play([(query, 5)], "", 1)
    assert calls and players._phones[0] != first and again["lost"] == ""
    assert again["success"] == sound["success"] and again["run"] != sound["run"]


def test_a_rollout_that_no_phone_can_play_is_lost_and_said_so(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    players = Players(kit, EvolveSettings(**{**QUICK, "phones": 1}))
    (lost,) = players.play([(Query("q0", "x", "no-such/1", "train", "seed"), 5)], "", 1)
    assert lost["run"] == "" and "no-such/1" in lost["lost"]


# -- discriminators --------------------------------------------------------------------------------


def seen(place: str, *labels: str) -> Seen:
    elements = tuple(
        {"role": "row", "label": t, "bounds": [0, 50 * n, 99, 50 * n + 49], "clickable": True}
        for n, t in enumerate(labels)
    )
    return Seen(place, "", elements, (100, 200))


HOME = seen("com.launcher.Home", "Settings", "Contacts")
NET = seen("com.settings.Network", "Wi-Fi", "Bluetooth")
DONE = seen("com.settings.Network", "Wi-Fi on", "Bluetooth")
OPEN = Did(HOME, {"kind": "open", "app": "com.settings"}, 'open "com.settings"')
TAP = Did(NET, {"kind": "tap", "x": 5, "y": 5}, 'tap row "Wi-Fi"')
END = Did(DONE, {"kind": "finish", "status": "success"}, "finish success")
GOOD = Trajectory("r", "Turn on Wi-Fi", "wifi/1", "wifi", "train", 0, (OPEN, TAP, END), DONE,
                  claim="success", success=True)  # fmt: skip
BAD: dict[str, Trajectory] = {
    "completion": replace(GOOD, goal="Write “milk” into the list", success=False),
    "validity": replace(GOOD, steps=(replace(OPEN, refused="no such app"), TAP, END)),
    "relevance": replace(GOOD, steps=(
        *(replace(OPEN, seen=seen(f"com.{n}.Page", "x")) for n in "abc"), TAP, END)),
    "coherence": replace(GOOD, steps=(OPEN, replace(TAP, seen=HOME), replace(TAP, seen=HOME),
                                      replace(TAP, seen=HOME), END)),
    "redundancy": replace(GOOD, steps=(OPEN, TAP, replace(OPEN, seen=HOME), TAP, END)),
    "user": replace(GOOD, steps=(OPEN, replace(TAP, line='tap button "Delete all"'), END)),
    "behaviour": replace(GOOD, claim="out of steps"),
}  # fmt: skip


def parts(kit: Kit, **settings: Any) -> dict[str, Any]:
    made = {}
    for kind in SEVEN:
        name = f"d-{kind}-{len(kit.names('reward'))}"
        kit.define("reward", name, use="discriminator", kind=kind, **settings)
        made[kind] = kit.part("reward", name)
    return made


@pytest.mark.parametrize("kind", SEVEN)
def test_each_discriminator_sees_its_own_fault(kit: Kit, kind: str) -> None:
    known = parts(kit, checked=False)
    assert judged(GOOD, known).all
    found = judged(BAD[kind], known)
    assert not found.passed[kind] and found.why[kind]


def test_completion_takes_the_states_word_only_where_it_may(kit: Kit) -> None:
    wrong = replace(GOOD, success=False)  # nothing on the screens speaks against it
    assert judged(wrong, parts(kit, checked=False)).passed["completion"]
    assert not judged(wrong, parts(kit)).passed["completion"]
    assert not judged(BAD["completion"], parts(kit, checked=False)).passed["completion"]


def test_precision_and_recall_are_counted_and_a_blind_one_is_noticed() -> None:
    rows = [
        Judged(f"r{n}", n < 6, {"good": n < 5, "blind": True, "strict": False}, {})
        for n in range(12)
    ]
    worth = {one.name: one for one in calibration([*rows, replace(rows[0], success=None)])}
    assert (worth["good"].precision, worth["good"].recall) == (1.0, 5 / 6)
    assert (worth["blind"].precision, worth["blind"].recall) == (0.5, 1.0)
    assert worth["strict"].precision is None and worth["all"].passed == 0
    assert "everything pass, 6 failures" in worth["blind"].warning
    assert "nothing pass" in worth["strict"].warning and not worth["good"].warning


# -- data ------------------------------------------------------------------------------------------


def test_answers_of_people_are_read_or_refused_with_a_reason(kit: Kit) -> None:
    actions = kit.environment("inside").info.actions
    assert read_answer(" Approve\n", GOOD, actions).verdict == "approve"
    made = read_answer('edit 0 {"kind":"tap","element":1}\nedit 1 {"kind":"wait"}', GOOD, actions)
    assert {n: a["kind"] for n, a in made.edits.items()} == {0: "tap", 1: "wait"}
    for text in ("", "yes", 'edit 9 {"kind":"wait"}', 'edit 0 {"kind":"fly"}',
                 'edit 0 {"kind":"tap","element":7}'):  # fmt: skip
        with pytest.raises(UsageError):
            read_answer(text, GOOD, actions)
    assert Correction.from_json(json.loads(json.dumps(made.to_json()))) == made
    assert correcting.HOW in correcting.question(GOOD, Judged("r", False, {}, {})).text


def test_a_correction_keeps_what_was_right_before_it() -> None:
    right = {"kind": "tap", "x": 5, "y": 60}
    how = Correction("r", "edit", {1: right})
    samples = corrected(GOOD, how)
    assert [s.id for s in samples] == ["r.0", "r.1"], "what followed from the wrong step is gone"
    assert json.loads(samples[1].answer) == {"kind": "tap", "element": 1}
    assert len(corrected(GOOD, Correction("r", "approve"))) == 3
    assert corrected(GOOD, Correction("r", "skip")) == []
    advised = replace(GOOD, steps=(OPEN, replace(TAP, best=right), replace(END, best=END.action)))
    assert [n for n, _ in flawed(advised)] == [1] and of_expert(advised).edits == {1: right}


def test_queries_are_capped_and_older_examples_have_their_share() -> None:
    many = [replace(GOOD, id=f"r{n}") for n in range(20)]
    count = Report("cap")
    kept = data.chosen(many, {one.id: f"q{int(one.id[1:]) % 2}" for one in many}, 3, 0, count)
    assert len(kept) == 6 and count.into == count.out + sum(count.why.values())
    samples = data.fresh(kept, {}, [], Report("split"))
    older = [{"id": f"o{n}", "prompt": "p", "answer": '{"kind":"wait"}'} for n in range(99)]
    made = data.lines(samples, older, 0.25, 0, Report("replay"))
    assert len(made) == 18 + 6 and sum(one["id"].startswith("o") for one in made) == 6
    renamed = [{**one, "id": f"x{n}"} for n, one in enumerate(made)]
    assert data.content_hash(made) == data.content_hash(renamed) != data.content_hash(made[1:])
    count_by, entropy = data.kinds(made)
    assert count_by == {"open": 6, "tap": 6, "finish": 6, "wait": 6}
    assert entropy == pytest.approx(1.3863, abs=1e-4)


def test_the_pool_has_seeds_expansions_and_corners(kit: Kit) -> None:
    tasks = kit.environment("inside").tasks("train")
    made = pool(tasks, size=200, seed=1, starts=("Clock", "Notes"), corner=0.2)
    assert made == pool(tasks, size=200, seed=1, starts=("Clock", "Notes"), corner=0.2)
    by = {kind: [q for q in made if q.kind == kind] for kind in ("seed", "expansion", "corner")}
    assert all(len(some) > 20 for some in by.values())
    goals = {task.id: task.goal for task in tasks}
    assert any(q.goal != goals[q.task] for q in by["expansion"])
    assert {q.start for q in by["corner"]} == {"Clock", "Notes"}
    assert all(not q.start and q.goal == goals[q.task] for q in by["seed"])
    assert len({q.task for q in made}) == 200


class _Always:
    bounds = (0.0, 1.0)

    def score(self, outcome: Outcome) -> Any:
        from agentkit.capabilities import Score

        return Score(1.0)


def test_a_discriminator_that_lets_everything_pass_is_noticed_in_the_loop(
    kit: Kit, tmp_path: Path
) -> None:
    kit.add("reward", "blind", _Always())
    made = trainer(kit, discriminators=("blind",), queries=12, temperature=2.0)
    made.train([], tmp_path / "out", Recorder())
    run = json.loads((tmp_path / "out" / "run.json").read_text())["run"]
    (told,) = (e.data for e in kit.runs.tail(run) if e.kind == "evolve.filter")
    worth = next(one for one in told["worth"] if one["name"] == "blind")
    assert worth["passed"] == worth["n"] > worth["of"], "there must be failures to see"
    assert any("blind lets everything pass" in text for text in told["warnings"])
