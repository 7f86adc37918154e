"""One piece of work by three tools: the influence of n passages on q queries, by this package, by
devinterp (chains as well) and by kronfluence (EK-FAC)."""

from __future__ import annotations

import contextlib
import io
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from agentkit.capabilities import Progress
from agentkit_bayes_influence.attribution import Attribution
from agentkit_bayes_influence.bench.scribe import LENGTH, Scribe
from agentkit_bayes_influence.sampling import Resolved, Sampling
from agentkit_bayes_influence.traces import TraceStore

Reals = NDArray[np.floating]
TOKENS = LENGTH - 1


@dataclass(frozen=True)
class Done:
    """influence: (n, q) covariances of sums of nats, or EK-FAC's scores. train, query: traces
    (C, T, n) and (C, T, q), empty where there are no chains. cpu, wall: seconds. own: the local
    learning coefficient that the tool itself tells."""

    influence: Reals
    cpu: float
    wall: float
    train: Reals = field(default_factory=lambda: np.empty((0, 0, 0)))
    query: Reals = field(default_factory=lambda: np.empty((0, 0, 0)))
    own: float = 0.0


def ours(
    made: Scribe, count: int, wanted: Sampling, use: Resolved, folder: Path, progress: Progress
) -> Done:
    """Traces by token on disk, and the matrix of sequences."""

    def work() -> tuple[Reals, Reals, Reals]:
        at = made.posterior(wanted.batch)
        store = TraceStore(folder, together=1)
        traces = store.sample(at, made.queries(count), wanted, progress, use=use)
        train, query = traces.sequences()
        return Attribution(train, query, kind="cov").matrix()[0], train, query

    (matrix, train, query), cpu, wall = timed(work, folder)
    return Done(matrix, cpu, wall, train, query)


def devinterp(made: Scribe, count: int, wanted: Sampling, use: Resolved, folder: Path) -> Done:
    """The same chains by devinterp: its loss is a mean over tokens, so that its n * beta is as much
    larger; its queries come in whole batches, the last one filled up with the first ones."""
    from datasets import Dataset
    from devinterp.slt.bif import compute_bif
    from devinterp.slt.llc import compute_llc
    from devinterp.slt.sampling import sample

    def work() -> tuple[Reals, Reals, Reals, float]:
        whole = -(-count // wanted.batch) * wanted.batch
        rows = made.query[:count].repeat(-(-whole // count), 1)[:whole]
        data, asked = (
            Dataset.from_dict({"input_ids": part.tolist()}).with_format("torch")
            for part in (made.train, rows)
        )
        n = len(made.train)
        samples = sample(
            made.model,
            data,
            {"a": (data, n // wanted.batch), "b": (asked, whole // wanted.batch)},
            lr=use.epsilon,
            n_beta=use.nbeta * TOKENS,
            param_masks={name: None for name in made.names},
            num_chains=wanted.chains,
            num_draws=wanted.draws,
            batch_size=wanted.batch,
            num_burnin_steps=use.burn_in,
            num_steps_bw_draws=wanted.thin,
            num_init_loss_batches=n // wanted.batch,
            init_seed=wanted.seed,
            localization=use.gamma,
            match_sampling_input_ids_across_chains=False,
            device="cpu",
            output_path=folder,
        )
        found = compute_bif(
            samples,
            correlation_method="sequence",
            compute_covariance=True,
            batch_index_range_1=range(n),
            batch_index_range_2=range(n, n + whole),
            device="cpu",
        )
        told = samples.dataset
        # It deals its observables out anew; back to the order that they were given in.
        back = [_order(told, name, ids) for name, ids in (("a", made.train), ("b", rows))]
        matrix = found["influences"].values[np.ix_(*back)] * TOKENS**2
        train, query = (
            told[f"loss_{name}"].values.sum(-1)[:, :, order] for name, order in zip("ab", back)
        )
        llc = float(compute_llc(samples)["llc_mean"])
        return matrix[:, :count], train, query[:, :, :count], llc

    made = made.copied()  # it samples weights that want gradients
    (matrix, train, query, llc), cpu, wall = timed(work, folder)
    return Done(matrix, cpu, wall, train, query, llc)


def _order(told: Any, name: str, ids: Tensor) -> list[int]:
    """Where each given row came to lie."""
    seen: dict[tuple[int, ...], list[int]] = {}
    for place, row in enumerate(told[f"input_ids_{name}"].values.tolist()):
        seen.setdefault(tuple(row), []).append(place)
    return [seen[tuple(row)].pop() for row in ids.tolist()]


def ekfac(made: Scribe, count: int, use: Resolved, folder: Path, *, by_token: bool) -> Done:
    """EK-FAC by kronfluence, factors and scores. by_token: every token of a query is a query."""
    from kronfluence.analyzer import Analyzer, prepare_model
    from kronfluence.arguments import FactorArguments, ScoreArguments
    from kronfluence.task import Task

    class Bytes(Task):  # type: ignore[misc]
        def compute_train_loss(self, batch: Any, model: nn.Module, sample: bool = False) -> Tensor:
            logits = model(batch[0], use_cache=False).logits[:, :-1].flatten(0, 1).float()
            labels = batch[0][:, 1:].flatten()
            if sample:
                labels = torch.multinomial(logits.softmax(-1).detach(), 1)[:, 0]
            return F.cross_entropy(logits, labels, reduction="sum")

        def compute_measurement(self, batch: Any, model: nn.Module) -> Tensor:
            ids, mask = batch
            logs = model(ids, use_cache=False).logits[:, :-1].float().log_softmax(-1)
            return -(logs.gather(2, ids[:, 1:, None])[:, :, 0] * mask).sum()

        def get_influence_tracked_modules(self) -> list[str]:
            return made.modules

    def work() -> Reals:
        task = Bytes()
        model = prepare_model(made.model, task)
        analyzer = Analyzer(
            "scribe", model, task, cpu=True, disable_tqdm=True, output_dir=str(folder)
        )
        train, ids = TensorDataset(made.train), made.query[:count]
        mask = torch.ones(len(ids), TOKENS)
        if by_token:
            mask = torch.eye(TOKENS).repeat(len(ids), 1)
            ids = ids.repeat_interleave(TOKENS, 0)
        analyzer.fit_all_factors(
            "factors", train, per_device_batch_size=32,
            factor_args=FactorArguments(strategy="ekfac"),
        )  # fmt: skip
        analyzer.compute_pairwise_scores(
            "scores", "factors", TensorDataset(ids, mask), train,
            per_device_query_batch_size=256,
            per_device_train_batch_size=32,
            score_args=ScoreArguments(damping_factor=use.gamma / use.nbeta),
        )  # fmt: skip
        scores = analyzer.load_pairwise_scores("scores")["all_modules"]
        found: Reals = scores.float().numpy().T
        return found

    made = made.copied()  # kronfluence wraps the layers of the model that it is given
    found, cpu, wall = timed(work, folder)
    return Done(found, cpu, wall)


def timed(work: Callable[[], Any], folder: Path) -> tuple[Any, float, float]:
    """(what it gave, CPU seconds, seconds), from an empty folder, its progress bars unseen."""
    shutil.rmtree(folder, ignore_errors=True)
    with _quiet():
        began, started = time.perf_counter(), time.process_time()
        found = work()
        return found, time.process_time() - started, time.perf_counter() - began


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
