"""AG: agents. They are run as people run them, in a store of the suite's own."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel

from agentkit.capabilities import Proposal, Verdict
from agentkit.hookspecs import hookimpl
from agentkit.kit import Kit, load
from agentkit.runs.events import Event
from agentkit.testing.conformance.base import Conformance

if TYPE_CHECKING:
    from agentkit.runs.agent import Run

POLL = 0.05  # seconds, within which a run's owner sees what is asked of it


class _DenyAll:
    def judge(self, proposal: Proposal) -> Verdict:
        return Verdict("deny", "nothing is allowed here")


class AgentConformance(Conformance):
    """Give `toml`, with models that answer by request (`choose = "request"`), and an input.

    task: the input's first field. input: its other fields. answer: to every question. pauses: how
    many are tried.
    """

    noun = "agent"
    task: ClassVar[str] = "Say hello."
    input: ClassVar[Mapping[str, Any]] = {}
    answer: ClassVar[str] = "yes"
    pauses: ClassVar[int] = 8

    @contextmanager
    def opened(self, store: Path | None = None) -> Iterator[Kit]:
        """A kit of `toml` with a run store in that folder, or an empty one."""
        assert self.toml, f"{type(self).__name__} gives no toml: an agent is run through a kit"
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "agentkit.toml"
            file.write_text(self.toml)
            override = f'host.store="{store or folder}"'
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
        with self.opened() as kit:
            run = self.finish(self.start(kit))
            calls = _calls(run, kit)
            steps = sorted({int(position.split(":")[0]) for position, *_ in calls if position})
            assert steps, "no call was recorded"
            for step in steps:
                fork = self.finish(kit.fork(run.id, step))
                assert fork.status == "done", f"forked after step {step}: {fork.row.note}"
                assert fork.result == run.result, f"forked after step {step}: another result"
                assert _calls(fork, kit) == calls

    def test_ag06_a_pause_loses_nothing(self) -> None:
        """Paused at several moments and resumed with parts made anew: the same result, the same
        calls. What a node keeps outside its state and the run is lost then."""
        with self.opened() as kit:
            whole = self.finish(self.start(kit))
            calls, last, paused = _calls(whole, kit), kit.runs.tail(whole.id)[-1].seq, 0
            for at in sorted({3 + n * (last - 4) // self.pauses for n in range(self.pauses)}):
                with _paused_at(kit, at):
                    run = self.start(kit)
                    run.wait(120)
                with self.opened(kit.settings.host.store) as other:
                    if run.status == "paused":
                        paused += 1
                        run = other.resume(run.id)
                    self.finish(run)
                    assert run.status == "done", f"paused after event {at}: {run.row.note}"
                    assert run.result == whole.result, f"paused after event {at}: another result"
                    assert _calls(run, other) == calls, f"paused after event {at}: other calls"
            assert paused, "it could not be paused at all: its calls do not go through rt"

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


@contextmanager
def _paused_at(kit: Kit, seq: int) -> Iterator[None]:
    """Asks for a pause at an event of a run of `part`, not of runs that it starts itself, and holds
    the run until that was noticed."""

    class Pauser:
        @hookimpl
        def agentkit_event(self, event: Event) -> None:
            if event.seq == seq and kit.runs.get(event.run).agent == "part":
                kit.runs.request(event.run, "pause")
                time.sleep(4 * POLL)

    plugin = Pauser()
    kit.host.manager.register(plugin, "conformance-pauser")
    try:
        yield
    finally:
        kit.host.manager.unregister(plugin)


def _calls(run: Run, kit: Kit) -> list[tuple[Any, ...]]:
    """What the ledger holds, without what the clock decides."""
    return sorted(
        (c.position, c.index, c.kind, c.args) for c in kit.runs.ledger(run.id) if c.kind != "clock"
    )
