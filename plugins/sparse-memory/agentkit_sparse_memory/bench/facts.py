"""`agentkit bench memory-facts`: told in one process, asked in the next.

A process is told invented facts and ends. Another one, with the questions alone, is asked in
phrasings that were learned and in others. Then the facts are taken back.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from agentkit.bench import Bench, Experiment, Metric, Needs, Result, proportion
from agentkit.capabilities.analyzer import Table
from agentkit.errors import AgentkitError
from agentkit.kit import Kit, load
from agentkit_sparse_memory.background import hash_of
from agentkit_sparse_memory.bench.bed import SMALL, trained
from agentkit_sparse_memory.facts import CHAT, PHRASINGS, UNSEEN, Fact, mentions, said
from agentkit_sparse_memory.invented import invented
from agentkit_sparse_memory.model import SparseMemoryModel

GOAL = 0.8
PART = "memory-facts"


def facts(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    name = bench.options.get("model", "small" if quick else "smollm2-135m")
    count = int(bench.options.get("facts", 2 if quick else 20))
    model = str(trained(bench.out / "small", bench)) if name == "small" else name
    own = {**SMALL, "batches": 4, "held_out": 6} if name == "small" else {}
    learning = {"steps": 4, "max_forget": 1e9} if quick else {}
    found: list[dict[str, Any]] = []
    for seed in bench.seeds[: 1 if quick else None]:
        told = {
            "base": {"model": model, "dtype": "fp32" if name == "small" else "bf16"},
            "part": {**own, "folder": str(bench.out / f"memory-{seed}"), "learning": learning},
            "facts": [fact.to_json() for fact in invented(count, seed)],
        }

        def work(told: Mapping[str, Any] = told) -> dict[str, Any]:
            return _one(bench, told)

        found.append(bench.once(f"{name} {count} {seed}", work))
        bench.progress.update(len(found), len(bench.seeds))
    return _result(found, name, count)


def _one(bench: Bench, told: Mapping[str, Any]) -> dict[str, Any]:
    facts = [Fact.from_json(plain) for plain in told["facts"]]
    with _kit(told) as kit:
        model = _model(kit)
        if not model.prepared:
            model.prepare(progress=bench.progress)
        while model.patches():  # an earlier try that was interrupted
            model.revert("last")
        start, before = hash_of({"values": model.memory.values}), _asked(model, facts)
        entry = model.learn(facts, progress=bench.progress)
    after = _elsewhere(told)
    with _kit(told) as kit:
        model = _model(kit)
        model.revert("last")
        back = hash_of({"values": model.memory.values}) == start
        again = _asked(model, facts)
    return {
        "before": before,
        "after": after,
        "again": again,
        "back": back,
        "rows": entry.rows,
        "steps": entry.metrics["steps"],
        "held_out": [entry.metrics["held_out_before"], entry.metrics["held_out_after"]],
    }


def _elsewhere(told: Mapping[str, Any]) -> dict[str, Any]:
    """The same questions to a process of its own, which is told where the memory is."""
    done = subprocess.run(
        [sys.executable, "-m", "agentkit_sparse_memory.bench.facts"],
        input=json.dumps(told),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise AgentkitError(f"the second process failed: {done.stderr[-300:]}", "run it again")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _asked(model: SparseMemoryModel, facts: list[Fact]) -> dict[str, Any]:
    """Shares that are right: greedy to the last token where the answer's beginning is given, and
    whether a free answer to an unseen question holds the word."""
    by = {template: model.score(facts, [template]).right for template in UNSEEN}
    question = next(t for t in UNSEEN if t.startswith(CHAT))
    answers = [model.believes(fact, question) for fact in facts]
    free = [mentions(text, fact.answer) for fact, text in zip(facts, answers)]
    return {
        "seen": model.score(facts, PHRASINGS).right,
        "unseen": model.score(facts, UNSEEN).right,
        "by": by,
        "free": sum(free) / len(free),
        "said": answers[:3],
    }


def _kit(told: Mapping[str, Any]) -> Kit:
    kit = load()
    kit.define("model", f"{PART}-base", use="transformers", **told["base"])
    kit.define("model", PART, use="sparse-memory", base=f"{PART}-base", **told["part"])
    return kit


def _model(kit: Kit) -> SparseMemoryModel:
    model = kit.model(PART)
    assert isinstance(model, SparseMemoryModel)
    return model


def _result(found: list[dict[str, Any]], name: str, count: int) -> Result:
    asked = count * len(found)

    def share(when: str, what: str, each: int = 1) -> Metric:
        values = [one[when][what] for one in found]
        return proportion(round(sum(values) * count * each), asked * each)

    rises = [one["held_out"][1] / one["held_out"][0] - 1 for one in found]
    seen, unseen = len(said(invented(1))), len(UNSEEN)
    metrics = {
        "unseen phrasings right": share("after", "unseen", unseen),
        "learned phrasings right": share("after", "seen", seen),
        "free answers to an unseen question right": share("after", "free"),
        "loss on ordinary text rose by": Metric(max(rises), n=len(rises)),
        "weights bit-equal after taking back": Metric(float(all(one["back"] for one in found))),
    }
    nothing = {
        "unseen phrasings right": share("before", "unseen", unseen),
        "learned phrasings right": share("before", "seen", seen),
        "free answers to an unseen question right": share("before", "free"),
    }

    def of(template: str, when: str) -> str:
        return f"{sum(one[when]['by'][template] for one in found) / len(found):.0%}"

    rows = [(form, *(of(form, when) for when in ("before", "after", "again"))) for form in UNSEEN]
    value = metrics["unseen phrasings right"].value
    steps = max(one["steps"] for one in found)
    equal = "bit for bit" if all(one["back"] for one in found) else "NOT"
    verdict = (
        f"{name} was told {count} invented facts in {len(found)} runs, {steps:.0f} steps at most. "
        f"Another process, with no fact in any prompt, gives {value:.0%} of the answers greedily "
        f"to the last token in phrasings that were never learned (goal {GOAL:.0%}: "
        f"{'met' if value >= GOAL else 'not met'}), "
        f"{metrics['learned phrasings right'].value:.0%} in those that were, and "
        f"{metrics['free answers to an unseen question right'].value:.0%} of its free answers to "
        f"an unseen question hold the word. The loss on held-out ordinary text rose by "
        f"{max(rises):.2%} at most. Taken back, the weights are {equal} those of before. "
        "The paper learns TriviaQA facts with a 1.3B model that was pretrained with its memory; "
        "this one got its memory afterwards."
    )
    columns = ("phrasing", "before", "after", "taken back")
    table = Table("Unseen phrasings right", columns, tuple(rows))
    return Result(metrics, verdict, baselines={"before": nothing}, tables=[table])


FACTS = Experiment(
    name="memory-facts",
    question="Does a new process know what an earlier one was told, however it is asked?",
    run=facts,
    seeds=(0, 1, 2),
    needs={
        "normal": Needs(weights=("smollm2-135m",), memory=4 << 30, hours=0.4),
        "quick": Needs(memory=2 << 30, hours=0.02),
    },
)

if __name__ == "__main__":
    asked = json.loads(sys.stdin.read())
    with _kit(asked) as own:
        known = _asked(_model(own), [Fact.from_json(f) for f in asked["facts"]])
        sys.stdout.write(json.dumps(known))
