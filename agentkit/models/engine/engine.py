"""The stepper: one thread that owns the decoder and advances all rows together, token by token.

Calls from any thread put rows in; rows join and leave between steps, so concurrent calls share
batches. `extend`, chat answers and `score` go through the same functions, so they give the same
numbers. Because a row's bits do not depend on its neighbours, who else is there changes nothing.
"""

from __future__ import annotations

import atexit
import math
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from weakref import WeakSet

import torch
from torch import Tensor

from agentkit.errors import AgentkitError, UsageError
from agentkit.models.engine.choosing import Chooser, not_numbers
from agentkit.models.engine.decoder import Decoder
from agentkit.models.engine.kernels import HEAD_ROWS
from agentkit.models.engine.rows import Call, Row, Work
from agentkit.models.engine.sampling import Drawn
from agentkit.models.engine.sequences import Budget, Prompts, TokenSeq
from agentkit.models.engine.slab import Slab
from agentkit.models.text.grammar import Grammars, Matcher

SLOTS = 32  # rows that are decoded together; more of them gain little, and each step takes longer
BETWEEN = 128  # tokens of a prompt read between two steps while others wait for their next token
IDLE = 2.0  # seconds after which a thread without work ends; the next call starts another
LAST = 10.0  # seconds that the end waits for a step: a thread that is cut off in one aborts Python


