"""A trained router: what it foresees of texts, and the folder that it is kept in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from agentkit.capabilities import Progress
from agentkit.errors import ConfigError, DataError, ModelFileError
from agentkit.files import folder_atomic
from agentkit.seeds import derive
from agentkit_lookahead import backbones, training
from agentkit_lookahead.calibrating import (
    Calibration,
    abstain_below,
    calibrate,
    calibration_error,
)
from agentkit_lookahead.labels import good
from agentkit_lookahead.rows import Table
from agentkit_lookahead.settings import TrainSettings
from agentkit_lookahead.words import load_words

VERSION = 1
SHIPPED = Path(__file__).parent / "shipped"


@dataclass(frozen=True)
class About:
    """What a router was made of. candidates: in the order of its logits. identities: what each was,
    as far as it was known. bounds: lowest and highest score. lead: see `abstain_below`, over
    `default`. data: the table's hash. metrics: on held-out rows."""

    candidates: tuple[str, ...]
    settings: TrainSettings
    bounds: tuple[float, float]
    calibration: Calibration = field(default_factory=Calibration)
    default: str = ""
    lead: float = 0.0
    data: str = ""
    identities: Mapping[str, str] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)
    latencies: Mapping[str, float] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


class Router:
    """Foresees how well each candidate will answer."""

    def __init__(self, about: About, module: backbones.Router) -> None:
        self.about, self.module = about, module.eval()

    @property
    def candidates(self) -> tuple[str, ...]:
        return self.about.candidates

    def logits(self, texts: Sequence[str], batch: int = 32) -> np.ndarray:
        """(n, K)."""
        prompts = [self.module.words.prompt(t, self.about.settings.prompt) for t in texts]
        found = [np.zeros((0, len(self.candidates)))]
        with torch.no_grad():
            for start in range(0, len(prompts), batch):
                found.append(self.module(prompts[start : start + batch])[0].float().cpu().numpy())
        return np.concatenate(found)

    def chances(self, texts: Sequence[str]) -> np.ndarray:
        """(n, K): calibrated probabilities of a good answer."""
        return self.about.calibration(self.logits(texts))

    def states(self, texts: Sequence[str], batch: int = 32) -> np.ndarray:
        """(n, K, d): what decisions are made from."""
        prompts = [self.module.words.prompt(t, self.about.settings.prompt) for t in texts]
        found = [
            self.module.states(prompts[start : start + batch]).cpu().numpy()
            for start in range(0, len(prompts), batch)
        ]
        return np.concatenate(found)

    def foreseen(self, text: str, top: int = 3) -> dict[str, list[list[tuple[str, float]]]]:
        """For each candidate and place of its answer the likeliest tokens with their probabilities:
        a prediction to look at, not an answer."""
        words = self.module.words
        found = self.module.foreseen(words.prompt(text, self.about.settings.prompt)).exp()
        values, ids = found.topk(top, dim=-1)
        return {
            name: [
                [(words.token(i), round(p, 4)) for i, p in zip(place, chances)]
                for place, chances in zip(ids[n].tolist(), values[n].tolist())
            ]
            for n, name in enumerate(self.candidates)
        }

    # -- keeping it -------------------------------------------------------------------------------

    def save(self, folder: Path) -> Path:
        """Writes it whole or not at all: weights, tokenizer, and what it was made of."""
        from safetensors.torch import save_file

        about = self.about
        plain = {
            "version": VERSION,
            "candidates": list(about.candidates),
            "settings": about.settings.model_dump(mode="json"),
            "bounds": list(about.bounds),
            "calibration": about.calibration.to_json(),
            "default": about.default,
            "lead": about.lead if np.isfinite(about.lead) else None,
            "data": about.data,
            "identities": dict(about.identities),
            "costs": dict(about.costs),
            "latencies": dict(about.latencies),
            "metrics": dict(about.metrics),
            "control": list(self.module.words.control),
            "backbone": self.module.backbone.config.to_dict(),
        }
        with folder_atomic(folder) as made:
            tensors = {k: v.contiguous() for k, v in training._own(self.module).items()}
            save_file(tensors, made / "router.safetensors")
            (made / "tokenizer.json").write_text(self.module.words.dump())
            (made / "router.json").write_text(json.dumps(plain, indent=1, default=str))
        return folder

    @classmethod
    def load(cls, folder: Path, candidates: Sequence[str] = (), *, subset: bool = False) -> Router:
        """What `save` wrote.

        Args:
            candidates: those that it must be for, in any order.
            subset: some of the router's own may be missing from them.

        Raises:
            ModelFileError: there is no router, or it is damaged.
            ConfigError: it is for other candidates.
        """
        from safetensors.torch import load_file

        try:
            plain = json.loads((folder / "router.json").read_text())
            about = _about(plain)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelFileError(
                f"{folder}: holds no router: {type(error).__name__}: {error}",
                "train one: agentkit route train",
            ) from error
        check(about.candidates, candidates, subset=subset, where=str(folder))
        try:
            words = load_words(
                (folder / "tokenizer.json").read_text(), len(about.candidates), plain["control"]
            )
            backbone = backbones.empty(about.settings, plain["backbone"])
            module = backbones.assemble(about.settings, words, backbone)
            missing = module.load_state_dict(load_file(folder / "router.safetensors"), strict=False)
            if missing.unexpected_keys:
                raise ValueError(f"unexpected weights {missing.unexpected_keys[:2]}")
        except ModelFileError:
            raise
        except Exception as error:  # every library has its own
            raise ModelFileError(
                f"{folder}: is damaged: {type(error).__name__}: {error}", "train it again"
            ) from error
        return cls(about, module)


