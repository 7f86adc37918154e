"""Suites of perceptions, sandboxes, trainers and analyzers: right parts pass, wrong ones do not."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentkit.capabilities import (
    Block,
    Box,
    Checkpoint,
    Example,
    Execution,
    Image,
    Limits,
    PerceptionInfo,
    Plan,
    Report,
    Seen,
    Table,
    TrainingDiverged,
    VisionTokens,
)
from agentkit.errors import Cancelled, DataError, Paused, UsageError
from agentkit.files import write_atomic
from agentkit.testing.conformance import (
    AnalyzerConformance,
    PerceptionConformance,
    SandboxConformance,
    TrainerConformance,
)
from agentkit.testing.conformance.perception import draw
from tests.testing.mutants import all_cases_have_one, caught, each, of

pytestmark = pytest.mark.slow  # each case starts processes or trains

# -- perceptions: a fake, since the suite asks for reading and no reader is at hand ----------------


class Recogniser:
    """Knows two pictures by heart, and gives four vision tokens of any."""

    info = PerceptionInfo("recogniser", gives_tokens=True, modes=("fast",))

    def __init__(self) -> None:
        self.known = {draw(text).data: text for text in ("HELLO WORLD", "42")}

    def see(self, images: Sequence[Image], mode: str = "") -> list[Seen]:
        if mode not in ("", *self.info.modes):
            raise UsageError(f"no mode {mode!r}")
        return [self.one(image, n) for n, image in enumerate(images)]

    def one(self, image: Image, number: int) -> Seen:
        from PIL import Image as Pictures

        try:
            pixels = np.asarray(Pictures.open(BytesIO(image.data)).convert("L"))
        except Exception as error:
            raise DataError(f"picture {number} cannot be decoded: {error}") from error
        height, width = pixels.shape
        dark = np.argwhere(pixels < 128)
        (top, left), (bottom, right) = dark.min(0), dark.max(0) + 1
        box = Box(int(left), int(top), int(right), int(bottom))
        halves = [(0, width // 2), (width // 2, width)]
        sees = tuple(
            Box(a, t, b, u) for t, u in ((0, height // 2), (height // 2, height)) for a, b in halves
        )
        values = np.array([[pixels[b.top : b.bottom, b.left : b.right].mean()] for b in sees])
        return Seen((Block(self.known.get(image.data, ""), box),), VisionTokens(values, sees))


class TestRecogniser(PerceptionConformance):
    def make(self) -> Recogniser:
        return Recogniser()


class Merges(Recogniser):
    def see(self, images: Sequence[Image], mode: str = "") -> list[Seen]:
        return super().see(images[:1], mode)


class Wanders(Recogniser):
    def one(self, image: Image, number: int) -> Seen:
        seen = super().one(image, number)
        return replace(seen, blocks=(replace(seen.blocks[0], box=Box(300, 0, 400, 10)),))


class Misreads(Recogniser):
    def one(self, image: Image, number: int) -> Seen:
        seen = super().one(image, number)
        return replace(seen, blocks=(replace(seen.blocks[0], text="HELL0 W0RLD"),))


class SeesHalf(Recogniser):
    def one(self, image: Image, number: int) -> Seen:
        seen = super().one(image, number)
        assert seen.tokens is not None
        tokens = VisionTokens(seen.tokens.values[:2], seen.tokens.sees[:2])
        return replace(seen, tokens=tokens)


class ShrugsOff(Recogniser):
    def one(self, image: Image, number: int) -> Seen:
        try:
            return super().one(image, number)
        except DataError:
            return Seen(())


class AnyMode(Recogniser):
    def see(self, images: Sequence[Image], mode: str = "") -> list[Seen]:
        return super().see(images)


EYES: dict[str, Any] = {
    "PE-01": Merges,
    "PE-02": Wanders,
    "PE-03": Misreads,
    "PE-04": SeesHalf,
    "PE-05": ShrugsOff,
    "PE-06": AnyMode,
}


@each(EYES)
def test_a_wrong_perception_is_caught(case: str, mutant: Any) -> None:
    caught(of(PerceptionConformance, mutant), case)


# -- sandboxes: a fake, since a real one needs the kernel's leave, and a plugin of its own ---------

AUDIT = """
import os, sys
here = os.getcwd()
def watch(event, args):
    if event == "socket.connect":
        raise PermissionError("no network")
    if event == "open" and args[1] and any(c in str(args[1]) for c in "wax+"):
        if not os.path.realpath(str(args[0])).startswith(here):
            raise PermissionError("outside")
