"""How the nano model is trained: two stages, as in DeepSeek-OCR's section 3.5.

First the encoder alone, here with a cheap dense target instead of a language model's loss; then
everything learns to answer, next token by next token, with the dense target beside it. The paper
freezes SAM and compressor in its second stage (`freeze`): its SAM has seen a billion masks before,
this one nothing. All of it runs on one processor core. A checkpoint holds everything that a step
depends on.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save
from torch import Tensor, nn

from agentkit.capabilities.trainer import Progress, TrainingDiverged
from agentkit.errors import Cancelled, DataError
from agentkit.files import write_atomic
from agentkit_deepencoder.decoder import Decoder
from agentkit_deepencoder.encoder import DeepEncoder, lay_out
from agentkit_deepencoder.nano.alphabet import CHARACTERS
from agentkit_deepencoder.nano.mixture import (
    PATCH_SLOTS,
    PLACES,
    SLOTS,
    Batch,
    Mix,
    batch,
    by_token,
    places_of,
    slots_of,
)
from agentkit_deepencoder.nano.shape import NANO

EMPTY_WEIGHT = 0.1  # most slots are empty
KEPT_EVERY = 250  # steps


@dataclass(frozen=True, slots=True)
class Recipe:
    """first: steps of the encoder's own stage; second: steps of the stage after it, of which the
    last fifth lets the rate fall to nothing. dense, where: weights of the two dense losses in the
    second stage. freeze: SAM and compressor, in the second stage."""

    first: int = 5000
    second: int = 14000
    batch: int = 16
    rate: float = 2e-3
    seed: int = 0
    mix: tuple[float, float, float] = (0.7, 0.2, 0.1)
    dense: float = 0.2
    where: float = 0.3
    warmup: int = 100
    freeze: bool = False

    @property
    def steps(self) -> int:
        return self.first + self.second

    def rate_at(self, step: int) -> float:
        """Rises, stays, falls over each stage's last fifth."""
        start, length = (0, self.first) if step < self.first else (self.first, self.second)
        at = step - start
        fall = min(1.0, (length - at) / max(1.0, 0.2 * length))
        return self.rate * min(1.0, (at + 1) / self.warmup) * fall


class Raster(NamedTuple):
    """What looks at a page: tokens (B, side², d) and patches (B, (4 · side)², C), row by row."""

    tokens: Tensor
    patches: Tensor
    side: int


