"""The same algorithm in the words of other trainers, and back."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agentkit.errors import ConfigError, Unsupported
from agentkit.names import nearest
from agentkit_ring_rl.settings import RingSettings

Exported = dict[str, Any]
# What a round trip keeps: the algorithm. Schedules, engines and precisions are the trainer's own.
KEPT = ("mask", "alpha", "beta", "most", "rate", "kl", "temperature", "group", "limit", "mean")


@dataclass(frozen=True, slots=True)
class Target:
    """export: options of that trainer by name. load: the settings that they mean."""

    export: Callable[[RingSettings], Exported]
    load: Callable[[Mapping[str, Any]], RingSettings]


def export(settings: RingSettings, target: str) -> Exported:
    """Options of another trainer that mean the same loss.

    Raises:
        ConfigError: no such target.
        Unsupported: that trainer has no such loss.
    """
    return _target(target).export(settings)


def load(options: Mapping[str, Any], target: str) -> RingSettings:
    """The settings that another trainer's options mean.

    Raises:
        ConfigError: no such target, or a loss that is not ours.
    """
    return _target(target).load(options)


def command_line(options: Mapping[str, Any], target: str) -> str:
    """The options as they are written: flags, or verl's key=value."""
    words = []
    for name, value in options.items():
        if target == "verl":
            words.append(f"{name}={value}")
        elif value is True:
            words.append(f"--{name}")
        else:
            values = value if isinstance(value, list | tuple) else [value]
            words += [f"--{name}", *map(str, values)]
    return " ".join(map(shlex.quote, words))


def _target(name: str) -> Target:
    if name not in TARGETS:
        raise ConfigError(
            f"no exporter for {name!r}{nearest(name, TARGETS)}", f"one of: {', '.join(TARGETS)}"
        )
    return TARGETS[name]


def _refuse(settings: RingSettings, target: str, known: tuple[str, ...]) -> None:
    if settings.mask not in known:
        raise Unsupported(
            f"{target} has no loss that is {settings.mask!r}", f"it has: {', '.join(known)}"
        )
    if settings.mask == "icepop" and settings.factor == "one":
        raise Unsupported(f"{target} multiplies kept tokens by k", 'use factor = "ratio"')


def _made(mask: str, low: float | None, high: float | None, **rest: Any) -> RingSettings:
    found: dict[str, Any] = {"mask": mask, **rest}
    if mask == "icepop":
        found |= {"alpha": low, "beta": high}
    elif mask == "tis":
        found["most"] = high
    return RingSettings(**found)


# -- TRL ------------------------------------------------------------------------------------------


def _to_trl(s: RingSettings) -> Exported:
    _refuse(s, "trl", ("icepop", "tis", "none"))
    made: Exported = {
        "loss_type": "grpo" if s.mean == "sequence" else "bnpo",
        "learning_rate": s.rate,
        "beta": s.kl,
        "temperature": s.temperature,
        "top_p": 1.0,
        "num_generations": s.group,
        "max_completion_length": s.limit,
        "epsilon": s.clip[0],
        "epsilon_high": s.clip[1],
        # TRL corrects only where vLLM draws
        "use_vllm": s.mask != "none",
        "vllm_importance_sampling_correction": s.mask != "none",
    }
    if s.mask == "icepop":
        made |= {
            "vllm_importance_sampling_mode": "token_mask",
            "vllm_importance_sampling_clip_min": s.alpha,
            "vllm_importance_sampling_clip_max": s.beta,
        }
    elif s.mask == "tis":
        made |= {
            "vllm_importance_sampling_mode": "token_truncate",
            "vllm_importance_sampling_clip_max": s.most,
        }
    return made


def _from_trl(o: Mapping[str, Any]) -> RingSettings:
    modes = {"token_mask": "icepop", "token_truncate": "tis"}
    mode = o.get("vllm_importance_sampling_mode", "")
    corrects = o.get("vllm_importance_sampling_correction", False)
    mask = _known("trl", mode, modes) if corrects else "none"
    return _made(
        mask,
        o.get("vllm_importance_sampling_clip_min"),
        o.get("vllm_importance_sampling_clip_max"),
        rate=o["learning_rate"],
        kl=o["beta"],
        temperature=o["temperature"],
        group=o["num_generations"],
        limit=o["max_completion_length"],
        mean="sequence" if o["loss_type"] == "grpo" else "token",
        clip=(o["epsilon"], o["epsilon_high"]),
    )


# -- verl -----------------------------------------------------------------------------------------

_VERL_LOSS = {"sequence": "seq-mean-token-mean", "token": "token-mean"}
_CORRECTION = "algorithm.rollout_correction"
_ACTOR, _ROLLOUT = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"


def _to_verl(s: RingSettings) -> Exported:
    _refuse(s, "verl", ("icepop", "tis", "none"))
    threshold = {"icepop": f"{s.alpha}_{s.beta}", "tis": f"{s.most}"}.get(s.mask, "null")
    return {
        "algorithm.adv_estimator": "grpo",
        f"{_CORRECTION}.rollout_is": "null" if s.mask == "none" else "token",
        f"{_CORRECTION}.rollout_is_threshold": threshold,
        f"{_CORRECTION}.bypass_mode": "false",  # true is one ratio for both gaps
        f"{_ACTOR}.optim.lr": s.rate,
        f"{_ACTOR}.use_kl_loss": str(bool(s.kl)).lower(),
        f"{_ACTOR}.kl_loss_coef": s.kl,
        f"{_ACTOR}.clip_ratio_low": s.clip[0],
        f"{_ACTOR}.clip_ratio_high": s.clip[1],
        f"{_ACTOR}.loss_agg_mode": _VERL_LOSS[s.mean],
        f"{_ROLLOUT}.calculate_log_probs": "true",
        f"{_ROLLOUT}.temperature": s.temperature,
        f"{_ROLLOUT}.n": s.group,
        "data.max_response_length": s.limit,
    }


