"""`agentkit bench manifolds-planted`: does every analysis find what was planted, and only that?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

from torch import nn

from agentkit.bench import Bench, Experiment, Metric, Needs, Result
from agentkit.capabilities import ModelInfo, Table, Tokens
from agentkit_manifolds import words
from agentkit_manifolds.geometry import reaching, shares_of
from agentkit_manifolds.planted import Bytes, Planted, curve
from agentkit_manifolds.settings import Settings
from agentkit_manifolds.study import Study

A = TypeVar("A")


class PlantedModel:
    """The planted module under the abilities that a study asks for."""

    def __init__(self, name: str, module: nn.Module) -> None:
        self.info = ModelInfo(name=name, context=4096, abilities=frozenset({"tokens", "weights"}))
        self._module, self._bytes = module, Bytes()

    def ability(self, kind: type[A]) -> Any:
        return self._bytes if kind is Tokens else self

    @contextmanager
    def borrow(self, mode: Literal["read", "train", "private"]) -> Iterator[nn.Module]:
        yield self._module

    def generate(self, requests: Any, **_: Any) -> Any:
        raise NotImplementedError("a planted model is looked at, and says nothing")


def settings(quick: bool, **more: Any) -> Settings:
    return Settings.model_validate({
        "texts": 36 if quick else 96, "tokens": 400, "widths": (24, 36, 48), "layers": 1.0,
        "step": 2, "heard": 6, "draws": 8 if quick else 20, "features": 0, "illusions": 16,
        "lines": 2, "places": 4 if quick else 12, "ablated": 2 if quick else 6, **more,
    })  # fmt: skip


def planted(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    rows, found = [], {}
    for name, module in (("counts", Planted()), ("does not", Planted(counting=False))):
        study = Study(
            settings(quick), PlantedModel(name, module), bench.out / name.replace(" ", "-"),
            bench.progress,
        )  # fmt: skip
        made = {s: study.stage(s) for s in ("geometry", "heads", "patch")}
        shapes = {(r["site"], r["curve"]): r for r in made["geometry"]["rows"]}
        here, first = shapes["post.0", "count"], made["heads"]["boundary"][0]
        gone = made["patch"]["ablation"]
        slope = sum(made["patch"]["sweeps"][0]["slopes"]) / made["patch"]["places"]
        rows.append(
            (name, here["reliability"], words.has_curve(made["geometry"], "post.0"),
             here["dimension"], first["head"],
             first["offset"], first["found"], gone["count"]["newline"], gone["found"], slope)
        )  # fmt: skip
        found[name] = made
    one, other = rows
    seen = reaching(shares_of(curve(range(8, 49))))
    right = [
        one[2], abs(one[3] - seen) <= 1, one[4] == 2, abs(one[5] - 3) <= 2, one[6], one[8],
        one[9] > 0.05, not other[2], not other[8], abs(other[9]) < 0.05,
    ]  # fmt: skip
    metrics = {
        "answers that are right": Metric(sum(map(bool, right)) / len(right), n=len(right)),
        f"dimensions found ({seen} planted, of what the lines reach)": Metric(float(one[3])),
        "offset of the boundary head (3 planted)": Metric(float(one[5]), unit="characters"),
    }
    verdict = (
        f"{sum(map(bool, right))} of {len(right)} answers are right on a model with a planted "
        "counter, boundary head and break direction, and on the same model without the counter. "
        + words.summary(found["counts"]).replace("- **", "").replace("**", "").replace("\n", ". ")
    )
    columns = ("model", "reliability", "curve", "dimension", "first head", "offset", "boundary",
               "loss at newlines", "ablation holds", "log-odds a character")  # fmt: skip
    return Result(metrics, verdict, tables=[Table("Planted and not", columns, tuple(rows))])


PLANTED = Experiment(
    name="manifolds-planted",
    question="Do the analyses find what was planted in a model, and nothing where nothing was?",
    run=planted,
    needs={"normal": Needs(memory=1 << 30, hours=0.05), "quick": Needs(memory=1 << 30, hours=0.02)},
)
