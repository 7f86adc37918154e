"""The experiment `phone-asking`: who asks when it is right, and what is done then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from agentkit.bench import Bench, Experiment, Metric, Needs, Result, proportion
from agentkit.capabilities import LanguageModel
from agentkit_android.env.environment import AndroidEnvironment
from agentkit_android.env.settings import AndroidSettings
from agentkit_android.people.asking import asking
from agentkit_android.people.situations import scoring, situations
from agentkit_android.people.situations.situation import Situation

EVERY = 6
"""The quick run takes each sixth situation."""
RULES = {"knowing": scoring.knowing, "hasty": scoring.hasty, "timid": scoring.timid}


def run(bench: Bench) -> Result:
    some = situations()[:: EVERY if bench.scale == "quick" else 1]
    phone = AndroidEnvironment(
        AndroidSettings.model_validate({"where": "inside", "picture": False})
    )
    name = bench.options.get("model", "")
    try:
        rows = {who: _measured(bench, phone, who, some, None) for who in RULES}
        if name:
            rows[name] = _measured(bench, phone, name, some, bench.kit.model(name))
    finally:
        phone.close()
    told = ", ".join(f"{who} {row['success'].value:.0%}" for who, row in rows.items())
    mine = rows.pop(name or "knowing")
    verdict = (
        f"Of {len(some)} moments, the share in which the question was right, the act was right and "
        f"nothing was risked: {told}. The rules know each moment's answer, so that they bound what "
        "can be had: always right, never asking, always asking. VeriOS reports other screens, and "
        "a person played by a model; its figures are not comparable."
    )
    return Result(mine, verdict, rows)


def _measured(
    bench: Bench,
    phone: AndroidEnvironment,
    who: str,
    some: Sequence[Situation],
    model: LanguageModel | None,
) -> dict[str, Metric]:
    found = [
        bench.once(f"{who}/{one.id}", lambda one=one: _judged(phone, who, one, model))  # type: ignore[misc]
        for one in some
    ]
    risky = [v["risked"] for v in found if v["can_risk"]]
    metrics = {
        key: proportion(sum(v[key] for v in found), len(found))
        for key in ("kind_right", "normal_right", "ask_right", "act_right", "success")
    }
    return {**metrics, "risked": proportion(sum(risky), len(risky))} if risky else metrics


def _judged(
    phone: AndroidEnvironment, who: str, one: Situation, model: LanguageModel | None
) -> dict[str, bool]:
    decide = RULES[who](one) if model is None else asking(model)
    verdict = scoring.judge(one, phone.driver, decide)
    told = {k: v for k, v in asdict(verdict).items() if isinstance(v, bool)}
    more = {"ask_right": verdict.ask_right, "success": verdict.success}
    return {**told, **more, "can_risk": one.risky is not None}


EXPERIMENT = Experiment(
    "phone-asking",
    "Does an agent ask its owner when it should, about the right thing, and act well after it?",
    run,
    claim="Popular models tell the kind of a scenario in 46 to 61 % of cases (VeriOS, 2509.07553).",
    needs={"quick": Needs(), "normal": Needs()},
    options={"model": "a model of the kit that decides; none, where it is left out"},
)
