"""The part `use = "sparse-memory"`: a model that learns facts in a few rows of its weights.

It stands on a private copy of its base's weights, so the base never changes. Several processes may
use one memory folder: what one learns, the others know at their next request.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import torch

from agentkit.capabilities import (
    Cancel,
    Completion,
    LanguageModel,
    Message,
    ModelInfo,
    OnDelta,
    Request,
    Tokens,
    Weights,
)
from agentkit.capabilities.trainer import Progress
from agentkit.errors import UsageError
from agentkit.files import data_dir
from agentkit.kit import Parts
from agentkit.models.transformers import variant
from agentkit_sparse_memory.background import BackgroundIndex, count, hash_of
from agentkit_sparse_memory.batches import Batch, Encoder, Score, Trunk, measure
from agentkit_sparse_memory.facts import QUESTION, UNSEEN, Fact, mentions, mixed, said
from agentkit_sparse_memory.keys import Usage
from agentkit_sparse_memory.learning import learn, unit_of
from agentkit_sparse_memory.memory import SparseMemory, attach
from agentkit_sparse_memory.patches import STACK, Entry, Patch, PatchStack
from agentkit_sparse_memory.preparing import PIECE, prepare
from agentkit_sparse_memory.settings import LearnSettings, Settings
from agentkit_sparse_memory.store import ABOUT, BACKGROUND, MemoryStore
from agentkit_sparse_memory.texts import ordinary, told

A = TypeVar("A")
Stamp = tuple[int, int] | None  # of a file: when it was written, and which it is


class SparseMemoryModel:
    """A model with a memory. See the module's text."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        base: LanguageModel = parts["base"]
        self._settings, self._config = settings, settings.config()
        folder = settings.folder
        self.folder = (
            data_dir() / "memories" / parts.name
            if folder is None
            else parts.resolve(folder, "folder")
        )
        self._background = [parts.resolve(path, "background") for path in settings.background]
        made: list[SparseMemory] = []
        shape = hashlib.sha256(self._config.model_dump_json().encode()).hexdigest()[:12]
        self._model = variant(
            base,
            parts.name,
            lambda module: made.append(attach(module, self._config)),
            f"memory:{shape}",
        )
        self.memory = made[0]
        self._tokens = self._model.ability(Tokens)
        self._weights = self._model.ability(Weights)
        # The base's own fingerprint: a memory does not fit other weights, nor another tokenizer.
        self._store = MemoryStore(self.folder, base.info.fingerprint, _tokenizer(self._tokens))
        self._stack: PatchStack | None = None
        self._stamp: tuple[Stamp, Stamp] | None = None
        self._lock = threading.RLock()
        self._unit: float | None = None
        self._fresh()

    @property
    def info(self) -> ModelInfo:
        """With a fingerprint that changes with what was learned."""
        ids = ",".join(entry.sha256[:12] for entry in self.patches())
        own = self._model.info
        return replace(own, fingerprint=f"{own.fingerprint}[{ids}]")

    def loaded(self) -> dict[str, Any]:
        """What its recipe records."""
        patches = {entry.id: entry.sha256 for entry in self.patches()}
        return {"fingerprint": self.info.fingerprint, "patches": patches}

    def close(self) -> None:
        self._model.close()

    # -- a language model -------------------------------------------------------------------------

    def generate(
        self,
        requests: Sequence[Request],
        *,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> list[Completion]:
        self._fresh()
        return self._model.generate(requests, on_delta=on_delta, cancel=cancel)

    def ability(self, kind: type[A]) -> A:
        """All that its base has; the numbers are this model's own."""
        self._fresh()
        return self._model.ability(kind)

    # -- the memory -------------------------------------------------------------------------------

    @property
    def prepared(self) -> bool:
        """Whether its keys were fitted and ordinary text counted; needed once, before learning."""
        return self._store.prepared

    def prepare(
        self, texts: Sequence[Path] = (), progress: Progress | None = None
    ) -> dict[int, Usage]:
        """Fits the keys to ordinary text and counts what it reads. Gives how slots are used.

        Args:
            texts: files and folders; those of the settings, where none are given.

        Raises:
            UsageError: something was learned already, which other keys would not find.
            DataError: there is too little text.
        """
        if self.patches():
            raise UsageError(
                f"{self.folder}: this memory has learned already, and new keys would not find it",
                "take its patches back first, or name another folder",
            )
        found = ordinary(list(texts) or self._background)
        with self._changing():
            usage = prepare(
                self.memory, self.encoder(), self._store, self._settings, found, progress
            )
        self._fresh()
        return usage

    def background(self) -> BackgroundIndex:
        """What ordinary text was seen to read."""
        return self._store.background(self.memory)

    def count_more(
        self, texts: Sequence[Path], progress: Progress | None = None
    ) -> BackgroundIndex:
        """Counts more ordinary text, on top of what was counted; gives both together."""
        pieces = self.encoder().texts(ordinary(list(texts)), PIECE, self._settings.batch)
        fingerprint = self._store.fingerprint(self.memory)
        before = self.background()
        with self._weights.borrow("read"):
            counted = told([(piece.ids, piece.mask) for piece in pieces], progress)
            index = before.merged(count(self.memory, counted, fingerprint))
        index.save(self.folder / BACKGROUND)
        return index

    @property
    def learning(self) -> LearnSettings:
        """How facts are learned where a call does not say."""
        return self._settings.learning

    def learn(
        self,
        facts: Sequence[Fact],
        settings: LearnSettings | None = None,
        *,
        progress: Progress | None = None,
        note: str = "",
    ) -> Entry:
        """Writes facts into the weights, as one patch. Whatever it raises, weights and folder are
        those of before.

        Raises:
            BudgetExceeded: ordinary text suffered more than allowed.
            DataError: a fact cannot be learned from.
        """
        settings = settings or self._settings.learning
        phrasings = said(facts)
        encoder = self.encoder()
        batches = encoder.batches(
            mixed(phrasings, settings.seed) if settings.mix else phrasings, settings.batch
        )
        if not self.prepared:
            self.prepare(progress=progress)
        stack = self._opened()
        with self._lock, stack.writing(), self._changing():
            index, held_out = self.background(), self.ordinary()
            learned = learn(
                self.memory,
                self._trunk(),
                batches,
                index,
                held_out,
                settings,
                unit=self.unit(),
                progress=progress,
                barred=stack.rows() if settings.exclusive else None,
            )
            metrics = {
                "nll": learned.nll,
                "held_out_before": learned.held_out[0],
                "held_out_after": learned.held_out[1],
                "steps": float(len(learned.steps)),
                "reached": float(learned.reached),
            }
            about = {
                "facts": [fact.to_json() for fact in facts],
                "settings": settings.model_dump(mode="json"),
                "metrics": metrics,
                "parents": [entry.id for entry in stack.entries],
                "fingerprint": dict(self._store.fingerprint(self.memory)),
            }
            now = datetime.now(UTC)
            name = f"{now:%Y%m%d-%H%M%S}-{hash_of({'new': learned.new})[:6]}"
            patch = Patch(learned.rows, learned.old, learned.new, about)
            try:
                return stack.push(
                    patch,
                    id=name,
                    facts=tuple(map(str, facts)),
                    created=now.isoformat(timespec="seconds"),
                    metrics=metrics,
                    note=note,
                )
            except BaseException:  # a full disk, say
                with torch.no_grad():
                    self.memory.values[patch.rows] = patch.old
                raise

    def score(self, facts: Sequence[Fact], templates: Sequence[str] = UNSEEN) -> Score:
        """How well facts are known in these forms."""
        self._fresh()
        batches = self.encoder().batches(said(facts, templates), 16)
        with self._weights.borrow("read"):
            return measure(self._trunk(), batches)

    def believes(self, fact: Fact, question: str = QUESTION, max_tokens: int = 24) -> str:
        """What it answers, greedily, when asked; the fact is in no prompt."""
        (phrasing,) = fact.phrasings([question])
        request = Request.of(
            Message.system(self._settings.system), phrasing.prompt, max_tokens=max_tokens
        )
        return self.generate([request])[0].text.strip()

    def forgetting(self) -> Score:
        """How well held-out ordinary text is predicted now."""
        self._fresh()
        held_out = self.ordinary()
        with self._weights.borrow("read"):
            return measure(self._trunk(), held_out)

    def ordinary(self) -> list[Batch]:
        """Held-out ordinary text."""
        return self._store.ordinary()

    def refresh(self) -> None:
        """Has the engine read weights that were changed in place, as the experiments do."""
        with self._changing():
            pass

    def unit(self) -> float:
        """The length that steps are measured in; see agentkit_sparse_memory.update."""
        if self._unit is None:
            self._unit = unit_of(self.memory, self._trunk(), self.ordinary())
        return self._unit

    def encoder(self) -> Encoder:
        """Phrasings and texts to this model's tokens."""
        return Encoder(
            self._tokens.encode,
            self._tokens.render,
            self._model.info.context,
            self._settings.system,
        )

    # -- patches ----------------------------------------------------------------------------------

    def patches(self) -> tuple[Entry, ...]:
        """What was learned, oldest first."""
        return () if self._stack is None else self._stack.entries

    def find(self, patch: str) -> Entry:
        """The entry of a patch: its id, the beginning of one, or "last"."""
        return self._opened().find(patch)

    def patch(self, entry: Entry) -> Patch:
        """Its rows, their bits, and where it came from."""
        return self._opened().patch(entry)

    def revert(self, patch: str, *, cascade: bool = False) -> list[Entry]:
        """Takes a patch back, to the bit; see PatchStack.revert."""
        stack = self._opened()
        with self._lock, stack.writing(), self._changing():
            return stack.revert(patch, cascade=cascade)

    def about(self, text: str) -> list[Entry]:
        """Patches with facts that have the text as a word or words of theirs."""
        self._fresh()
        return [e for e in self.patches() if any(mentions(fact, text) for fact in e.facts)]

    def forget(self, text: str, progress: Progress | None = None) -> list[Entry]:
        """Takes back the patches with facts that mention the text. What else stood in them, or in
        later patches that go with them, is learned anew.

        Returns:
            The patches that are gone.

        Raises:
            UsageError: nothing mentions it.
        """
        found = self.about(text)
        if not found:
            raise UsageError(f"no fact here mentions {text!r}", "agentkit memory list")
        stack = self._opened()
        gone: list[tuple[Entry, Patch]] = []  # latest first
        for entry in reversed(found):
            if entry in self.patches():
                going = [*stack.later(entry)[::-1], entry]
                gone += [(one, stack.patch(one)) for one in going]
                self.revert(entry.id, cascade=True)
        facts = [Fact.from_json(plain) for _, p in gone[::-1] for plain in p.about["facts"]]
        again = [fact for fact in facts if not mentions(str(fact), text)]
        try:
            if again:
                self.learn(again, progress=progress, note=f"again, after {text!r} was forgotten")
        except BaseException:
            with self._lock, stack.writing(), self._changing():
                for entry, patch in reversed(gone):
                    stack.restore(entry, patch)
            raise
        return [entry for entry, _ in gone]

    # -- inside -----------------------------------------------------------------------------------

    def _opened(self) -> PatchStack:
        self._fresh()
        if self._stack is None:
            raise UsageError(f"{self.folder}: nothing was learned yet", "agentkit memory learn")
        return self._stack

    def _trunk(self) -> Trunk:
        return Trunk(self.memory.module, min(self._config.layers))

    def _fresh(self) -> None:
        """Reads what another process changed in the folder since."""
        stamp = _stamp(self.folder / ABOUT), _stamp(self.folder / STACK)
        if stamp == self._stamp or not self._store.prepared:
            return
        with self._lock:
            if self._stack is None or self._stamp is None or stamp[0] != self._stamp[0]:
                self._store.check(self._config)
                with self._changing():
                    self._store.load(self.memory)
                    self._stack = self._store.stack(self.memory)
                    self._stack.sync()
            elif self._stack.changed():
                with self._changing():
                    self._stack.sync()
            self._stamp = stamp

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Nobody generates inside; afterwards the engine reads the weights anew."""
        with self._weights.borrow("train") as module:
            module.requires_grad_(False).eval()
            yield


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def _tokenizer(tokens: Tokens) -> str:
    """A tokenizer by what it makes of text of many kinds."""
    sample = "The quick brown fox, 12345 + 67.89: «Grüße» 漢字 def f(x):\n    return x\t🙂"
    return hashlib.sha256(repr(tokens.encode(sample)).encode()).hexdigest()[:16]
