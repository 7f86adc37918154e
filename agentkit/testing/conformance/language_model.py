"""LM: any model. The cases of each ability are in the modules beside this one."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

from agentkit.capabilities import (
    ABILITIES,
    CallContext,
    Cancel,
    Completion,
    Delta,
    Image,
    Message,
    Request,
    ToolCall,
    ToolResult,
)
from agentkit.errors import AgentkitError, ContextOverflow, Unsupported
from agentkit.testing.conformance.base import Conformance
from agentkit.testing.conformance.grammar import GrammarCases
from agentkit.testing.conformance.hidden import HiddenCases
from agentkit.testing.conformance.numbers import EmbedCases, LogprobCases
from agentkit.testing.conformance.tokens import TokenCases
from agentkit.testing.conformance.weights import WeightCases

A = TypeVar("A")
PICTURE = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00"
    b"\x90wS\xde\x00\x00\x00\x0cIDATx\x9cc\xf8\xcf\xc0\x00\x00\x03\x01\x01\x00\xc9\xfe\x92\xef"
    b"\x00\x00\x00\x00IEND\xaeB`\x82"
)  # one red pixel


class AbilityCases(Conformance):
    """What is declared is there; what is not declared says so."""

    noun = "model"

    def declared(self, kind: type[A]) -> A | None:
        """The ability where the model declares it; else it must be refused by name."""
        name = next(n for n, k in ABILITIES.items() if k is kind)
        if name in self.part.info.abilities:
            found: A = self.part.ability(kind)
            assert isinstance(found, kind), f"ability({kind.__name__}) gave no {kind.__name__}"
            return found
        try:
            self.part.ability(kind)
        except Unsupported as error:
            assert name in str(error), f"Unsupported does not name {name!r}: {error}"
        else:
            raise AssertionError(f"{name!r} is not in info.abilities, yet ability() gave it")
        return None

    def test_lm01_abilities_are_as_declared(self) -> None:
        """Every declared ability is given, every other raises Unsupported naming it."""
        info = self.part.info
        assert info.name and info.context > 0
        unknown = info.abilities - set(ABILITIES)
        assert not unknown, f"info.abilities names what is no ability: {unknown}"
        for kind in ABILITIES.values():
            self.declared(kind)


class LanguageModelConformance(
    TokenCases, HiddenCases, WeightCases, GrammarCases, LogprobCases, EmbedCases, AbilityCases
):
    """Subclass it with `toml` or `make()`. prompts: three that draw greedy answers of at least
    four tokens."""

    prompts: ClassVar[Sequence[str]] = (
        "Say hello to everybody in the room.",
        "Name three colours.",
        "Count to ten.",
    )
    tokens: ClassVar[int] = 24

    def request(self, prompt: str, **settings: Any) -> Request:
        return Request.of(
            Message.system("You answer."),
            prompt,
            **{"max_tokens": self.tokens, **settings},
        )

    def one(self, prompt: str, **settings: Any) -> Completion:
        made: list[Completion] = self.part.generate([self.request(prompt, **settings)])
        assert made[0].finish != "error", made[0].error
        return made[0]

    _longest: ClassVar[tuple[str, Completion] | None] = None

    def longest(self) -> tuple[str, Completion]:
        """The prompt with the longest greedy answer, and that answer; asked for once a suite."""
        cls = type(self)
        if "_longest" not in cls.__dict__ or cls._longest is None:
            made = [(prompt, self.one(prompt)) for prompt in self.prompts]
            prompt, answer = max(made, key=lambda pair: len(pair[1].text.replace("�", "")))
            assert answer.usage.completion >= 4 and len(answer.text) >= 8, (
                f"the longest answer is {answer.text!r}: choose `prompts` that draw longer ones"
            )
            cls._longest = prompt, answer
        return cls._longest

    def test_lm02_a_batch_answers_in_order(self) -> None:
        """One completion a request, each what the request gets alone; no request, no answer."""
        alone = [self.one(prompt).text for prompt in self.prompts]
        assert len(set(alone)) > 1, "choose `prompts` whose answers differ"
        batch = self.part.generate([self.request(p) for p in self.prompts])
        assert [c.text for c in batch] == alone
        backwards = self.part.generate([self.request(p) for p in reversed(self.prompts)])
        assert [c.text for c in backwards] == alone[::-1]
        assert self.part.generate([]) == []

    def test_lm03_a_seed_decides(self) -> None:
        """At temperature 1 the same seed gives the same answer, alone, again, and in a batch."""
        requests = [
            self.request(p, temperature=1.0, context=CallContext(seed=n))
            for n, p in enumerate([*self.prompts, *self.prompts], 1)
        ]
        batch = [c.text for c in self.part.generate(requests)]
        alone = [self.part.generate([r])[0].text for r in requests]
        assert batch == alone

    def test_lm04_deltas_join_to_the_text(self) -> None:
        """Streamed pieces, by request, join to the completion's text: none is taken back."""
        requests = [self.request(p) for p in self.prompts]
        told: list[Delta] = []
        made = self.part.generate(requests, on_delta=told.append)
        for index, completion in enumerate(made):
            assert "".join(d.text for d in told if d.index == index) == completion.text
        assert any(c.text for c in made)
        plain = self.part.generate(requests)
        assert [c.text for c in plain] == [c.text for c in made], "streaming changed the answer"

    def test_lm05_max_tokens_is_a_limit(self) -> None:
        """Two tokens are two tokens, finish says "length", and the text is the same beginning."""
        prompt, full = self.longest()
        cut = self.one(prompt, max_tokens=2)
        assert cut.usage.completion == 2 and cut.finish == "length"
        assert full.text.startswith(cut.text.rstrip("�")) and len(cut.text) < len(full.text)

    def test_lm06_stop_strings_end_the_text(self) -> None:
        """Text ends before the first stop string, finish says "stop", and it is not streamed."""
        prompt, full = self.longest()
        starts = [n for n in range(2, len(full.text) - 3) if "�" not in full.text[n : n + 3]]
        assert starts, f"{full.text!r} has no whole characters: choose other `prompts`"
        at = starts[len(starts) // 2]
        stop = full.text[at : at + 3]
        told: list[Delta] = []
        request = self.request(prompt, stop=("never in the text", stop))
        cut = self.part.generate([request], on_delta=told.append)[0]
        assert cut.text == full.text[: full.text.find(stop)] and cut.finish == "stop"
        assert "".join(d.text for d in told) == cut.text

    def test_lm07_n_answers(self) -> None:
        """`others` holds the rest where n > 1, and nothing where n is 1."""
        prompt = self.prompts[0]
        many = self.one(prompt, n=3, temperature=1.0, context=CallContext(seed=5))
        assert len(many.others) == 2 and all(not other.others for other in many.others)
        assert self.one(prompt).others == ()

    def test_lm08_usage_counts_tokens(self) -> None:
        """A longer prompt counts more; spent is at least what was given; ids count as many."""
        _, answer = self.longest()
        usage = answer.usage
        assert usage.prompt > 0 and usage.spent >= usage.completion > 0
        assert not answer.ids or len(answer.ids) == usage.completion
        longer = self.one(self.prompts[0] + " Please take your time." * 3)
        assert longer.usage.prompt > self.one(self.prompts[0]).usage.prompt

    def test_lm09_too_long_a_prompt_is_refused(self) -> None:
        """ContextOverflow, for the whole batch, before anything is generated."""
        told: list[Delta] = []
        requests = [self.request(self.prompts[0]), self.request("word " * self.part.info.context)]
        try:
            self.part.generate(requests, on_delta=told.append)
        except ContextOverflow:
            assert not told, "text was streamed before the prompt was refused"
        else:
            raise AssertionError("a prompt as long as the context was answered")

    def test_lm10_cancel_stops(self) -> None:
        """A flag set beforehand gives nothing; one set at the first piece gives the beginning."""
        prompt, full = self.longest()
        cancel = Cancel()
        cancel.set()
        before = self.part.generate([self.request(prompt)], cancel=cancel)[0]
        assert before.finish == "cancelled" and not before.text
        cancel = Cancel()

        def hear(_: Delta) -> None:
            cancel.set()

        cut = self.part.generate([self.request(prompt)], on_delta=hear, cancel=cancel)[0]
        assert cut.finish == "cancelled", f"finish is {cut.finish!r} after cancel"
        assert full.text.startswith(cut.text.rstrip("�")) and len(cut.text) < len(full.text)

    def test_lm11_any_text_may_be_asked(self) -> None:
        """Every script, empty text, and a whole conversation with a tool's result in it."""
        for text in ("Grüße, 漢字, עברית, 🙂 ẞ", "", "\n\n", "<|im_end|> {{ braces }} %s \\"):
            self.one(text, max_tokens=4)
        talk = Request.of(
            Message.system("You answer."),
            "What is the weather?",
            Message.assistant(ToolCall("call-1", "weather", {"place": "here"})),
            Message.tool(ToolResult("call-1", "rain")),
            "And tomorrow?",
            max_tokens=4,
        )
        assert self.part.generate([talk])[0].finish in ("stop", "length")

    def test_lm12_threads_may_ask_at_once(self) -> None:
        """Answers do not depend on who else is asking."""
        expected = {p: self.one(p).text for p in self.prompts}
        found: list[tuple[str, str]] = []
        threads = [
            threading.Thread(target=lambda p=p: found.append((p, self.one(p).text)))
            for p in [*self.prompts, *self.prompts]
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert sorted(found) == sorted([*expected.items(), *expected.items()])

    def test_lm13_the_path_names_the_part(self) -> None:
        """`path` begins with this part's own name."""
        answer = self.one(self.prompts[0])
        assert answer.path and answer.path[0] == self.part.info.name

    def test_lm14_a_picture_is_read_or_refused(self) -> None:
        """Without the vision ability a picture is an error, never silently left out; with it the
        picture takes the tokens it says."""
        from agentkit.capabilities import Vision

        picture = Image(PICTURE)
        request = Request.of(Message.user(self.prompts[0], picture), max_tokens=4)
        vision = self.declared(Vision)
        if vision is not None:
            plain = self.part.generate([Request.of(self.prompts[0], max_tokens=4)])[0]
            seen = self.part.generate([request])[0]
            assert seen.finish != "error" and vision.image_tokens(picture) > 0
            assert seen.usage.prompt >= plain.usage.prompt + vision.image_tokens(picture)
            return
        try:
            made = self.part.generate([request])[0]
        except AgentkitError:
            return
        assert made.finish == "error" and made.error

    def test_lm15_requests_are_left_as_they_are(self) -> None:
        """A request is not changed by being answered, and answering it twice gives the same."""
        request = self.request(self.prompts[0], extra={"note": {"a": 1}})
        before = repr(request)
        first, second = self.part.generate([request, request])
        assert repr(request) == before and first.text == second.text


class EmbedderConformance(EmbedCases, AbilityCases):
    """For a model that embeds and does not generate."""

    def test_lm16_generating_is_refused(self) -> None:
        """Asking for text raises Unsupported."""
        try:
            self.part.generate([Request.of("hello")])
        except Unsupported:
            return
        raise AssertionError("an embedder answered a request")
