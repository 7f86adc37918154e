"""Generation for models that the engine does not read: one row after another, through the module's
own forward pass and cache. Slower, and without sequences that can be forked or scored."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from agentkit.models.engine.choosing import Chooser
from agentkit.models.engine.rows import Call, Row
from agentkit.models.engine.sampling import Drawn
from agentkit.models.text.grammar import Grammars

CHUNK = 256  # tokens of a prompt read at once


class Plain:
    """Advances rows one by one, in a thread of their call, so that text streams."""

    exact = False

    def __init__(self, module: Any, grammars: Grammars) -> None:
        self._module = module
        self._chooser = Chooser(grammars, module.device)
        self._busy = threading.Lock()
        self.version = 0

    def start(self, rows: Sequence[Row], on_over: Callable[[], None] | None = None) -> Call:
        call = Call(deque(), len(rows), on_over)
        for row in rows:
            row.call = call
        if rows:
            threading.Thread(target=self._serve, args=(call, rows), daemon=True).start()
        else:
            call.end(0)
        return call

    def wait(self, call: Call) -> None:
        call.over.wait()

    def give_up(self, call: Call) -> None:
        call.given_up = True
        call.over.wait()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        with self._busy:
            yield

    def renew(self, version: int) -> None:
        self.version = version

    def close(self) -> None:
        self._chooser.close()

    def _serve(self, call: Call, rows: Sequence[Row]) -> None:
        for row in rows:
            with self._busy, torch.inference_mode():
                try:
                    self._run(row)
                except BaseException as error:  # nobody may be left waiting
                    row.fail(error)
            if row.done:
                row.done()
            call.end()

    def _run(self, row: Row) -> None:
        from transformers import DynamicCache

        cache = DynamicCache(config=self._module.config)
        fed = torch.tensor([row.seq.ids], device=self._module.device)
        while not row.cancelled():
            masks = self._chooser.begin([row])
            for part in fed.split(CHUNK, dim=1):
                out = self._module(part, past_key_values=cache, use_cache=True, logits_to_keep=1)
            logits = out.logits[:, -1].float()
            drawn = self._chooser.choose([row], logits, masks, exact=self.exact)[0]
            if row.take(drawn) if isinstance(drawn, Drawn) else row.fail(drawn):
                return
            fed = torch.tensor([[row.last]], device=self._module.device)
