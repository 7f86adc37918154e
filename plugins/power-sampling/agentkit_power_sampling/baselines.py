"""What power sampling is compared with: other targets, drawn without any correction."""

from __future__ import annotations

from agentkit.seeds import derive
from agentkit_power_sampling.batch import Ask, Meter, Sample, Steps, Told, common, untold
from agentkit_power_sampling.settings import Sampling


def low_temp(
    root: Sample,
    settings: Sampling,
    horizon: int,
    seed: int,
    meter: Meter,
    told: Told = untold,
) -> Steps[Sample]:
    """One answer at temperature 1/alpha: sharp token by token, blind to what follows."""
    horizon, x = meter.within(horizon), root
    while not x.ended and len(x) < horizon:
        end = horizon if told is untold else min(len(x) + settings.every, horizon)
        (x,) = yield [Ask(x, len(x), end, seed, settings.tau, meter)]
        told(x, len(x))
    return x


def independent(
    root: Sample, settings: Sampling, horizon: int, seed: int, meter: Meter
) -> Steps[list[Sample]]:
    """n answers at temperature 1; fewer where the meter does not pay for n."""
    horizon = meter.within(horizon)
    count = settings.n if meter.limit is None else min(settings.n, meter.limit // horizon)
    made = yield [
        Ask(root, 0, horizon, derive(seed, "answer", n), _warm(settings), meter)
        for n in range(count)
    ]
    return made


def beam(
    root: Sample,
    settings: Sampling,
    horizon: int,
    seed: int,
    meter: Meter,
    told: Told = untold,
) -> Steps[list[Sample]]:
    """The likeliest answers that a beam search finds, the likeliest first.

    Each round draws `branches` continuations of `every` tokens from each beam and keeps the `beams`
    likeliest of all, ended ones included. A stochastic search: the models here continue, they do
    not list their likeliest tokens. Fewer branches, then beams, where the meter does not pay.
    """
    horizon = meter.within(horizon)
    rows = settings.beams * settings.branches
    if meter.limit is not None:
        rows = max(1, min(rows, meter.limit // horizon))
    live = [root]
    for start in range(0, horizon, settings.every):
        end = min(start + settings.every, horizon)
        going = [x for x in live if not x.ended]
        if not going:
            break
        each = max(1, rows // len(going))
        grown = yield [
            Ask(x, start, end, derive(seed, "branch", start, b, n), _warm(settings), meter)
            for b, x in enumerate(going[:rows])
            for n in range(each)
        ]
        found = {sample.ids: sample for sample in (*grown, *(x for x in live if x.ended))}
        ranked = sorted(found.values(), key=lambda sample: -sample.total)
        live = ranked[: min(settings.beams, rows)]
        told(live[0], common(live))
    told(live[0], len(live[0]))
    return live


def _warm(settings: Sampling) -> float:
    return 1.0 if settings.temperature is None else settings.temperature