class Learner(nn.Module):  # type: ignore[misc]
    """Encoder and decoder with the scaffolding that only training needs."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = DeepEncoder(NANO)
            self.decoder = Decoder(NANO.decoder)
            width = NANO.decoder.width
            self.slots = nn.Linear(width, SLOTS[0] * SLOTS[1] * (len(CHARACTERS) + 1))
            patch = PATCH_SLOTS[0] * PATCH_SLOTS[1] * (len(CHARACTERS) + 1)
            self.patch_slots = nn.Linear(NANO.sam.width, patch)
            self.rows = nn.Linear(width, PLACES[0])
            self.columns = nn.Linear(width, PLACES[1])
            start(self.encoder)

    def see(self, made: Batch) -> tuple[Tensor, list[Raster]]:
        """((B, n, d) of every sample's picture, its rasters)."""
        assert made.plan is not None
        size, plan = len(made.samples), made.plan
        patches, overviews = self._views(made.overviews)
        rasters = [Raster(overviews.flatten(1, 2), patches.flatten(1, 2), plan.grid)]
        tiles = None
        if plan.tiles:
            patches, tiles = self._views(made.tiles)
            tiles = tiles.unflatten(0, (size, plan.tiles))
            patches = patches.unflatten(0, (size, plan.tiles))
            if plan.rows == plan.columns:
                shape = plan.rows, plan.columns
                side = plan.local * plan.columns
                rasters.append(Raster(_joined(tiles, *shape), _joined(patches, *shape), side))
        laid = [
            lay_out(
                overviews[n],
                None if tiles is None else tiles[n],
                plan.columns,
                self.encoder.image_newline,
                self.encoder.view_seperator,
            )
            for n in range(size)
        ]
        return torch.stack(laid), rasters

    def _views(self, pixels: np.ndarray) -> tuple[Tensor, Tensor]:
        """(patches (B, H, W, C), tokens (B, h, w, d))."""
        sam = self.encoder.sam_model
        patches = sam.patches(torch.from_numpy(pixels))
        return patches, self.encoder.fuse(sam.compress(patches))

    def dense_loss(self, made: Batch, rasters: list[Raster]) -> Tensor:
        """Cross-entropy of the characters in all slots, told by the tokens and by the patches."""
        losses = []
        weights = torch.ones(len(CHARACTERS) + 1)
        weights[0] = EMPTY_WEIGHT
        pages = [s.page for s in made.samples if s.page is not None]
        assert made.samples[0].picture is not None
        pixels = made.samples[0].picture.width
        for raster in rasters:
            grids = [slots_of(page, pixels, raster.side) for page in pages]
            for head, cells, split in (
                (self.slots, raster.tokens, SLOTS),
                (self.patch_slots, raster.patches, PATCH_SLOTS),
            ):
                target = torch.from_numpy(np.stack([by_token(g, *split) for g in grids]))
                logits = head(cells).unflatten(-1, (split[0] * split[1], -1))
                losses.append(F.cross_entropy(logits.flatten(0, 2), target.flatten(), weights))
        return torch.stack(losses).mean()

    def forward(self, made: Batch, recipe: Recipe, *, dense: bool) -> dict[str, Tensor]:
        """The losses of a batch; "loss" is their weighted sum."""
        if made.plan is None:
            seen = torch.zeros(len(made.samples), 0, NANO.decoder.width)
            rasters: list[Raster] = []
        else:
            seen, rasters = self.see(made)
        paged = bool(rasters) and made.samples[0].page is not None
        told: dict[str, Tensor] = {}
        if paged:
            told["dense"] = self.dense_loss(made, rasters)
        if dense:
            return told | {"loss": told["dense"]}
        ids, targets, places = _rows(made)
        embeds = self.decoder.model.embed_tokens(ids)
        embeds = torch.cat([embeds[:, :1], seen, embeds[:, 1:]], 1)
        out = self.decoder.model(inputs_embeds=embeds, use_cache=False, output_hidden_states=True)
        n = seen.shape[1]
        logits = self.decoder.lm_head(out.last_hidden_state[:, n:])
        told["next"] = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)
        with torch.no_grad():
            read = targets != -100
            told["right"] = (logits.argmax(-1) == targets)[read].float().mean()
        loss = told["next"]
        if paged:
            middle = out.hidden_states[NANO.decoder.depth // 2][:, n:].flatten(0, 1)
            told["where"] = sum(
                F.cross_entropy(head(middle), places[..., axis].flatten(), ignore_index=-100)
                for axis, head in enumerate((self.rows, self.columns))
            )
            loss = loss + recipe.dense * told["dense"] + recipe.where * told["where"]
        return told | {"loss": loss}


def _joined(views: Tensor, rows: int, columns: int) -> Tensor:
    """(B, rows · columns, h, w, d) to (B, rows · h · columns · w, d), one raster."""
    return views.unflatten(1, (rows, columns)).transpose(2, 3).flatten(1, 4)


def _rows(made: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """(ids (B, n) with the begin token first and no picture, the token that follows each or -100,
    its place (B, n, 2))."""
    rows, targets, places = [], [], []
    length = max(len(s.prompt) + len(s.answer) for s in made.samples)
    for sample in made.samples:
        ids = [NANO.decoder.bos, *sample.prompt, *sample.answer[:-1]]
        before = len(sample.prompt)
        gap = length - before - len(sample.answer)
        rows.append(ids + [NANO.decoder.eos] * gap)
        targets.append([-100] * before + list(sample.answer) + [-100] * gap)
        marks = places_of(sample.marks) if sample.marks else [(-100, -100)] * len(sample.answer)
        places.append([(-100, -100)] * before + marks + [(-100, -100)] * gap)
    return torch.tensor(rows), torch.tensor(targets), torch.tensor(places)


def start(encoder: DeepEncoder) -> None:
    """Random numbers where the published model has learned ones."""
    for name, value in encoder.named_parameters():
        if "pos_embed" in name or "rel_pos" in name or "position_embedding" in name:
            nn.init.normal_(value, std=0.02)
        elif name.endswith(("class_embedding", "image_newline", "view_seperator")):
            nn.init.normal_(value, std=NANO.decoder.width**-0.5)


def trained(learner: Learner, *, dense: bool, freeze: bool) -> list[tuple[str, nn.Parameter]]:
    """What a stage changes."""
    still: tuple[str, ...] = ("decoder.", "rows.", "columns.") if dense else ()
    if freeze and not dense:
        still = ("encoder.sam_model.",)
    return [(k, v) for k, v in learner.named_parameters() if not k.startswith(still)]


def train(out: Path, recipe: Recipe, progress: Progress, *, resume: bool = False) -> Learner:
    """Trains to `out`, which keeps the newest state. Interrupted and resumed gives the same
    weights as undisturbed; more steps of the second stage may be asked for when resuming.

    Raises:
        Cancelled: somebody asked to stop; the state is kept.
        TrainingDiverged: the loss is not finite; the last state stays.
        DataError: `out` holds the state of another recipe.
    """
    learner = Learner(recipe.seed)
    begun, dense = 0, recipe.first > 0
    optimizer = _optimizer(learner, recipe, dense=dense)
    if resume and (out / "state.json").exists():
        begun = _step_of(out, recipe)
        dense = begun < recipe.first
        optimizer = _optimizer(learner, recipe, dense=dense)
        _restore(out, learner, optimizer, recipe, dense=dense)
    for step in range(begun, recipe.steps):
        if progress.cancel:
            keep(out, learner, optimizer, recipe, step, dense=dense)
            raise Cancelled
        if dense and step >= recipe.first:
            dense = False
            optimizer = _optimizer(learner, recipe, dense=False)
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate_at(step)
        made = batch(recipe.seed, step, recipe.batch, Mix(*recipe.mix), dense=dense)
        told = learner(made, recipe, dense=dense)
        if not math.isfinite(told["loss"].item()):
            raise TrainingDiverged(step, "loss")
        optimizer.zero_grad(set_to_none=True)
        told["loss"].backward()
        nn.utils.clip_grad_norm_(
            [v for _, v in trained(learner, dense=dense, freeze=recipe.freeze)], 1.0
        )
        optimizer.step()
        progress.update(step + 1, recipe.steps, {k: v.item() for k, v in told.items()})
        if (step + 1) % KEPT_EVERY == 0 or step + 1 in (recipe.first, recipe.steps):
            keep(out, learner, optimizer, recipe, step + 1, dense=dense)
    return learner


def _optimizer(learner: Learner, recipe: Recipe, *, dense: bool) -> torch.optim.AdamW:
    for value in learner.parameters():
        value.requires_grad_(False)
    chosen = trained(learner, dense=dense, freeze=recipe.freeze)
    for _, value in chosen:
        value.requires_grad_(True)
    thick = [v for _, v in chosen if v.dim() > 1]
    thin = [v for _, v in chosen if v.dim() <= 1]
    groups = [{"params": thick, "weight_decay": 0.01}, {"params": thin, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98))


def keep(
    out: Path, learner: Learner, optimizer: Any, recipe: Recipe, step: int, *, dense: bool
) -> None:
    """Weights and the optimizer's state as one safetensors file; which step is in its header, so
    that both can only be right together."""
    tensors = {f"model.{k}": v for k, v in learner.state_dict().items()}
    for name, value in trained(learner, dense=dense, freeze=recipe.freeze):
        for key, number in optimizer.state.get(value, {}).items():
            tensors[f"optimizer.{name}:{key}"] = torch.as_tensor(number)
    tensors["step"] = torch.tensor(step)
    state = {"recipe": asdict(recipe), "parameters": sum(v.numel() for v in learner.parameters())}
    write_atomic(out / "state.safetensors", save({k: v.contiguous() for k, v in tensors.items()}))
    write_atomic(out / "state.json", json.dumps(state, indent=1))


def _step_of(out: Path, recipe: Recipe) -> int:
    """Steps behind a state. A stage that it has not finished may be given another length."""
    step = int(load_file(out / "state.safetensors")["step"])
    kept = json.loads((out / "state.json").read_text())["recipe"]
    mine = json.loads(json.dumps(asdict(recipe)))
    free = {"second", "first"} if step < min(recipe.first, kept["first"]) else {"second"}
    other = [key for key in mine if mine[key] != kept.get(key) and key not in free]
    if other:
        raise DataError(f"{out}: was begun with another {', '.join(other)}", "name another folder")
    return step


def _restore(out: Path, learner: Learner, optimizer: Any, recipe: Recipe, *, dense: bool) -> None:
    tensors = load_file(out / "state.safetensors")
    learner.load_state_dict(
        {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    )
    if int(tensors["step"]) == recipe.first:
        return  # the second stage's optimizer begins anew
    for name, value in trained(learner, dense=dense, freeze=recipe.freeze):
        start_ = f"optimizer.{name}:"
        state = {k.removeprefix(start_): v for k, v in tensors.items() if k.startswith(start_)}
        if state:
            optimizer.state[value] = state
