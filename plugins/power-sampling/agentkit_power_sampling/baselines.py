"""What power sampling is compared with: other targets, drawn without any correction."""

from __future__ import annotations

from agentkit.seeds import derive
from agentkit_power_sampling.batch import Ask, Meter, Sample, Steps
from agentkit_power_sampling.settings import Sampling


def low_temp(
    root: Sample, settings: Sampling, horizon: int, seed: int, meter: Meter
) -> Steps[Sample]:
    """One answer at temperature 1/alpha: sharp token by token, blind to what follows."""
    (x,) = yield [Ask(root, 0, meter.within(horizon), seed, settings.tau, meter)]
    return x


def best_of_n(
    root: Sample, settings: Sampling, horizon: int, seed: int, meter: Meter
) -> Steps[list[Sample]]:
    """n answers at temperature 1, the likeliest first; fewer where the meter does not pay for n."""
    horizon = meter.within(horizon)
    count = settings.n if meter.limit is None else min(settings.n, meter.limit // horizon)
    warm = 1.0 if settings.temperature is None else settings.temperature
    made = yield [
        Ask(root, 0, horizon, derive(seed, "answer", n), warm, meter) for n in range(count)
    ]
    return sorted(made, key=lambda sample: -sample.total)