def check(
    known: Sequence[str], candidates: Sequence[str], *, subset: bool = False, where: str = ""
) -> None:
    """Raises ConfigError where a router's candidates are not those that are wanted."""
    if not candidates:
        return
    strange = [name for name in candidates if name not in known]
    absent = [] if subset else [name for name in known if name not in candidates]
    if strange or absent:
        said = [f"does not know {', '.join(strange)}"] if strange else []
        said += [f"was also trained for {', '.join(absent)}"] if absent else []
        raise ConfigError(
            f"the router {where} {' and '.join(said)}",
            "train one (agentkit route train), add a candidate to it (agentkit route add)"
            + (", or set subset = true" if absent else ""),
        )


def fit(
    settings: TrainSettings,
    table: Table,
    progress: Progress,
    *,
    held: Table | None = None,
    state: Path | None = None,
    resume: bool = False,
    open_answers: bool = False,
) -> Router:
    """Trains, calibrates and judges a router.

    Args:
        held: rows to calibrate on; a share of the table by default.
        state, resume, open_answers: see `training.train`.
    """
    table.informative()
    if settings.feedback == "full" and not table.complete:
        raise DataError(
            "some scores are missing, and they are never made up",
            "score every candidate on every query, or use feedback = 'ips' or 'dr'",
        )
    rest = table
    if held is None:
        rest, held = table.split(1 - settings.held, derive(settings.seed, "held"))
    if not rest.rows:
        raise DataError("too few rows to train on and to hold some out", "collect more")
    known = table.scores[np.isfinite(table.scores)]
    bounds = (float(known.min()), float(known.max()))
    said = [t for n in range(len(rest.rows)) for t in (rest.rows[n].text, *rest.responses(n))]
    module = backbones.make(settings, len(table.candidates), said)
    work = training.lesson(settings, rest, module.words, bounds)
    losses = training.train(
        settings, module, work, progress, state, resume=resume, open_answers=open_answers
    )
    about = About(
        table.candidates,
        settings,
        bounds,
        data=table.hash,
        costs=_means(table.candidates, table.costs),
        latencies=_means(table.candidates, table.latencies),
        metrics=losses,
    )
    return settle(Router(about, module), held, known_default=settings.default)


def settle(router: Router, held: Table, known_default: str | None = None) -> Router:
    """The router with probabilities, a default and the lead a choice needs, from held-out rows.

    The calibration error that is kept is of the second half of them, calibrated on the first.
    """
    about = router.about
    if not held.rows:
        return router
    logits = router.logits(held.texts)
    wanted = good(held.scores, about.settings.threshold, about.bounds)
    half = len(held.rows) // 2
    kind = about.settings.calibration
    error = calibration_error(
        calibrate(kind, logits[:half], wanted[:half])(logits[half:]), wanted[half:]
    )
    calibration = calibrate(kind, logits, wanted)
    means = np.nanmean(np.where(np.isfinite(held.scores), held.scores, np.nan), axis=0)
    best = int(np.nanargmax(np.nan_to_num(means, nan=-np.inf)))
    default = known_default or about.candidates[best]
    if default not in about.candidates:
        raise ConfigError(f"the default {default!r} is no candidate", "name one of them")
    lead = 0.0
    if held.complete:
        chances, at = calibration(logits), about.candidates.index(default)
        chosen, rows = chances.argmax(1), np.arange(len(held.rows))
        lead = abstain_below(
            chances[rows, chosen] - chances[:, at],
            held.scores[rows, chosen] < held.scores[:, at],
            about.settings.miss,
        )
    metrics = {**about.metrics, "calibration error": error} if np.isfinite(error) else about.metrics
    return Router(
        replace(about, calibration=calibration, default=default, lead=lead, metrics=metrics),
        router.module,
    )


def _means(candidates: Sequence[str], numbers: np.ndarray) -> dict[str, float]:
    return {
        name: float(column[np.isfinite(column)].mean())
        for name, column in zip(candidates, numbers.T)
        if np.isfinite(column).any()
    }


def _about(plain: Mapping[str, Any]) -> About:
    if plain["version"] != VERSION:
        raise ValueError(f"version {plain['version']} is not known")
    return About(
        tuple(plain["candidates"]),
        TrainSettings.model_validate(plain["settings"]),
        (float(plain["bounds"][0]), float(plain["bounds"][1])),
        Calibration.from_json(plain["calibration"]),
        plain["default"],
        float("inf") if plain["lead"] is None else float(plain["lead"]),
        plain["data"],
        plain["identities"],
        plain["costs"],
        plain["latencies"],
        plain["metrics"],
    )
