"""CO: which past goes to a model."""

from __future__ import annotations

from typing import Any

from agentkit.capabilities import LanguageModel, Message, ToolCall, ToolResult
from agentkit.errors import ContextOverflow
from agentkit.testing.conformance.base import Conformance

SYSTEM = Message.system("You are a careful clerk.")
LAST = Message.user("What is left to do today?")


class ContextConformance(Conformance):
    """Give `toml` or `make()`. model, talk: what is packed, and for which model."""

    noun = "context"

    def model(self) -> LanguageModel:
        """The model that is packed for; a scripted one by default."""
        from agentkit.testing.scripted import ScriptedModel

        return ScriptedModel.of("yes")

    def talk(self, turns: int = 12) -> list[Message]:
        middle = []
        for n in range(turns):
            middle.append(Message.user(f"Question number {n}: " + "please note this. " * 5))
            middle.append(Message.assistant(f"Answer number {n}: " + "it is noted. " * 5))
        return [SYSTEM, *middle, LAST]

    def test_co01_what_fits_is_left_alone(self) -> None:
        """With room for all, all of it, in order, nothing dropped."""
        messages = self.talk()
        packed = self.part.pack(messages, 100_000, self.model())
        assert list(packed.messages) == messages and packed.dropped == ()
        assert packed.tokens > 0

    def test_co02_the_budget_holds_and_the_ends_stay(self) -> None:
        """Never more tokens than the budget; system and last user message always there."""
        messages, model = self.talk(), self.model()
        whole = self.part.pack(messages, 100_000, model).tokens
        sizes = []
        for budget in (whole - 1, whole // 2, whole // 4):
            packed = self.part.pack(messages, budget, model)
            assert packed.tokens <= budget, f"{packed.tokens} tokens in a budget of {budget}"
            assert packed.messages[0] == SYSTEM and packed.messages[-1] == LAST
            again = self.part.pack(list(packed.messages), 100_000, model)
            assert again.tokens == packed.tokens, "the same messages have two sizes"
            assert packed.dropped or packed.changed
            sizes.append(packed.tokens)
        assert sizes == sorted(sizes, reverse=True)

    def test_co03_dropped_says_what_is_missing(self) -> None:
        """Indices of what was left out or changed, each once; the rest is there, in order."""
        messages = self.talk()
        whole = self.part.pack(messages, 100_000, self.model()).tokens
        packed = self.part.pack(messages, whole // 2, self.model())
        missing = [*packed.dropped, *packed.changed]
        assert len(set(missing)) == len(missing) and set(missing) < set(range(len(messages)))
        verbatim = [messages.index(m) for m in packed.messages if m in messages]
        assert verbatim == sorted(verbatim)
        assert verbatim == [n for n in range(len(messages)) if n not in missing]

    def test_co04_too_small_a_budget_is_an_error(self) -> None:
        """ContextOverflow where even system and last user message do not fit."""
        try:
            self.part.pack(self.talk(), 3, self.model())
        except ContextOverflow:
            return
        raise AssertionError("a budget of 3 tokens was enough")

    def test_co05_a_result_keeps_its_call(self) -> None:
        """A tool's result without the call before it is refused by endpoints: both or none."""
        messages: list[Message] = [SYSTEM]
        for n in range(8):
            messages += [
                Message.user(f"Look up number {n}. " + "Do it well. " * 4),
                Message.assistant(ToolCall(f"call-{n}", "look", {"n": n})),
                Message.tool(ToolResult(f"call-{n}", "found it " * 8)),
            ]
        messages.append(LAST)
        whole = self.part.pack(messages, 100_000, self.model()).tokens
        for share in range(3, 10):
            packed = self.part.pack(messages, whole * share // 10, self.model())
            calls = {p.id for m in packed.messages for p in m.parts if isinstance(p, ToolCall)}
            results = {p.id for m in packed.messages for p in m.parts if isinstance(p, ToolResult)}
            assert calls == results, f"{calls ^ results} lost the other half"

    def test_co06_packing_is_pure(self) -> None:
        """The same messages pack the same, and are not changed."""
        messages = self.talk()
        before = repr(messages)
        first: Any = self.part.pack(messages, 300, self.model())
        assert self.part.pack(messages, 300, self.model()) == first
        assert repr(messages) == before
