"""Made tasks, their exact follower, and a training of the generator by the kit's own trainers."""

from __future__ import annotations

import json
import random
import statistics
from pathlib import Path
from typing import Any

import pytest

import agentkit
from agentkit.capabilities import Outcome
from agentkit.testing.progress import Recorder
from agentkit_prompt_mii.bench.cases import PLAIN, best_of, cases, on_examples
from agentkit_prompt_mii.bench.made import GRPO, SIZES
from agentkit_prompt_mii.made import bed
from agentkit_prompt_mii.made.families import KINDS, families, follow, read, split
from agentkit_prompt_mii.scoring import INVALID

pytestmark = pytest.mark.slow

KNOWN = families(500)


def test_five_hundred_families_of_four_kinds_and_none_on_both_sides() -> None:
    train, unseen = split(KNOWN, 100)
    assert len({one.key for one in KNOWN}) == 500 and len(train) == 400
    assert not {one.key for one in train} & {one.key for one in unseen}
    assert {kind: sum(o.kind == kind for o in unseen) for kind in KINDS} == dict.fromkeys(KINDS, 25)
    assert families(500) == KNOWN != families(500, seed=1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_right_instruction_is_right_on_every_row(kind: str) -> None:
    for one in [o for o in KNOWN if o.kind == kind][:10]:
        rows = one.rows(40, 3, "test")
        texts, gold = [t for t, _ in rows], [g for _, g in rows]
        assert follow(one.instruction, texts, one.labels) == gold
        assert len(set(texts)) == 40 and rows == one.rows(40, 3, "test")
        counts = [gold.count(label) for label in one.labels]
        assert max(counts) - min(counts) <= 1
        assert len(one.instruction.split()) < bed.LIMIT


def test_the_follower_is_exact_and_takes_nothing_else() -> None:
    labels, rows = ("zor", "mip"), ["red sky", "sky not red", "red"]
    for instruction, said in (
        ("zor if has sky ; else mip", ["zor", "zor", "mip"]),
        ("zor if not red ; else mip", ["mip", "zor", "mip"]),
        ("zor if before red sky ; else mip", ["zor", "mip", "mip"]),
        ("zor if has sky", ["zor", "zor", INVALID]),
        ("else zor", ["zor"] * 3),
    ):
        assert follow(instruction, rows, labels) == said
    assert follow(
        "zor if over two ; else mip", ["red sky not fox", "red sky"], labels
    ) == labels_of("zor mip")
    for nonsense in (
        "",
        "zor",
        "lun if has sky ; else mip",
        "zor if has unicorn",
        "zor if before sky ; else mip",
        "zor if over red ; else mip",
        "zor if has sky ; zor if has sky ; zor if has sky ; else mip",
    ):
        assert read(nonsense, labels) is None
        assert follow(nonsense, rows, labels) == [INVALID] * 3


def labels_of(text: str) -> list[str]:
    return text.split()


def test_guesses_read_well_and_pass_on_an_example() -> None:
    rng = random.Random(0)
    for one in KNOWN[:40]:
        examples = one.rows(9, 1, "shown")
        clauses = read(bed.guess(one.labels, examples, rng), one.labels)
        assert clauses is not None and clauses[-1].test == "else"
        for clause in clauses[:-1]:
            own = [row.split() for row, label in examples if label == clause.label]
            assert any(clause.holds(row) for row in own)


def test_contexts_have_rows_of_their_own_and_words_that_the_generator_knows() -> None:
    made = bed.tasks(KNOWN[:30], 0, 2)
    sizes = [one.data["prompt"].count("|") - 1 for one in made]
    assert {5, 10, 20} <= set(sizes) and sizes.count(5) == 60
    for one in made:
        shown = {part.partition(":")[2].strip() for part in one.data["prompt"].split("|")[1:-1]}
        assert len(one.data["rows"]) == 60 and not shown & {text for text, _ in one.data["rows"]}
        assert set(one.data["prompt"].split()) <= set(bed.VOCABULARY)
    fixed = bed.tasks(KNOWN[:1], 0, 3, rows=20, fixed=True)
    assert all(
        set(map(tuple, f.data["rows"])) & set(map(tuple, fixed[0].data["rows"])) for f in fixed
    )


def test_the_reward_is_the_exact_followers_and_not_the_labels_names() -> None:
    with agentkit.load(environ={}) as kit:
        kit.define("reward", "made", use="prompt-mii-made")
        part = kit.part("reward", "made")
    one = KNOWN[0]
    task = {"labels": one.labels, "rows": one.rows(60, 0, "test")}
    right = part.score(Outcome(task, one.instruction))
    assert right.parts["macro_f1"] == 1 and 0.99 < right.value < 1
    assert part.score(Outcome(task, "nonsense")).value == 0
    named = dict(zip(one.labels, ("tob", "rin", "sul")))
    words = [named.get(w, w) for w in one.instruction.split()]
    other = {
        "labels": [named[label] for label in reversed(one.labels)],
        "rows": [(text, named[label]) for text, label in task["rows"]],
    }
    assert part.score(Outcome(other, " ".join(words))) == right


def test_baselines_stand_where_they_should() -> None:
    known = cases(KNOWN[-8:], 20, 60)
    mean = {name: statistics.fmean(how(c) for c in known) for name, how in PLAIN.items()}
    assert mean["majority"] < mean["naive"] < mean["nearest example"] < mean["search"] < 1
    assert all(c.of(c.family.instruction) == 1 for c in known)
    assert set(SIZES) == {5, 10, 20, 50}
    first = known[0]
    drawn = ["nonsense", first.family.instruction]
    assert best_of(first, drawn) == first.family.instruction and on_examples(first, drawn[0]) == 0


@pytest.mark.slow
def test_the_kits_trainers_warm_it_up_and_reinforce_it(tmp_path: Path) -> None:
    train, _ = split(KNOWN, 100)
    zero = bed.write_generator(tmp_path / "zero", 0, layers=2, width=32)
    with agentkit.load(environ={}) as kit:
        plain: dict[str, Any] = {"use": "transformers", "dtype": "fp32", "threads": 1}
        kit.define("model", "zero", model=str(zero), **plain)
        kit.define(
            "trainer", "sft", use="sft", model="zero", chat=False, steps=12, batch=8, rate=1e-2,
            held_out=0.0,
        )  # fmt: skip
        seen = Recorder()
        kit.part("trainer", "sft").train(bed.lessons(train[:40], 0, 1), tmp_path / "sft", seen)
        losses = [metrics["loss"] for _, metrics in seen.updates]
        assert losses[-1] < losses[0] - 0.5
        weights = tmp_path / "sft" / "checkpoint" / "model.safetensors"
        warm = bed.with_weights(zero, weights, tmp_path / "warm")
        kit.define("model", "warm", model=str(warm), **plain)
        kit.define("reward", "made", use="prompt-mii-made")
        settings = {**GRPO, "prompts": 4, "group": 5, "steps": 2, "slots": 20}
        kit.define("trainer", "ring", use="ring", model="warm", rewards=["made"], **settings)
        data = bed.tasks(train[:40], 0, 1)
        kit.part("trainer", "ring").train(data, tmp_path / "ring", Recorder())
    rollouts = [json.loads(line) for line in (tmp_path / "ring" / "rollouts.jsonl").open()]
    assert len(rollouts) == 2 * 4 * 5
    by_id = {one.id: one.data for one in data}
    flat = 0
    for group in {r["group"] for r in rollouts}:
        own = [r for r in rollouts if r["group"] == group]
        rewards = [r["reward"] for r in own]
        spread = statistics.pstdev(rewards)
        for one in own:  # the same rows for all five, and advantages as by hand
            rows, labels = by_id[one["example"]]["rows"], by_id[one["example"]]["labels"]
            said = follow(one["text"], [t for t, _ in rows], labels)
            right = sum(s == g for s, (_, g) in zip(said, rows))
            assert (one["reward"] > 0) == (right > 0)
            expected = (one["reward"] - statistics.fmean(rewards)) / spread if spread else 0.0
            assert one["advantage"] == pytest.approx(expected, abs=1e-4)
        flat += not spread
    steps = [json.loads(line) for line in (tmp_path / "ring" / "steps.jsonl").open()]
    assert sum(step["flat_groups"] for step in steps) == flat
