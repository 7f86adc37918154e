"""Examples in, an instruction out: one call of the generator (Prompt-MII, section 3), or the best
of m."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from agentkit.capabilities import CallContext, Completion, LanguageModel, Request
from agentkit.errors import BackendUnavailable, DataError, UsageError
from agentkit.files import write_atomic
from agentkit.seeds import derive
from agentkit_prompt_mii.accepting import Ledger, halving
from agentkit_prompt_mii.examples import Examples, Row
from agentkit_prompt_mii.follower import Follower, count
from agentkit_prompt_mii.instruction import Instruction, lint
from agentkit_prompt_mii.template import Form, meta_prompt

Drawn = Callable[[str, int, float], Completion]  # (meta-prompt, seed, temperature)
_THOUGHT = re.compile(r"<think>.*?</think>", re.S)


class InstructionInducer:
    """Writes instructions with a generator for a follower.

    The same examples, generator, template and seed give the same instruction; one that was written
    before comes from `cache` and costs no call.

    Args:
        form: of the meta-prompt. most: tokens of an instruction. temperature: of drawing; the first
            of several is greedy at 0. cache: a folder, none for no cache.
    """

    def __init__(
        self,
        generator: LanguageModel,
        follower: Follower,
        *,
        form: Form = "rules",
        most: int = 1024,
        temperature: float = 0.0,
        cache: Path | None = None,
    ) -> None:
        self.generator, self.follower = generator, follower
        self._form, self._most, self._temperature = form, most, temperature
        self._cache = cache
        self.ledger = Ledger()

    def induce(
        self,
        examples: Examples,
        *,
        budget_tokens: int | None = None,
        n: int | None = None,
        seed: int = 0,
        parent: str = "",
    ) -> Instruction:
        """One instruction from the first n examples (all by default).

        Args:
            budget_tokens: of the meta-prompt; what the generator's context leaves by default.
            parent: hash of the instruction that this one may replace.

        Raises:
            BackendUnavailable: the generator failed or wrote nothing.
        """
        return self._written(examples, budget_tokens, n, seed, self._temperature, parent)

    def best(
        self,
        examples: Examples,
        judged: Examples,
        m: int,
        *,
        n: int | None = None,
        seed: int = 0,
        parent: str = "",
    ) -> Instruction:
        """The best of m by successive halving on `judged`, which the final judgement must not use
        again. Candidates that the linter refuses are judged only where it refuses all."""
        if m < 1:
            raise UsageError(f"m is {m}", "one or more")
        drawn = [
            self._written(
                examples, None, n, derive(seed, "one of m", k) if k else seed,
                1.0 if k else self._temperature, parent,
            )
            for k in range(m)
        ]  # fmt: skip
        distinct = list({one.hash: one for one in drawn}.values())
        clean = [o for o in distinct if not self.findings(o, examples.rows)] or distinct

        def answers(place: int, rows: Examples) -> Sequence[str]:
            found = self.follower.answers(clean[place].text, rows.labels, rows.texts)
            self.ledger.spend("choosing", found.tokens, len(rows.rows))
            return found.said

        return clean[halving(len(clean), judged, answers, seed=seed).winner]

    def findings(self, instruction: Instruction, shown: Sequence[Row]) -> list[str]:
        """What the linter says."""
        tokens = count(self.generator, instruction.text)
        return lint(instruction.text, instruction.labels, shown, tokens=tokens, most=self._most)

    def _written(
        self,
        examples: Examples,
        budget: int | None,
        n: int | None,
        seed: int,
        temperature: float,
        parent: str,
    ) -> Instruction:
        rows = examples.rows if n is None else examples.rows[:n]
        room = self.generator.info.context - self._most - 64  # 64: what a chat template adds
        room = max(64, min(room, budget or room))
        meta = meta_prompt(
            examples.labels,
            rows,
            form=self._form,
            count=lambda text: count(self.generator, text),
            room=room,
        )
        about = {
            "examples_hash": examples.part(rows).hash,
            "form": self._form,
            "used": meta.used,
            "left_out": meta.left_out,
            "temperature": temperature,
        }
        key = self._key(meta.text, seed, temperature)
        text = self._kept(key)
        if text is None:
            text = self._asked(meta.text, seed, temperature)
            self._keep(key, text)
        tokens = self.follower.prompt_tokens(text, examples.labels)
        return Instruction(
            text, tokens, parent, self.generator.info.name, seed, examples.labels, about
        )

    def _asked(self, prompt: str, seed: int, temperature: float) -> str:
        request = Request.of(
            prompt,
            max_tokens=self._most,
            temperature=temperature,
            context=CallContext(purpose="induce", seed=seed),
        )
        (made,) = self.generator.generate([request])
        name = f"the generator models.{self.generator.info.name}"
        if made.finish in ("error", "cancelled"):
            raise BackendUnavailable(f"{name} failed: {made.error or made.finish}", "try again")
        self.ledger.spend("writing", made.usage.prompt + made.usage.spent)
        text = _THOUGHT.sub("", made.text).strip()
        if not text:
            raise BackendUnavailable(f"{name} wrote nothing", "another seed, or another generator")
        return text

    # -- what was written before ------------------------------------------------------------------

    def _key(self, prompt: str, seed: int, temperature: float) -> str:
        info = self.generator.info
        known = [info.name, info.fingerprint, prompt, seed, temperature, self._most]
        return hashlib.sha256(json.dumps(known).encode()).hexdigest()[:32]

    def _kept(self, key: str) -> str | None:
        path = self._cache / f"{key}.json" if self._cache else None
        if path is None or not path.exists():
            return None
        try:
            return str(json.loads(path.read_text())["text"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} cannot be read: {error}", "delete it") from error

    def _keep(self, key: str, text: str) -> None:
        if self._cache:
            write_atomic(self._cache / f"{key}.json", json.dumps({"text": text}))
