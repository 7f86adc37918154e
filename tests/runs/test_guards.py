"""All guards are asked; deny beats ask beats allow; the verdict stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from agentkit.bench import trial
from agentkit.capabilities import Effect, Proposal, Verdict
from agentkit.errors import ToolDenied
from agentkit.testing.conformance import GuardConformance


def proposal(effect: Effect) -> Proposal:
    return Proposal("r1", "a", "mail", "send", {"to": "me"}, effect)


class TestEffects(GuardConformance):
    toml = """
    [guards.part]
    use = "effects"
    deny = ["irreversible"]
    """
    stopped: ClassVar = [proposal(Effect.OUTSIDE), proposal(Effect.IRREVERSIBLE)]
    allowed: ClassVar = [proposal(Effect.NONE), proposal(Effect.INSIDE)]

    def test_what_is_denied_is_not_asked_about(self) -> None:
        verdicts = [self.part.judge(one).kind for one in self.stopped]
        assert verdicts == ["ask", "deny"]


class Says:
    def __init__(self, *verdicts: Any) -> None:
        self.verdicts, self.asked = list(verdicts), 0

    def judge(self, proposal: Proposal) -> Any:
        self.asked += 1
        return self.verdicts[0] if len(self.verdicts) == 1 else self.verdicts.pop(0)


ALLOW, ASK, DENY = Verdict("allow"), Verdict("ask", "it costs"), Verdict("deny", "not today")


def post(state: Any, rt: Any) -> Any:
    return {"text": rt.call("post", {"text": "x"})}


def guarded(kit_of: Any, *guards: Any) -> Any:
    kit = kit_of(work=post)
    for number, guard in enumerate(guards):
        kit.add("guard", f"g{number}", guard)
    return kit.agent("made").run("t")


@pytest.mark.parametrize("order", [1, -1])
def test_the_strictest_verdict_wins(kit_of: Any, tmp_path: Path, order: int) -> None:
    guards = [Says(None), Says(ALLOW), Says(ASK), Says(DENY)][::order]
    with pytest.raises(ToolDenied, match="post on post was denied: not today"):
        assert guarded(kit_of, *guards).result
    assert all(guard.asked == 1 for guard in guards) and not (tmp_path / "world").exists()


@pytest.mark.parametrize("wrong", [Verdict("maybe"), "allow"])  # type: ignore[arg-type]
def test_a_verdict_that_is_none_is_a_deny(kit_of: Any, wrong: Any) -> None:
    with pytest.raises(ToolDenied, match="guard 'g0' failed"):
        assert guarded(kit_of, Says(wrong)).result


def test_the_guard_by_effects_asks_or_denies(kit_of: Any, tmp_path: Path) -> None:
    kit = kit_of(work=post)
    kit.define("guard", "careful", use="effects")
    run = kit.agent("made").run("t")
    assert run.wait() == "waiting"
    assert run.questions[0].question.text == "Allow post on post? its effect is outside"
    kit = kit_of(work=post)
    kit.define("guard", "strict", use="effects", ask=[], deny=["outside"])
    with pytest.raises(ToolDenied, match="denied: its effect is outside"):
        assert kit.agent("made").run("t").result
    kit = kit_of(work=post)
    kit.define("guard", "lax", use="effects", ask=["irreversible"])
    assert kit.agent("made").run("t").result.text == "posted"


def test_a_person_may_allow(kit_of: Any, tmp_path: Path) -> None:
    guard = Says(ASK)
    run = guarded(kit_of, guard)
    assert run.wait() == "waiting"
    asked = run.questions[0].question
    assert asked.text == "Allow post on post? it costs" and asked.kind == "approval"
    assert asked.data["args"] == {"text": "x"} and not (tmp_path / "world").exists()
    run.answer("yes")
    assert run.result.text == "posted" and guard.asked == 1


def test_a_person_may_refuse(kit_of: Any, tmp_path: Path) -> None:
    run = guarded(kit_of, Says(ASK))
    run.wait()
    run.answer("no")
    with pytest.raises(ToolDenied, match="refused by a person"):
        assert run.result
    assert not (tmp_path / "world").exists()


def test_a_verdict_once_given_stands(kit_of: Any) -> None:
    def twice(state: Any, rt: Any) -> Any:
        post(state, rt)
        rt.ask("again?")
        return {"text": "done"}

    guard = Says(ALLOW, DENY)
    kit = kit_of(work=twice)
    kit.add("guard", "g", guard)
    run = kit.agent("made").run("t")
    run.wait()
    run.answer("yes")
    assert run.result.text == "done" and guard.asked == 1


def test_a_resumed_run_keeps_its_guards(tmp_path: Path, trials: Any) -> None:
    kit = trials(rounds=1)
    kit.host.registry.guard("never", f"{__name__}:Never")
    import sys

    sys.modules.setdefault(__name__, sys.modules[Never.__module__])
    kit.define("guard", "never", use="never")
    run = kit.agent("trial").run("fish")
    assert run.wait() == "waiting"
    again = trial.kit(tmp_path, rounds=1)  # whose settings name no guard
    again.host.registry.guard("never", f"{__name__}:Never")
    resumed = again.resume(run.id)
    resumed.answer("yes")
    with pytest.raises(ToolDenied, match="never"):
        assert resumed.result
    assert not (tmp_path / "world").exists()
    again.close()


class Never:
    def __init__(self, settings: Any, parts: Any) -> None: ...

    def judge(self, proposal: Proposal) -> Verdict:
        return Verdict("deny", "never")
