"""Other ordered things as instances of the same study: days, months, years, places in a list.

A value stands in sentences of many forms; the forms are the documents, so that a probe is tested on
sentences of other forms than it was fitted to.
"""

from __future__ import annotations

import calendar
import random
from typing import Any, Literal

import numpy as np
from torch import nn

from agentkit.capabilities import Progress
from agentkit_manifolds.geometry import shape
from agentkit_manifolds.moments import Floats
from agentkit_manifolds.ridge import probe
from agentkit_manifolds.stream import Binning, collect
from agentkit_manifolds.task import Example, ScalarTask
from agentkit_manifolds.tokens import Placer

Name = Literal["days", "months", "years", "list"]
NUISANCES = ("position", "length")
_FORMS = (
    "The meeting was held on {}", "We left in the morning of {}", "She was born on {}",
    "Nothing happened until {}", "They will open again on {}", "The letter is dated {}",
    "It rained heavily on {}", "The last day of the trip was {}", "He always remembers {}",
    "The report covers everything before {}", "Since {}", "The museum was closed on {}",
    "Our next deadline is {}", "The album came out on {}", "I had planned to arrive on {}",
    "The treaty was signed on {}", "By {}", "They moved the concert to {}",
    "All shops were open on {}", "The first snow fell on {}", "A storm is expected on {}",
    "The election took place on {}", "The train did not run on {}", "He wrote to me on {}",
)  # fmt: skip
_ITEMS = (
    "bread milk eggs rice tea salt oil soap nails rope paint glue tape string paper ink wood "
    "stone clay sand iron steel copper glass wool silk leather linen wax coal"
).split()
VALUES: dict[str, tuple[str, ...]] = {
    "days": tuple(calendar.day_name),
    "months": tuple(calendar.month_name[1:]),
    "years": tuple(str(year) for year in range(1950, 2000)),
}


def ordinal_task(name: Name, placer: Placer, *, forms: int = 24, seed: int = 0) -> ScalarTask:
    """Sentences with one value each, labelled at its last token; or four times as many
    lists, labelled at the mark of each item, where nothing but counting tells which one it is."""
    if name == "list":
        made = [_list(n, placer, seed) for n in range(forms * 4)]
    else:
        made = [
            _sentence(form, text, value, placer)
            for form in _FORMS[:forms]
            for value, text in enumerate(VALUES[name])
        ]
    return ScalarTask(name, made, ("value",), NUISANCES)


def _sentence(form: str, text: str, value: int, placer: Placer) -> Example:
    sentence = form.format(text)
    ids, _, ends = placer.place(sentence)
    mask = np.zeros(len(ids), dtype=bool)
    mask[-1] = ends[-1] == len(sentence)
    return _example(ids, np.full(len(ids), float(value)), len(text), mask, form)


def _list(number: int, placer: Placer, seed: int) -> Example:
    rng = random.Random(f"{seed} {number}")
    lines = [
        " ".join(["-", *rng.sample(_ITEMS, rng.randint(1, 4))]) for _ in range(rng.randint(10, 14))
    ]
    text = "\n".join(["Things to buy:", *lines])
    ids, starts, ends = placer.place(text)
    mask = np.array([text[a:b].strip() == "-" for a, b in zip(starts, ends)])
    return _example(ids, np.maximum(np.cumsum(mask) - 1.0, 0), 1, mask, f"list {number}")


def _example(
    ids: tuple[int, ...], value: Floats, length: int, mask: np.ndarray[Any, Any], group: str
) -> Example:
    values = {
        "value": value,
        "position": np.arange(len(ids), dtype=np.float64),
        "length": np.full(len(ids), float(length)),
    }
    return Example(np.array(ids, dtype=np.int64), group, values, mask)


def measure(
    module: nn.Module, task: ScalarTask, sites: tuple[str, ...], progress: Progress
) -> list[dict[str, Any]]:
    """Probe and shape of the value at each site, beside the nuisances alone.

    Raises:
        DataError: a value stands in fewer than twenty sentences.
    """
    count = 1 + int(max(e.values["value"][e.mask].max() for e in task.examples if e.mask.any()))
    step = -(-count // 12)

    def place(example: Example) -> np.ndarray[Any, Any]:
        return np.where(example.mask, example.values["value"] // step, -1).astype(np.int64)

    binning = Binning("value", tuple(range(0, count, step)), place)
    sums = collect(module, task, sites, [binning], progress, batch=16)
    rows = []
    for site, moments in sums.moments.items():
        found = shape(sums.curves[site]["value"].enough(bins=5))
        rows.append(
            {
                "site": site,
                "raw": probe(moments, "value").r2,
                "control": probe(moments, "value", features=moments.columns(NUISANCES)).r2,
                "beyond": probe(moments, "value", nuisances=NUISANCES).r2,
                "reliability": found.reliability,
                "null": found.null,
                "dimension": found.dimension,
                "found": found.found,
                "n": sums.tokens,
            }
        )
    return rows
