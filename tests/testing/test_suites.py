"""Suites of the nouns that need no numbers: right parts pass, each case catches a wrong one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict

from agentkit.capabilities import (
    Action,
    Check,
    Document,
    Effect,
    Message,
    Outcome,
    Proposal,
    Score,
    SearchResult,
    Task,
    ToolInfo,
    Verdict,
)
from agentkit.errors import AgentkitError, DataError, UsageError
from agentkit.models.context import Window
from agentkit.settings import PartSettings
from agentkit.testing.conformance import (
    ContextConformance,
    EnvironmentConformance,
    GuardConformance,
    RewardConformance,
    SourceConformance,
    ToolConformance,
)
from agentkit.testing.fakes import FakeEnvironment, FakeSource, Move, Take
from tests.testing.mutants import all_cases_have_one, caught, each, of

# -- environments ---------------------------------------------------------------------------------


class GridConformance(EnvironmentConformance):
    def solve(self, environment: Any, task: Task) -> Sequence[Action]:
        found: list[Action] = environment.solution() or []
        return found


class TestGrid(GridConformance):
    toml = '[environments.part]\nuse = "grid"\nsize = 4'


class OneSplit(FakeEnvironment):
    def tasks(self, split: str) -> Any:
        return [replace(t, id=t.id.split("-", 1)[1]) for t in super().tasks(split)]


class Restless(FakeEnvironment):
    resets = 0

    def reset(self, task: Task, seed: int) -> Any:
        Restless.resets += 1
        return super().reset(task, seed + Restless.resets)


class Endless(FakeEnvironment):
    def step(self, action: Any) -> Any:
        self._over = False
        return super().step(action)


class Generous(FakeEnvironment):
    def check(self, task: Task) -> Check:
        return Check(1.0, ("well done",))


class LooksCost(FakeEnvironment):
    def observe(self) -> Any:
        world = self._state()
        self._world = replace(world, steps=world.steps + 1)
        return super().observe()


class Shout(Action):
    model_config = ConfigDict(extra="allow")
    kind: str = "shout"


class OpenActions(FakeEnvironment):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.info = replace(self.info, actions=(Move, Take, Shout))


class ForgetsTheKey(FakeEnvironment):
    def snapshot(self) -> str:
        name = super().snapshot()
        world, _ = self._kept[name]
        self._kept[name] = (world, False)
        self._kept[name] = (replace(world, steps=0, at=world.goal), False)
        return name


class OneWorld(FakeEnvironment):
    def pool(self, n: int) -> Any:
        return [self] * n


class Unsteady(FakeEnvironment):
    def step(self, action: Any) -> Any:
        if isinstance(action, Take) and self._state().key != self._state().at:
            raise AssertionError("nothing to take here")
        return super().step(action)


class Remembers(FakeEnvironment):
    ever = False

    def check(self, task: Task) -> Check:
        self.ever = self.ever or self._state().solved
        return Check(1.0, ("it was solved",)) if self.ever else super().check(task)


class ClosesOnce(FakeEnvironment):
    def close(self) -> None:
        del self._kept


WORLDS: dict[str, Any] = {
    "EN-01": OneSplit,
    "EN-02": Restless,
    "EN-03": Endless,
    "EN-04": Generous,
    "EN-05": LooksCost,
    "EN-06": OpenActions,
    "EN-07": ForgetsTheKey,
    "EN-08": OneWorld,
    "EN-09": Unsteady,
    "EN-10": Remembers,
    "EN-11": ClosesOnce,
}


@each(WORLDS)
def test_a_wrong_environment_is_caught(case: str, mutant: Any) -> None:
    caught(of(GridConformance, mutant), case)


# -- sources --------------------------------------------------------------------------------------

DOCUMENTS = {
    "cats": "The cat sat on the mat.\n\nGrüße: every cat sleeps 🙂 long.\n\nDogs do not.",
    "dogs": "A dog ran.\n\nThe dog saw a cat on a mat.",
}


class TestInline(SourceConformance):
    toml = (
        '[sources.part]\nuse = "inline"\n[sources.part.documents]\n'
        'cats = "The cat sat on the mat.\\n\\nEvery cat sleeps."\ndogs = "A dog saw a cat."'
    )
    query = "cat mat"


class DocumentsConformance(SourceConformance):
    query = "cat mat"


class Inline(FakeSource):
    def __init__(self) -> None:
        super().__init__(DOCUMENTS)


class WorstFirst(Inline):
    def search(self, query: str, k: int = 10) -> SearchResult:
        found = super().search(query, k)
        return replace(found, hits=found.hits[::-1])


class Characters(Inline):
    def search(self, query: str, k: int = 10) -> SearchResult:
        found = super().search(query, k)
        places = [DOCUMENTS[h.document].find(h.text) for h in found.hits]
        return replace(
            found,
            hits=tuple(
                replace(h, location=replace(h.location, start=at, end=at + len(h.text)))
                for h, at in zip(found.hits, places)
            ),
        )


class AlwaysFinds(Inline):
    def search(self, query: str, k: int = 10) -> SearchResult:
        found = super().search(query, k)
        return found if found.hits else super().search("cat", k)


class Particular(Inline):
    def search(self, query: str, k: int = 10) -> SearchResult:
        if '"' in query:
            raise ValueError("unbalanced quotes")
        return super().search(query, k)


class OpensAll(Inline):
    def open(self, document: str) -> Document:
        try:
            return super().open(document)
        except DataError:
            return Document(document, document, "", "")


class Moody(Inline):
    turn = 0

    def search(self, query: str, k: int = 10) -> SearchResult:
        self.turn += 1
        found = super().search(query, k)
        return replace(found, hits=tuple(replace(h, score=self.turn) for h in found.hits))


class OneAtATime(Inline):
    busy = False

    def search(self, query: str, k: int = 10) -> SearchResult:
        import time

        if self.busy:
            return SearchResult("failed", reason="busy")
        self.busy = True
        time.sleep(0.02)
        self.busy = False
        return super().search(query, k)


class Nameless(Inline):
    def __init__(self) -> None:
        super().__init__()
        self.info = replace(self.info, kind="", documents=-1)


class CountsLetters(Inline):
    def document_frequency(self, word: str) -> int:
        return len(word)


SOURCES: dict[str, Any] = {
    "SO-01": WorstFirst,
    "SO-02": Characters,
    "SO-03": AlwaysFinds,
    "SO-04": Particular,
    "SO-05": OpensAll,
    "SO-06": Moody,
    "SO-07": OneAtATime,
    "SO-08": Nameless,
    "SO-09": CountsLetters,
}


class TestUnicode(DocumentsConformance):
    def make(self) -> Inline:
        return Inline()


@each(SOURCES)
def test_a_wrong_source_is_caught(case: str, mutant: Any) -> None:
    caught(of(DocumentsConformance, mutant), case)


# -- tools ----------------------------------------------------------------------------------------


class Add(BaseModel):
    model_config = ConfigDict(extra="forbid")
    numbers: list[int]


class Adder:
    info = ToolInfo("add", "adds whole numbers", Add)

    def call(self, args: Add, rt: Any) -> Any:
        return sum(args.numbers)


class Post(Adder):
    """Says something outside, and remembers under which key."""

    info = ToolInfo("post", "posts a sum outside", Add, Effect.OUTSIDE)

    def __init__(self) -> None:
        self.posted: dict[str, int] = {}

    def call(self, args: Add, rt: Any) -> Any:
        self.posted[rt.key] = super().call(args, rt)
        return self.posted[rt.key]

    def find(self, key: str) -> Any:
        return self.posted.get(key)


class SumConformance(ToolConformance):
    arguments = {"numbers": [1, 2, 3]}  # noqa: RUF012


class TestAdder(SumConformance):
    def make(self) -> Adder:
        return Adder()


class TestPost(SumConformance):
    def make(self) -> Post:
        return Post()


class RecordsInside(Adder):
    def call(self, args: Add, rt: Any) -> Any:
        rt.emit("metric", {"added": len(args.numbers)})
        return sum(args.numbers)


class TestRecordsInside(SumConformance):
    def make(self) -> RecordsInside:
        return RecordsInside()


class Lax(BaseModel):
    numbers: list[int]


class Speechless(Adder):
    info = ToolInfo("add numbers!", "", Add)


class GivesASet(Adder):
    def call(self, args: Add, rt: Any) -> Any:
        return set(args.numbers)


class TakesAnything(Adder):
    info = ToolInfo("add", "adds whole numbers", Lax)


class EatsItsArguments(Adder):
    def call(self, args: Add, rt: Any) -> Any:
        return sum(args.numbers.pop() for _ in range(len(args.numbers)))


class FindsAll(Post):
    def find(self, key: str) -> Any:
        return 6


class OnlyByHand(Adder):
    def call(self, args: Add, rt: Any) -> Any:
        if rt.position.endswith(":add"):
            raise UsageError("only a node may call this")
        return sum(args.numbers)


TOOLS: dict[str, Any] = {
    "TO-01": Speechless,
    "TO-02": GivesASet,
    "TO-03": TakesAnything,
    "TO-04": EatsItsArguments,
    "TO-05": FindsAll,
    "TO-06": OnlyByHand,
}


@each(TOOLS)
def test_a_wrong_tool_is_caught(case: str, mutant: Any) -> None:
    caught(of(SumConformance, mutant), case)


# -- contexts -------------------------------------------------------------------------------------


class TestWindow(ContextConformance):
    toml = '[contexts.part]\nuse = "window"'


class TestRelevant(ContextConformance):
    toml = '[contexts.part]\nuse = "relevant"'


class Plain(Window):
    def __init__(self) -> None:
        super().__init__(PartSettings())


class DropsOne(Plain):
    def pack(self, messages: Any, budget: int, model: Any) -> Any:
        return super().pack([messages[0], *messages[2:]], budget, model)


class Overspends(Plain):
    def pack(self, messages: Any, budget: int, model: Any) -> Any:
        return super().pack(messages, budget + 40, model)


class Forgetful(Plain):
    def pack(self, messages: Any, budget: int, model: Any) -> Any:
        return replace(super().pack(messages, budget, model), dropped=(1,))


class NeverFull(Plain):
    def pack(self, messages: Any, budget: int, model: Any) -> Any:
        return super().pack(messages, max(budget, 100), model)


class SplitsCalls(Plain):
    def pack(self, messages: Any, budget: int, model: Any) -> Any:
        packed = super().pack(messages, budget, model)
        results = [m for m in packed.messages if m.role != "assistant"]
        return replace(packed, messages=tuple(results))


class Edits(Plain):
    def pack(self, messages: Any, budget: int, model: Any) -> Any:
        messages.append(Message.user("and one more"))
        return super().pack(messages, budget, model)


CONTEXTS: dict[str, Any] = {
    "CO-01": DropsOne,
    "CO-02": Overspends,
    "CO-03": Forgetful,
    "CO-04": NeverFull,
    "CO-05": SplitsCalls,
    "CO-06": Edits,
}


@each(CONTEXTS)
def test_a_wrong_context_is_caught(case: str, mutant: Any) -> None:
    caught(of(ContextConformance, mutant), case)


# -- rewards --------------------------------------------------------------------------------------


class Exact:
    bounds = (0.0, 1.0)

    def score(self, outcome: Outcome) -> Score:
        if "answer" not in outcome.task:
            raise AgentkitError("the task has no answer to compare with")
        same = float(outcome.answer == outcome.task["answer"])
        return Score(same, {"same": same}, ("as expected" if same else "another answer",))


class AnswerConformance(RewardConformance):
    good = Outcome({"answer": "4"}, "4", {"seen": []})
    bad = Outcome({"answer": "4"}, "5", {"seen": []})


class TestExact(AnswerConformance):
    def make(self) -> Exact:
        return Exact()


class Indifferent(Exact):
    def score(self, outcome: Outcome) -> Score:
        return replace(super().score(outcome), value=0.5)


class Unbounded(Exact):
    def score(self, outcome: Outcome) -> Score:
        return replace(super().score(outcome), value=float(len(outcome.answer)))


class Ageing(Exact):
    count = 0

    def score(self, outcome: Outcome) -> Score:
        self.count += 1
        made = super().score(outcome)
        return replace(made, value=made.value / self.count)


class Silent(Exact):
    def score(self, outcome: Outcome) -> Score:
        return replace(super().score(outcome), reasons=())


class Stumbles(Exact):
    def score(self, outcome: Outcome) -> Score:
        outcome.task["answer"]
        return super().score(outcome)


REWARDS: dict[str, Any] = {
    "RE-01": Indifferent,
    "RE-02": Unbounded,
    "RE-03": Ageing,
    "RE-04": Silent,
    "RE-05": Stumbles,
}


@each(REWARDS)
def test_a_wrong_reward_is_caught(case: str, mutant: Any) -> None:
    caught(of(AnswerConformance, mutant), case)


# -- guards ---------------------------------------------------------------------------------------


class NoDeleting:
    def judge(self, proposal: Proposal) -> Verdict | None:
        if "delete" in proposal.name:
            return Verdict("deny", "nothing is deleted here")
        return None


DELETE = Proposal("r", "a", "files", "delete", {"path": "x"}, Effect.IRREVERSIBLE)
READ = replace(DELETE, name="read", effect=Effect.NONE)


class FilesConformance(GuardConformance):
    stopped = (DELETE,)
    allowed = (READ,)


class TestNoDeleting(FilesConformance):
    def make(self) -> NoDeleting:
        return NoDeleting()


class LetsGo(NoDeleting):
    def judge(self, proposal: Proposal) -> Verdict | None:
        return None


class StopsAll(NoDeleting):
    def judge(self, proposal: Proposal) -> Verdict | None:
        return Verdict("ask", "is this wanted?")


class Tires(NoDeleting):
    asked = 0

    def judge(self, proposal: Proposal) -> Verdict | None:
        self.asked += 1
        return super().judge(proposal) if self.asked < 3 else None


class NeedsAPath(NoDeleting):
    def judge(self, proposal: Proposal) -> Verdict | None:
        proposal.args["path"].startswith("/")
        return super().judge(proposal)


GUARDS: dict[str, Any] = {
    "GU-01": LetsGo,
    "GU-02": StopsAll,
    "GU-03": Tires,
    "GU-04": NeedsAPath,
}


@each(GUARDS)
def test_a_wrong_guard_is_caught(case: str, mutant: Any) -> None:
    caught(of(FilesConformance, mutant), case)


# -- all of them ----------------------------------------------------------------------------------


def test_every_case_has_a_wrong_part() -> None:
    all_cases_have_one(EnvironmentConformance, WORLDS)
    all_cases_have_one(SourceConformance, SOURCES)
    all_cases_have_one(ToolConformance, TOOLS)
    all_cases_have_one(ContextConformance, CONTEXTS)
    all_cases_have_one(RewardConformance, REWARDS)
    all_cases_have_one(GuardConformance, GUARDS)