sys.addaudithook(watch)
"""


class Watched:
    """Runs Python under an audit hook. Nothing that a determined program could not leave."""

    network, environment, write = False, False, False

    def run(
        self,
        command: Sequence[str],
        *,
        files: Mapping[str, bytes] | None = None,
        stdin: bytes = b"",
        limits: Limits | None = None,
    ) -> Execution:
        limits = limits or Limits()
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as hook:
            root = Path(folder).resolve()
            for name, content in (files or {}).items():
                self.put(root, name, content)
            (Path(hook) / "sitecustomize.py").write_text(self.audit())
            begun = time.monotonic()
            with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
                try:
                    process = subprocess.Popen(
                        self.command(command),
                        cwd=root,
                        env=self.variables(hook),
                        stdin=subprocess.PIPE,
                        stdout=out,
                        stderr=err,
                        start_new_session=True,
                        preexec_fn=lambda: self.bound(limits),
                    )
                except OSError as error:
                    raise UsageError(f"{command[0]} cannot be run: {error}") from error
                stopped = self.wait(process, stdin, limits)
                out.seek(0)
                err.seek(0)
                kept = self.kept(out.read(limits.output + 1), limits)
                return Execution(
                    None if stopped else process.returncode,
                    kept,
                    err.read(limits.output).decode(errors="replace"),
                    time.monotonic() - begun,
                    stopped,
                    self.found(root),
                )

    def audit(self) -> str:
        text = AUDIT if not self.network else AUDIT.replace("socket.connect", "nothing")
        return text.replace('raise PermissionError("outside")', "pass") if self.write else text

    def put(self, root: Path, name: str, content: bytes) -> None:
        path = (root / name).resolve()
        if root not in path.parents:
            raise UsageError(f"{name} would leave the folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def command(self, command: Sequence[str]) -> list[str]:
        return [sys.executable if command[0] == "python3" else command[0], *command[1:]]

    def variables(self, hook: str) -> dict[str, str]:
        own = {"PATH": "/usr/bin:/bin", "PYTHONPATH": hook, "PYTHONDONTWRITEBYTECODE": "1"}
        return {**os.environ, **own} if self.environment else own

    def bound(self, limits: Limits) -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))

    def wait(self, process: Any, stdin: bytes, limits: Limits) -> str:
        try:
            process.communicate(stdin, timeout=limits.seconds)
            return ""
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return "seconds"

    def kept(self, output: bytes, limits: Limits) -> str:
        return output[: limits.output].decode(errors="replace")

    def found(self, root: Path) -> dict[str, bytes]:
        return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


class TestWatched(SandboxConformance):
    def make(self) -> Watched:
        return Watched()


class OneStream(Watched):
    def run(self, *arguments: Any, **more: Any) -> Execution:
        done = super().run(*arguments, **more)
        return replace(done, stdout=done.stdout + done.stderr, stderr="")


class KeepsFiles(Watched):
    def found(self, root: Path) -> dict[str, bytes]:
        return {}


class OneFolder(Watched):
    left: dict[str, bytes] = {}  # noqa: RUF012

    def run(self, *arguments: Any, files: Any = None, **more: Any) -> Execution:
        done = super().run(*arguments, files={**self.left, **(files or {})}, **more)
        OneFolder.left = dict(done.files)
        return done


class Patient(Watched):
    def wait(self, process: Any, stdin: bytes, limits: Limits) -> str:
        try:
            process.communicate(stdin, timeout=limits.seconds + 0.5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return ""


class Floods(Watched):
    def run(self, *arguments: Any, limits: Any = None, **more: Any) -> Execution:
        return super().run(*arguments, limits=replace(limits or Limits(), output=1 << 24), **more)


class Roomy(Watched):
    def bound(self, limits: Limits) -> None: ...


class Connected(Watched):
    network = True


class Writes(Watched):
    write = True


class Leaks(Watched):
    environment = True


class Deaf(Watched):
    def wait(self, process: Any, stdin: bytes, limits: Limits) -> str:
        return super().wait(process, b"", limits)


class Careless(Watched):
    def put(self, root: Path, name: str, content: bytes) -> None: ...


BOXES: dict[str, Any] = {
    "SA-01": OneStream,
    "SA-02": KeepsFiles,
    "SA-03": OneFolder,
    "SA-04": Patient,
    "SA-05": Floods,
    "SA-06": Roomy,
    "SA-07": Connected,
    "SA-08": Writes,
    "SA-09": Leaks,
    "SA-10": Deaf,
    "SA-11": Careless,
}


@each(BOXES)
def test_a_wrong_sandbox_is_caught(case: str, mutant: Any) -> None:
    caught(of(SandboxConformance, mutant), case)


# -- trainers -------------------------------------------------------------------------------------

STEPS, RATE = 8, 0.05


class Line:
    """Fits y = w x + b by gradient descent, one checkpoint a step."""

    def plan(self) -> Plan:
        return Plan(STEPS, 2, 4096, 0.01)

    def train(
        self, data: Iterable[Example], out: Path, progress: Any, resume: bool = False
    ) -> Checkpoint:
        examples = self.order(list(data))
        if not examples:
            raise UsageError("there is no data to train on")
        x, y = (np.array([e.data[k] for e in examples], dtype=float) for k in "xy")
        step, w, b, loss = self.restore(out) if resume else (0, 0.0, 0.0, 0.0)
        while step < STEPS:
            if progress.cancel:
                raise Paused
            step += 1
            wrong = w * x + b - y
            loss = float((wrong**2).mean())
            if not np.isfinite(loss):
                raise TrainingDiverged(step, "loss")
            w, b = w - RATE * float((wrong * x).mean()), b - RATE * float(wrong.mean())
            self.save(out, step, w, b, loss)
            progress.examples(step, [e.id for e in examples])
            progress.update(step, STEPS, {"loss": loss})
        return Checkpoint(out, step, {"loss": loss})

    def order(self, examples: list[Example]) -> list[Example]:
        return examples

    def save(self, out: Path, step: int, w: float, b: float, loss: float) -> None:
        write_atomic(out / "line.json", json.dumps([step, w, b, loss]))

    def restore(self, out: Path) -> Any:
        return tuple(json.loads((out / "line.json").read_text()))


class LineConformance(TrainerConformance):
    weights = "*.json"

    def data(self) -> Sequence[Example]:
        return [Example(f"e{n}", {"x": n / 4, "y": n / 2 + 1}) for n in range(8)]


class TestLine(LineConformance):
    def make(self) -> Line:
        return Line()


class NoPlan(Line):
    def plan(self) -> Plan:
        return Plan(STEPS, 0, 0, 0.0)


class Backwards(Line):
    def train(self, data: Any, out: Any, progress: Any, resume: bool = False) -> Checkpoint:
        flipped = [replace(e, data={"x": -10 * e.data["x"], "y": e.data["y"]}) for e in data]
        return super().train(flipped, out, progress, resume)


class Anonymous(Line):
    def order(self, examples: list[Example]) -> list[Example]:
        return [replace(e, id="?") for e in examples]


class Moody(Line):
    turns = 0

    def save(self, out: Path, step: int, w: float, b: float, loss: float) -> None:
        Moody.turns += 1
        super().save(out, step, w + Moody.turns * 1e-12, b, loss)


class StartsOver(Line):
    def restore(self, out: Path) -> Any:
        return 0, 0.0, 0.0, 0.0


class TrainsOn(Line):
    def train(self, data: Any, out: Any, progress: Any, resume: bool = False) -> Checkpoint:
        try:
            return super().train(data, out, progress, resume)
        except TrainingDiverged as error:
            self.save(out, error.step, float("nan"), 0.0, 0.0)
            raise


class Imagines(Line):
    def order(self, examples: list[Example]) -> list[Example]:
        return examples or [Example("none", {"x": 1.0, "y": 1.0})]


TRAINERS: dict[str, Any] = {
    "TR-01": NoPlan,
    "TR-02": Backwards,
    "TR-03": Anonymous,
    "TR-04": Moody,
    "TR-05": StartsOver,
    "TR-06": TrainsOn,
    "TR-07": Imagines,
}


@each(TRAINERS)
def test_a_wrong_trainer_is_caught(case: str, mutant: Any) -> None:
    caught(of(LineConformance, mutant), case)


# -- analyzers ------------------------------------------------------------------------------------


class Words:
    """Counts words."""

    def analyze(self, subjects: Sequence[str], out: Path, progress: Any) -> Report:
        if not subjects:
            raise UsageError("there is nothing to analyze")
        counts = Counter(word for text in subjects for word in text.split())
        if progress.cancel:
            raise Cancelled
        rows = tuple(sorted(counts.items()))
        plot = write_atomic(out / "words.svg", "<svg/>")
        arrays = {"counts": np.array([n for _, n in rows])}
        table = Table("words", ("word", "count"), rows)
        return Report(f"{len(rows)} words", (table,), arrays, (plot,))


class WordsConformance(AnalyzerConformance):
    subjects = ("a b a", "c")

    def expect(self, report: Report) -> None:
        assert dict(report.tables[0].rows) == {"a": 2, "b": 1, "c": 1}


class TestWords(WordsConformance):
    def make(self) -> Words:
        return Words()


class Miscounts(Words):
    def analyze(self, subjects: Sequence[str], out: Path, progress: Any) -> Report:
        return super().analyze([*subjects, *subjects], out, progress)


class Ragged(Words):
    def analyze(self, subjects: Sequence[str], out: Path, progress: Any) -> Report:
        made = super().analyze(subjects, out, progress)
        return replace(made, tables=(replace(made.tables[0], columns=("word",)),))


class Drifts(Words):
    turns = 0

    def analyze(self, subjects: Sequence[str], out: Path, progress: Any) -> Report:
        Drifts.turns += 1
        made = super().analyze(subjects, out, progress)
        return replace(made, arrays={"counts": made.arrays["counts"] + Drifts.turns})


class Stubborn(Words):
    def analyze(self, subjects: Sequence[str], out: Path, progress: Any) -> Report:
        from agentkit.testing.progress import Recorder

        return super().analyze(subjects, out, Recorder())


class Divides(Words):
    def analyze(self, subjects: Sequence[str], out: Path, progress: Any) -> Report:
        1 / len(subjects)
        return super().analyze(subjects, out, progress)


ANALYZERS: dict[str, Any] = {
    "AN-01": Miscounts,
    "AN-02": Ragged,
    "AN-03": Drifts,
    "AN-04": Stubborn,
    "AN-05": Divides,
}


@each(ANALYZERS)
def test_a_wrong_analyzer_is_caught(case: str, mutant: Any) -> None:
    caught(of(WordsConformance, mutant), case)


def test_every_case_has_a_wrong_part() -> None:
    all_cases_have_one(PerceptionConformance, EYES)
    all_cases_have_one(SandboxConformance, BOXES)
    all_cases_have_one(TrainerConformance, TRAINERS)
    all_cases_have_one(AnalyzerConformance, ANALYZERS)
