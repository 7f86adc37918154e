"""A training as a run of the kit, for people: `agentkit console` draws its metrics as they come,
`agentkit runs` lists it, and both can pause it. What the training itself goes by is in its folder.
"""

from __future__ import annotations

import hashlib
import logging
import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from agentkit.capabilities import Cancel
from agentkit.errors import AgentkitError, LeaseLost, Paused, StoreError, UsageError
from agentkit.files import write_atomic
from agentkit.kit import Kit
from agentkit.runs import RunStore
from agentkit.runs.store import Append, Attach, Change, Lease, NewRun, SetStatus, Status

FILE = "run.txt"  # in the training's folder: the run's id
TTL, POLL = 30.0, 0.5  # seconds: of the lease, between two looks at what others want
# In this order; the rest of a step's metrics is in steps.jsonl.
CURVES = (
    "reward",
    "gap_mean",
    "gap_max",
    "masked_share",
    "entropy",
    "length",
    "norm",
    "tokens_per_second",
)
FILES = {"curve.png": "image/png", "card.md": "text/markdown"}
log = logging.getLogger(__name__)


class Shown:
    """Writes steps into a run. A store that fails costs the curves, and not the training."""

    def __init__(self, store: RunStore, lease: Lease, after: int) -> None:
        self._store, self._lease, self._after = store, lease, after
        self._wanted = ""

    def step(self, number: int, metrics: Mapping[str, float]) -> None:
        """Steps that the run has already, as those drawn again behind a kill, are left out."""
        values = {n: metrics[n] for n in CURVES if math.isfinite(metrics.get(n, math.nan))}
        if number > self._after:
            self._write(Append("metric", {"step": number, "values": values}))

    def ended(self, status: Status, note: str, out: Path) -> None:
        if self._wanted == "cancel" and status == "paused":
            status = "cancelled"
        result = None
        if status == "done":
            for name, kind in FILES.items():
                self._attach(out / name, kind)
            result = {"answer": f"trained: {out}"}
        self._write(SetStatus(status, note, result))

    def look(self, cancel: Cancel) -> None:
        """Carries what others ask for into the training.

        Raises:
            LeaseLost: another process took the run over.
        """
        self._wanted = self._store.wanted(self._lease) or self._wanted
        if self._wanted in ("pause", "cancel"):
            cancel.set()

    def renew(self) -> None:
        self._store.renew(self._lease, TTL)

    def _attach(self, file: Path, kind: str) -> None:
        if not file.exists():
            return
        data = file.read_bytes()
        sha = hashlib.sha256(data).hexdigest()
        told = {"name": file.name, "sha256": sha, "media_type": kind, "size": len(data)}
        try:
            self._store.put_blob(self._lease.run, data)
        except StoreError as error:
            return log.warning("%s is not in the console: %s", file.name, error)
        self._write(Append("artifact", told), Attach(file.name, sha, kind, len(data)))

    def _write(self, *changes: Change) -> None:
        try:
            self._store.write(self._lease, *changes)
        except (StoreError, LeaseLost) as error:
            log.warning("this step is not in the console: %s", error)


@contextmanager
def shown(
    kit: Kit, trainer: str, task: str, out: Path, resume: bool, cancel: Cancel
) -> Iterator[Shown | None]:
    """The run of a training, the same one where the training goes on; None where the store takes
    none.

    Args:
        cancel: set where somebody pauses or cancels the run.
    """
    try:
        store = kit.runs
        lease, after = _taken(kit, store, trainer, task, out, resume)
    except AgentkitError as error:
        log.warning("the console will not show this training: %s", error)
        yield None
        return
    made, done = Shown(store, lease, after), threading.Event()
    pulse = threading.Thread(target=_pulse, args=(made, cancel, done), daemon=True)
    pulse.start()
    try:
        yield made
        made.ended("done", "", out)
    except (Paused, KeyboardInterrupt):
        made.ended("paused", "the same command with --resume goes on", out)
        raise
    except BaseException as error:
        made.ended("failed", (str(error).splitlines() or [type(error).__name__])[0], out)
        raise
    finally:
        done.set()
        pulse.join()
        try:
            store.release(lease)
        except StoreError as error:
            log.warning("%s", error)


def _taken(
    kit: Kit, store: RunStore, trainer: str, task: str, out: Path, resume: bool
) -> tuple[Lease, int]:
    """The run, and the last step that it has."""
    file, known = out / FILE, ""
    if resume and file.exists():
        with suppress(UsageError):  # the run was deleted: there will be another one
            known = store.get(file.read_text(encoding="utf-8").strip()).id
    if not known:
        recipe = kit.recipe("trainer", trainer)
        known = store.create(NewRun(f"train {trainer}", task, {"out": str(out)}, 0, recipe)).id
        write_atomic(file, known + "\n")
    lease = store.take(known, TTL)
    steps = [int(one.data["step"]) for one in store.tail(known, kinds=("metric",))]
    store.write(lease, SetStatus("running"))
    return lease, max(steps, default=0)


def _pulse(run: Shown, cancel: Cancel, done: threading.Event) -> None:
    beats = 0
    while not done.wait(POLL):
        beats += 1
        try:
            run.look(cancel)
            if beats % round(TTL / 3 / POLL) == 0:
                run.renew()
        except LeaseLost:
            return
        except StoreError:
            continue  # busy or full: this may pass