def _from_verl(o: Mapping[str, Any]) -> RingSettings:
    threshold = str(o[f"{_CORRECTION}.rollout_is_threshold"])
    low, _, high = threshold.rpartition("_")
    mask = "icepop" if low else "tis"
    if o[f"{_CORRECTION}.rollout_is"] == "null":
        mask, high = "none", "0"
    return _made(
        mask,
        float(low or 0),
        float(high),
        rate=float(o[f"{_ACTOR}.optim.lr"]),
        kl=float(o[f"{_ACTOR}.kl_loss_coef"]),
        temperature=float(o[f"{_ROLLOUT}.temperature"]),
        group=int(o[f"{_ROLLOUT}.n"]),
        limit=int(o["data.max_response_length"]),
        mean=next(k for k, v in _VERL_LOSS.items() if v == o[f"{_ACTOR}.loss_agg_mode"]),
        clip=(float(o[f"{_ACTOR}.clip_ratio_low"]), float(o[f"{_ACTOR}.clip_ratio_high"])),
    )


# -- OpenRLHF -------------------------------------------------------------------------------------


def _to_openrlhf(s: RingSettings) -> Exported:
    _refuse(s, "openrlhf", ("icepop", "tis", "none"))
    if s.mean != "token":
        raise Unsupported("openrlhf takes the mean over tokens", 'use mean = "token"')
    made: Exported = {
        "algo.advantage.estimator": "group_norm",
        "actor_learning_rate": s.rate,
        "init_kl_coef": s.kl,
        "temperature": s.temperature,
        "top_p": 1.0,
        "n_samples_per_prompt": s.group,
        "generate_max_len": s.limit,
        "eps_clip_low_high": [s.clip[0], s.clip[1]],
    }
    if s.mask != "none":
        low, high = (s.alpha, s.beta) if s.mask == "icepop" else (0.0, s.most)
        made |= {
            "algo.advantage.is_correction_enable": True,
            "algo.advantage.is_correction_type": s.mask,
            "algo.advantage.is_correction_threshold": [low, high],
        }
    return made


def _from_openrlhf(o: Mapping[str, Any]) -> RingSettings:
    mask = "none"
    if o.get("algo.advantage.is_correction_enable"):
        told = o["algo.advantage.is_correction_type"]
        mask = _known("openrlhf", told, {"icepop": "icepop", "tis": "tis"})
    low, high = o.get("algo.advantage.is_correction_threshold", (0.0, 0.0))
    return _made(
        mask,
        low,
        high,
        rate=o["actor_learning_rate"],
        kl=o["init_kl_coef"],
        temperature=o["temperature"],
        group=o["n_samples_per_prompt"],
        limit=o["generate_max_len"],
        mean="token",
        clip=tuple(o["eps_clip_low_high"]),
    )


# -- slime ----------------------------------------------------------------------------------------

_SLIME_ICEPOP = "slime.backends.megatron_utils.loss.icepop_function"


def _to_slime(s: RingSettings) -> Exported:
    _refuse(s, "slime", ("icepop", "tis", "none"))
    made: Exported = {
        "advantage-estimator": "grpo",
        "lr": s.rate,
        "kl-loss-coef": s.kl,
        "rollout-temperature": s.temperature,
        "n-samples-per-prompt": s.group,
        "rollout-max-response-len": s.limit,
        "eps-clip": s.clip[0],
        "eps-clip-high": s.clip[1],
    }
    if s.mean == "token":
        made["calculate-per-token-loss"] = True
    if s.mask == "icepop":
        made |= {
            "use-tis": True,
            "custom-tis-function-path": _SLIME_ICEPOP,
            "tis-clip-low": s.alpha,
            "tis-clip": s.beta,
        }
    elif s.mask == "tis":
        made |= {"use-tis": True, "tis-clip-low": 0.0, "tis-clip": s.most}
    return made


def _from_slime(o: Mapping[str, Any]) -> RingSettings:
    mask = "none"
    if o.get("use-tis"):
        path = str(o.get("custom-tis-function-path", ""))
        mask = "icepop" if path.endswith("icepop_function") else "tis"
    return _made(
        mask,
        o.get("tis-clip-low"),
        o.get("tis-clip"),
        rate=o["lr"],
        kl=o["kl-loss-coef"],
        temperature=o["rollout-temperature"],
        group=o["n-samples-per-prompt"],
        limit=o["rollout-max-response-len"],
        mean="token" if o.get("calculate-per-token-loss") else "sequence",
        clip=(o["eps-clip"], o["eps-clip-high"]),
    )


def _known(target: str, told: str, names: Mapping[str, str]) -> str:
    if told not in names:
        raise ConfigError(f"{target}: {told!r} is no loss of ours", f"one of {', '.join(names)}")
    return names[told]


TARGETS: Mapping[str, Target] = {
    "trl": Target(_to_trl, _from_trl),
    "verl": Target(_to_verl, _from_verl),
    "openrlhf": Target(_to_openrlhf, _from_openrlhf),
    "slime": Target(_to_slime, _from_slime),
}
