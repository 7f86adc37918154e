"""A candidate joins a trained router without retraining, from a few scored probe queries.

The newcomer's scores on the probes are explained by what the router foresees of the candidates that
it knows (ridge regression, coefficients a). Its token is the same mixture of their tokens,
MID_new = mean + sum_i a_i (MID_i - mean), and so is its row of the scoring layer, where each
candidate has one. A scale and a bias bring its logits to where the probes' labels want them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from agentkit.errors import DataError, UsageError
from agentkit.seeds import derive
from agentkit_lookahead import backbones, labels
from agentkit_lookahead.mlm import MaskedRouter
from agentkit_lookahead.router import About, Router
from agentkit_lookahead.rows import Table
from agentkit_lookahead.words import Words, load_words

LEAST, RIDGE = 10, 1.0


def add_candidate(router: Router, name: str, probes: Table) -> Router:
    """A new router that knows one more; the old one is left as it is.

    Args:
        probes: rows that hold scores of `name`; about 50 do.

    Raises:
        UsageError: the router knows it already.
        DataError: there are fewer than 10 scores of it.
    """
    if name in router.candidates:
        raise UsageError(f"the router knows {name!r} already", "train anew to learn more of it")
    table = probes.order([name])
    known = np.isfinite(table.scores[:, 0])
    if known.sum() < LEAST:
        raise DataError(
            f"{int(known.sum())} scores of {name} are too few", f"score it on {LEAST} or more"
        )
    table = table.take(np.flatnonzero(known).tolist())
    share = labels.scaled(table.scores[:, 0], *router.about.bounds).clip(0.02, 0.98)
    wanted = np.log(share / (1 - share))
    logits = router.logits(table.texts)
    mix, bias = _ridge(logits, wanted)
    module = _widened(router, mix, bias)
    about: About = replace(
        router.about,
        candidates=(*router.candidates, name),
        data=f"{router.about.data}+{table.hash}",
        identities={k: v for k, v in router.about.identities.items()},
    )
    made = Router(about, module)
    _fit_scale(made, table, share)
    return made


def _ridge(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Coefficients that shrink towards the mean of the known candidates."""
    prior = np.full(x.shape[1], 1 / x.shape[1])
    middle, level = x.mean(0), float(y.mean())
    centred = x - middle
    rest = (y - level) - centred @ prior
    mix = prior + np.linalg.solve(
        centred.T @ centred + RIDGE * len(x) * np.eye(x.shape[1]) / 10, centred.T @ rest
    )
    return mix, level - float(middle @ mix)


def _widened(router: Router, mix: np.ndarray, bias: float) -> Any:
    """The module with one more candidate."""
    old, settings = router.module, router.about.settings
    words = _more_words(old.words)
    backbone = backbones.empty(settings, old.backbone.config.to_dict())
    backbone.load_state_dict(old.backbone.state_dict())
    if words.size > int(backbone.get_input_embeddings().weight.shape[0]):
        backbone.resize_token_embeddings(words.size, mean_resizing=False)
    module = backbones.assemble(settings, words, backbone)
    weights = torch.tensor(mix, dtype=torch.float32)
    with torch.no_grad():
        table = backbone.get_input_embeddings().weight
        mids = table[list(old.words.mids)]
        mean = mids.mean(0)
        table[words.mids[-1]] = mean + weights @ (mids - mean)
        if isinstance(module, MaskedRouter):
            kept, biases = old.score.weight, old.score.bias
            module.score = nn.Linear(kept.shape[1], len(words.mids))
            module.score.weight.copy_(torch.cat([kept, (weights @ kept)[None]]))
            own = weights @ biases + bias
            module.score.bias.copy_(torch.cat([biases, own[None]]))
        else:
            module.score.load_state_dict(old.score.state_dict())
    return module.eval()


def _more_words(words: Words) -> Words:
    """The tokenizer with one more candidate's token."""
    from tokenizers import AddedToken, Tokenizer

    count = len(words.mids)
    tokenizer = Tokenizer.from_str(words.dump())
    if tokenizer.token_to_id("[unused0]") is None:
        tokenizer.add_special_tokens([AddedToken(f"<Model_{count}>", special=True)])
    return load_words(tokenizer.to_str(), count + 1, words.control)


def _fit_scale(made: Router, probes: Table, share: np.ndarray) -> None:
    """Moves the newcomer's logits to the probes' mean, where it has a row of its own."""
    module = made.module
    if not isinstance(module, MaskedRouter):
        return
    got = made.logits(probes.texts)[:, -1]
    for _ in range(30):  # Newton's steps on the bias alone
        chance = 1 / (1 + np.exp(-np.clip(got, -30, 30)))
        step = float((share - chance).mean() / max((chance * (1 - chance)).mean(), 1e-3))
        step = float(np.clip(step, -2, 2))
        got = got + step
        with torch.no_grad():
            module.score.bias[-1] += step
        if abs(step) < 1e-6:
            break


def probe_rows(table: Table, count: int, seed: int = 0) -> Table:
    """Rows for probing: so many of each set in turn, by chance."""
    order = sorted(range(len(table.rows)), key=lambda n: derive(seed, f"probe {table.rows[n].id}"))
    by_set: dict[str, list[int]] = {}
    for n in order:
        by_set.setdefault(table.rows[n].set, []).append(n)
    turns = [row for turn in zip(*by_set.values()) for row in turn]
    chosen = dict.fromkeys([*turns, *order])
    return table.take(sorted(list(chosen)[:count]))
