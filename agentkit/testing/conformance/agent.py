"""AG: agents. They are run as people run them, in a store of the suite's own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel

from agentkit.capabilities import Proposal, Verdict
from agentkit.kit import Kit, load
from agentkit.testing.conformance.base import Conformance

if TYPE_CHECKING:
    from agentkit.runs.agent import Run


class _DenyAll:
    def judge(self, proposal: Proposal) -> Verdict:
        return Verdict("deny", "nothing is allowed here")


class AgentConformance(Conformance):
    """Give `toml`, with models that answer by request (`choose = "request"`), and an input.

    task: the input's first field. input: its other fields. answer: to every question.
    """

    noun = "agent"
    task: ClassVar[str] = "Say hello."
    input: ClassVar[Mapping[str, Any]] = {}
    answer: ClassVar[str] = "yes"

    @contextmanager
    def opened(self) -> Iterator[Kit]:
        """A kit of `toml` with an empty run store."""
        assert self.toml, f"{type(self).__name__} gives no toml: an agent is run through a kit"
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "agentkit.toml"
            file.write_text(self.toml)
            override = f'host.store="{folder}/runs"'
            with load(file, environ={}, overrides=[override]) as kit:
                yield kit

    def start(self, kit: Kit, seed: int = 3) -> Run:
        return kit.agent("part").run(self.task, seed=seed, **self.input)

    def finish(self, run: Run, limit: int = 20) -> Run:
        """Runs to its end, answering whatever it asks."""
        run.wait(120)
        while run.status == "waiting" and limit:
            run.answer(self.answer, run.questions[0].number)
            run.wait(120)
            limit -= 1
        return run

    def test_ag01_it_says_what_it_takes_and_gives(self) -> None:
        """Input and output models; every role is a setting that names a model."""
        with self.opened() as kit:
            agent = kit.part("agent", "part")
            assert issubclass(agent.input, BaseModel) and issubclass(agent.output, BaseModel)
            assert agent.input.model_fields, "an agent takes at least a task"
            needs = kit.registration("agent", "part").needs
            missing = set(agent.info.roles) - set(needs)
            assert agent.info.name and not missing, f"roles {missing} are not in `needs`"

    def test_ag02_it_builds_a_graph_and_no_more(self) -> None:
        """`build` gives an uncompiled graph, the same again, all of whose calls are recorded."""
        from agentkit.kit import Parts
        from agentkit.runs.graph import describe, unrecorded

        with self.opened() as kit:
            agent, parts = kit.part("agent", "part"), Parts(kit, ("agent", "part"))
            graph = agent.build(parts)
            assert hasattr(graph, "compile"), "build() gives the graph before it is compiled"
            assert describe(graph) == describe(agent.build(parts)), "two builds, two graphs"
            assert not unrecorded(graph), (
                f"nodes that are not made by agentkit.runs.node: {unrecorded(graph)}"
            )

    def test_ag03_it_ends_with_its_output(self) -> None:
        """Done, and the result is an instance of its output model."""
        with self.opened() as kit:
            run = self.finish(self.start(kit))
            assert run.status == "done", f"{run.status}: {run.row.note}"
            assert isinstance(run.result, kit.part("agent", "part").output)

    def test_ag04_a_seed_decides(self) -> None:
        """Two runs with one seed make the same calls and give the same result."""
        with self.opened() as kit, self.opened() as other:
            one, two = self.finish(self.start(kit)), self.finish(self.start(other))
            assert one.result == two.result
            assert _calls(one, kit) == _calls(two, other), "the calls differ"

    def test_ag05_it_goes_on_from_any_step(self) -> None:
        """Forked after each step, the rest is done anew and comes out the same; and what was done
        before is not done again."""
        from agentkit.runs.agent import Run

        with self.opened() as kit:
            run = self.finish(self.start(kit))
            calls = _calls(run, kit)
            steps = sorted({int(position.split(":")[0]) for position, *_ in calls if position})
            assert steps, "no call was recorded"
            for step in steps:
                fork = self.finish(Run(kit, kit.runs, kit.runs.fork(run.id, step)))
                assert fork.status == "done", f"forked after step {step}: {fork.row.note}"
                assert fork.result == run.result, f"forked after step {step}: another result"
                assert _calls(fork, kit) == calls

    def test_ag06_a_pause_loses_nothing(self) -> None:
        """Paused as soon as it has begun and resumed by another kit: the same result."""
        with self.opened() as kit:
            expected = self.finish(self.start(kit)).result
            run = self.start(kit)
            for _ in run:
                run.pause()
                break
            run.wait(120)
            if run.status == "paused":
                run.resume()
            assert self.finish(run).result == expected

    def test_ag07_a_message_does_no_harm(self) -> None:
        """A steering message that it may not understand is read or marked late, and it ends."""
        with self.opened() as kit:
            run = self.start(kit)
            try:
                run.send("please be brief 🙂 <b>; DROP")
            except Exception as error:  # it was done before the message came
                assert "done" in str(error)
            assert self.finish(run).status == "done"
            assert all(m.state != "waiting" for m in kit.runs.messages(run.id))

    def test_ag08_a_refusal_is_not_a_crash(self) -> None:
        """Where a guard denies everything, a run ends by itself, and says why if it failed."""
        with self.opened() as kit:
            kit.add("guard", "nothing-at-all", _DenyAll())
            run = self.finish(self.start(kit))
            assert run.status in ("done", "failed"), run.status
            if run.status == "failed":
                assert "denied" in run.row.note, f"it failed of something else: {run.row.note}"

    def test_ag09_its_result_is_small(self) -> None:
        """At most a megabyte of JSON: contents are artifacts."""
        with self.opened() as kit:
            run = self.finish(self.start(kit))
            size = len(str(run.row.result))
            assert size < 1 << 20, f"the result has {size} characters: store it as an artifact"


def _calls(run: Run, kit: Kit) -> list[tuple[Any, ...]]:
    """What the ledger holds, without what the clock decides."""
    return sorted(
        (c.position, c.index, c.kind, c.args) for c in kit.runs.ledger(run.id) if c.kind != "clock"
    )