class Engine:
    """Token-level generation on one decoder.

    Args:
        make: reads the module; called again when its weights changed.
        grammars: of the model's tokenizer; says which rows of the head are tokens at all.
        kv_memory: bytes for the keys and values of all open sequences.
    """

    def __init__(self, make: Callable[[], Decoder], grammars: Grammars, kv_memory: int) -> None:
        self._make = make
        self.decoder = make()
        self.version = 0
        self.budget = Budget(kv_memory)
        self._chooser = Chooser(grammars, self.decoder.device)
        self._prompts = Prompts()
        self._slab = Slab(self.decoder)
        self._rows: list[Row] = []
        self._calls: deque[Call] = deque()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._busy = threading.Lock()  # held while anything is computed or the weights change
        self._holder: int | None = None  # the thread that keeps everything still
        self._closed = False
        _OPEN.add(self)

    @property
    def exact(self) -> bool:
        return self.decoder.shapes.exact

    # -- calls, from any thread -------------------------------------------------------------------

    def open(self, prompts: Sequence[tuple[int, ...]]) -> list[TokenSeq]:
        """One sequence a prompt; each distinct prompt is read once."""
        read = {ids: TokenSeq(ids, self.version, len(ids)) for ids in prompts}
        self._run([self._open(seq) for seq in read.values()])
        return [read[ids].fork(len(ids)) for ids in prompts]

    def extend(self, rows: Sequence[Row]) -> None:
        """Advances the rows until each is over; what came of them is in them."""
        self.check(row.seq for row in rows)
        self.wait(self.start(rows))

    def start(self, rows: Sequence[Row], on_over: Callable[[], None] | None = None) -> Call:
        """Begins to advance rows. on_over is called in the engine's thread when all are over."""
        call = Call(deque(self._admit(row) for row in rows), len(rows), on_over)
        for row in rows:
            row.call = call
        self._submit(call)
        return call

    def wait(self, call: Call) -> None:
        """Until the call is over. Interrupted, its rows leave the batch first."""
        try:
            call.over.wait()
        except BaseException:
            self.give_up(call)
            raise
        if call.error is not None:
            raise call.error

    def give_up(self, call: Call) -> None:
        """Takes the call's rows out and waits until they are."""
        call.given_up = True
        call.over.wait()

    def score(
        self,
        seq: TokenSeq,
        target: tuple[int, ...],
        temperature: float = 1.0,
        matcher: Matcher | None = None,
    ) -> list[tuple[float, float, float]]:
        """(logp, logz, log q) of each target token after the sequence, which stays as it is."""
        self.check([seq])
        found: list[tuple[float, float, float]] = []
        self._run([self._score(seq, target, temperature, matcher, found)])
        return found

    def check(self, sequences: Iterable[TokenSeq]) -> None:
        """Raises UsageError for a sequence whose keys and values came from other weights."""
        for seq in sequences:
            if seq.version != self.version and not seq.pieces:
                seq.version = self.version  # nothing was read yet
            if seq.version != self.version:
                raise UsageError(
                    f"the sequence was opened with weights version {seq.version}, the model has "
                    f"version {self.version}",
                    "open it again after the weights changed",
                )

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Nothing is computed inside the block: calls under way end first, new ones wait."""
        me = threading.get_ident()
        with self._wake:
            self._refuse(me)
            while self._holder is not None:
                self._wake.wait()
            self._holder = me
        try:
            with self._busy:
                yield
        finally:
            with self._wake:
                self._holder = None
                self._wake.notify_all()

    def _refuse(self, thread: int) -> None:
        """A thread must not wait for itself."""
        if self._holder == thread:
            raise UsageError(
                "the model was asked to work while its weights are lent to the same thread",
                "give them back first, or train a private copy and load it",
            )

    def renew(self, version: int) -> None:
        """Reads the weights again, under a new version; for use inside `exclusive`. All keys and
        values that the engine holds are dropped, and open sequences are refused from now on."""
        self.version = version
        self._prompts.clear()
        self.decoder = self._make()
        self._slab = Slab(self.decoder)

    def close(self) -> None:
        """Gives up what is under way, and waits for the thread to end."""
        with self._wake:
            self._closed = True
            for call in [*self._calls, *(row.call for row in self._rows if row.call)]:
                call.given_up = True
            self._wake.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(LAST)
        self._prompts.clear()
        self._chooser.close()

    def _run(self, work: list[Work]) -> None:
        call = Call(deque(work), len(work))
        self._submit(call)
        self.wait(call)

    def _submit(self, call: Call) -> None:
        if not call.left:
            call.end(0)
            return
        with self._wake:
            self._refuse(threading.get_ident())
            while self._holder is not None:
                self._wake.wait()
            self._calls.append(call)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._serve, name="agentkit-engine", daemon=True
                )
                self._thread.start()
            self._wake.notify_all()

    # -- the thread -------------------------------------------------------------------------------

    def _serve(self) -> None:
        while True:
            with self._wake:
                while not self._calls:
                    if self._closed or (not self._wake.wait(IDLE) and not self._calls):
                        self._thread = None
                        return
            with self._busy, torch.inference_mode():
                while self._rows or self._calls:
                    try:
                        self._join()
                        if self._rows:
                            self._step()
                    except BaseException as error:  # nobody may be left waiting
                        self._fail(error)

    def _join(self) -> None:
        """Lets work in until a step is due: soon where rows of other calls wait for theirs."""
        while self._calls:
            call = self._calls[0]
            if call.given_up:
                call.end(len(call.work))
                call.work.clear()
            if not call.work:
                self._calls.popleft()
                continue
            try:
                room = next(call.work[0])
                if not room or any(row.call is not call for row in self._rows):
                    return
            except StopIteration as stop:
                call.work.popleft()
                if not stop.value:
                    call.end()
            except Exception as error:
                call.work.popleft()
                call.error = call.error or error
                call.end()

    def _fail(self, error: BaseException) -> None:
        """Ends the rows with the same error; what waits for a place meets a new slab. Without any
        rows the fault is with what waits, and that ends."""
        rows, self._rows, self._slab = self._rows, [], Slab(self.decoder)
        for row in rows:
            row.fail(error)
            self._over(row)
        while self._calls and not rows:
            call = self._calls.popleft()
            call.error = error
            call.end(len(call.work))

    # -- pieces of work ---------------------------------------------------------------------------

    def _open(self, seq: TokenSeq) -> Work:
        yield from self._fill(seq)
        return False

    def _fill(self, seq: TokenSeq) -> Generator[bool, None, None]:
        """Reads what the sequence lacks of keys and values, in chunks."""
        self.check([seq])
        known = self._prompts.find(seq.ids, self.version)
        if known.covered > seq.covered:
            seq.pieces = known.pieces
        start, end = seq.covered, len(seq.ids) - 1
        if start < end:
            size = (end - start) * self.decoder.token_bytes
            self._prompts.shrink(self.budget, size)
            self.budget.require(size)
            store = self.decoder.store(1, self.decoder.shapes.width(end))
            seq.copy_to(store[:, 0])
            at = start
            while at < end:
                most = min(self.decoder.shapes.chunk, BETWEEN if self._rows else end)
                ids = self._tensor(seq.ids[at : min(end, at + most)])
                self.decoder.read(ids, store, 0, at)
                at += len(ids)
                yield True
            made = self.budget.keep(store[:, 0, start:end].clone())
            seq.pieces = [*seq.pieces, (made, end - start)]
            self._prompts.add(seq)

    def _admit(self, row: Row) -> Work:
        """Reads the row's prompt and gives it a place among the rows."""
        size = (len(row.seq.ids) + row.max_new) * self.decoder.token_bytes
        try:
            reading = self._fill(row.seq)
            while not row.cancelled() and next(reading, False):
                yield True
            while not row.cancelled() and self._rows and not self._room(size):
                yield False
            self._prompts.shrink(self.budget, size)
            self.budget.require(size)
        except AgentkitError as error:
            row.fail(error)
        if row.finish in ("error", "cancelled"):
            if row.done:
                row.done()
            return False
        row.reserved = size
        self.budget.take(size)
        self._slab.add(row.seq)
        self._rows.append(row)
        return True

    def _room(self, size: int) -> bool:
        self._prompts.shrink(self.budget, size)
        return (
            len(self._rows) < min(SLOTS, self.decoder.shapes.chunk)
            and self.budget.used + size <= self.budget.limit
        )

    def _score(
        self,
        seq: TokenSeq,
        target: tuple[int, ...],
        temperature: float,
        matcher: Matcher | None,
        found: list[tuple[float, float, float]],
    ) -> Work:
        """Reads the target after the sequence, with the head at each of its places."""
        yield from self._fill(seq)
        ids = (*seq.ids, *target)
        start, end = len(seq.ids) - 1, len(ids) - 1
        store = self.decoder.store(1, self.decoder.shapes.width(max(end, 1)))
        seq.copy_to(store[:, 0])
        most = min(HEAD_ROWS, self.decoder.shapes.chunk)
        for at in range(start, end, most):
            stop = min(end, at + most)
            states = self.decoder.read(self._tensor(ids[at:stop]), store, 0, at)
            wanted = ids[at + 1 : stop + 1]
            bits, allowed = None, len(wanted)
            if matcher is not None:
                bits, allowed = self._chooser.replay(matcher, wanted)
            logits = self.decoder.head(states)
            got = self._chooser.numbers(logits, bits, [temperature] * len(wanted))
            rows, picked = torch.arange(len(wanted)), self._tensor(wanted)
            logp, logq = got.logp[rows, picked].tolist(), got.logq[rows, picked].tolist()
            if any(map(math.isnan, logp)):
                raise not_numbers()
            found += list(zip(logp, got.logz.tolist(), logq))[:allowed]
            yield True
            if allowed < len(wanted):  # a token that the grammar forbids: no probability from here
                found += [(-float("inf"), 0.0, -float("inf"))] * (len(target) - len(found))
                break
        return False

    # -- one step ---------------------------------------------------------------------------------

    def _step(self) -> None:
        rows = self._rows
        self._drop(place for place, row in enumerate(rows) if row.cancelled())
        if not rows:
            return
        masks = self._chooser.begin(rows)
        logits = self.decoder.head(self._slab.step([row.last for row in rows]))
        drawn = self._chooser.choose(rows, logits, masks, exact=self.exact)
        self._drop(
            place
            for place, (row, one) in enumerate(zip(rows, drawn))
            if (row.take(one) if isinstance(one, Drawn) else row.fail(one))
        )

    def _drop(self, places: Iterable[int]) -> None:
        for place in sorted(places, reverse=True):  # the last row moves into the hole
            row = self._rows[place]
            if row.keep and row.ids and row.finish != "error":
                covered = row.seq.covered
                made = self.budget.keep(self._slab.taken(place, covered))
                row.seq.pieces = [*row.seq.pieces, (made, len(made))]
                row.seq.ids = (*row.seq.ids, *row.ids)
            self._slab.remove(place)
            self._rows[place] = self._rows[-1]
            self._rows.pop()
            self._over(row)

    def _over(self, row: Row) -> None:
        self.budget.give(row.reserved)
        if row.done:
            row.done()
        if row.call:
            row.call.end()

    def _tensor(self, ids: Sequence[int]) -> Tensor:
        return torch.tensor(ids, dtype=torch.long, device=self.decoder.device)


_OPEN: WeakSet[Engine] = WeakSet()


@atexit.register
def _close_all() -> None:
    for engine in list(_OPEN):
        engine.close()
