"""EK-FAC by kronfluence and TRAK by traker, where they are installed (the extra `bench`)."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from agentkit_bayes_influence.bench.digits import CLASSES, PRIOR, Digits
from agentkit_bayes_influence.posterior import Posterior


def peers(made: Digits, at: Posterior, folder: Path) -> dict[str, Callable[[], np.ndarray]]:
    """Name to a function that gives (n, q) influences in BIF's sign; absent where not installed."""
    found: dict[str, Callable[[], np.ndarray]] = {}
    if importlib.util.find_spec("kronfluence"):
        found["EK-FAC"] = lambda: _ekfac(made, at, folder)
    if importlib.util.find_spec("trak"):
        found["TRAK"] = lambda: _trak(made, at, folder)
    return found


def _module(made: Digits, at: Posterior) -> nn.Module:
    layer = nn.Linear(made.x.shape[1], CLASSES, bias=False)
    with torch.no_grad():
        layer.weight.copy_(at.unflatten(at.centre)["w"].T)
    return nn.Sequential(layer).eval()


def _ekfac(made: Digits, at: Posterior, folder: Path) -> np.ndarray:
    from kronfluence.analyzer import Analyzer, prepare_model
    from kronfluence.arguments import FactorArguments, ScoreArguments
    from kronfluence.task import Task

    class Softmax(Task):  # type: ignore[misc]
        def compute_train_loss(self, batch: Any, model: nn.Module, sample: bool = False) -> Tensor:
            logits = model(batch[0])
            labels = batch[1]
            if sample:
                labels = torch.multinomial(logits.softmax(-1).detach(), 1)[:, 0]
            return F.cross_entropy(logits, labels, reduction="sum")

        def compute_measurement(self, batch: Any, model: nn.Module) -> Tensor:
            return F.cross_entropy(model(batch[0]), batch[1], reduction="sum")

    task = Softmax()
    analyzer = Analyzer(
        "digits",
        prepare_model(_module(made, at), task),
        task,
        cpu=True,
        disable_tqdm=True,
        output_dir=str(folder / "kronfluence"),
    )
    train = TensorDataset(made.x, made.y)
    analyzer.fit_all_factors(
        "factors",
        train,
        per_device_batch_size=64,
        factor_args=FactorArguments(strategy="ekfac"),
        overwrite_output_dir=True,
    )
    analyzer.compute_pairwise_scores(
        "scores",
        "factors",
        TensorDataset(made.query_x, made.query_y),
        train,
        per_device_query_batch_size=64,
        per_device_train_batch_size=64,
        # Its curvature is of the mean loss: the prior's share is as much smaller.
        score_args=ScoreArguments(damping_factor=PRIOR / len(made.x)),
        overwrite_output_dir=True,
    )
    scores = analyzer.load_pairwise_scores("scores")["all_modules"]
    found: np.ndarray = -scores.float().numpy().T
    return found


def _trak(made: Digits, at: Posterior, folder: Path) -> np.ndarray:
    from trak import TRAKer
    from trak.projectors import NoOpProjector

    tracker = TRAKer(
        model=_module(made, at),
        task="image_classification",
        train_set_size=len(made.x),
        save_dir=str(folder / "trak"),
        device="cpu",
        projector=NoOpProjector(at.dimension, at.dimension, device="cpu"),
        proj_dim=at.dimension,
        use_half_precision=False,
        lambda_reg=PRIOR,
        logging_level=40,
    )
    tracker.load_checkpoint(tracker.model.state_dict(), model_id=0)
    for batch in DataLoader(TensorDataset(made.x, made.y), batch_size=64):
        tracker.featurize(batch=batch, num_samples=len(batch[0]))
    tracker.finalize_features()
    tracker.start_scoring_checkpoint(
        "queries", tracker.model.state_dict(), model_id=0, num_targets=len(made.query_x)
    )
    for batch in DataLoader(TensorDataset(made.query_x, made.query_y), batch_size=64):
        tracker.score(batch=batch, num_samples=len(batch[0]))
    return -np.array(tracker.finalize_scores("queries"))
