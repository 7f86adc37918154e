"""`on = "ray"`: the trainer's loop over a cluster's engine and learner, instead of local ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentkit.capabilities import Checkpoint, Progress, Tokens
from agentkit.errors import DataError, Unsupported
from agentkit.files import folder_atomic, write_atomic
from agentkit_ring_rl.cluster import ClusterSpec, RayCluster
from agentkit_ring_rl.controller import Controller
from agentkit_ring_rl.rollouts import Prompt
from agentkit_ring_rl.scheduler import Scheduler, endless
from agentkit_ring_rl.sft_data import end_token
from agentkit_ring_rl.sft_state import FOLDER

if TYPE_CHECKING:
    from agentkit_ring_rl.trainer import Ring


def train_on_ray(
    ring: Ring,
    prompts: Sequence[Prompt],
    about: dict[str, Any],
    out: Path,
    progress: Progress,
    resume: bool,
) -> Checkpoint:
    """See `Trainer.train`. The workers read the model's folder themselves; a checkpoint holds each
    rank's own state, and what all of it makes: model.safetensors.

    Raises:
        Unsupported: the model is no folder that another process can read.
    """
    import json

    from agentkit_ring_rl.answers import same_training

    s = ring.settings
    spec = ClusterSpec(
        folder=ring.folder(),
        loss=ring.loss(),
        rate=s.rate,
        ends=(end_token(ring.model.ability(Tokens)),),
        width=s.width,
        rows=s.rows,
        updates=s.updates,
        weight_decay=s.weight_decay,
        slots=s.slots,
        temperature=s.temperature,
        precision=s.precision,
        ranks=s.ranks,
        engines=s.engines,
    )
    if s.start is not None:
        raise Unsupported("start is not read on ray yet", "make a model folder of it first")
    cluster = RayCluster(spec, s.address)
    try:
        scheduler = Scheduler(cluster.engine, endless(prompts, s.seed), ring.budget(), seed=s.seed)
        state: dict[str, Any] = {"step": 0, "metrics": {}, **about}
        if resume:
            folder = out / FOLDER
            try:
                state = json.loads((folder / "state.json").read_text())
            except (OSError, ValueError) as error:
                raise DataError(
                    f"{folder} is no checkpoint: {error}", "train from the start"
                ) from None
            same_training(out, state, about)
            cluster.restore(folder)
            scheduler.restore(state["scheduler"])
        controller = Controller(
            scheduler,
            cluster.engine,
            cluster.learner,
            cluster.exchange,
            ring.scorer(),
            spread=s.spread,
            best=ring.best(),
            version=state["step"],
        )
        controller.publish()

        def keep(step: int, metrics: dict[str, float]) -> None:
            from safetensors.torch import save_file

            kept = {**about, "step": step, "metrics": metrics, "scheduler": scheduler.state()}
            with folder_atomic(out / FOLDER) as folder:
                cluster.save(folder)
                whole = {n: t.contiguous() for n, t in cluster.learner.tensors().items()}
                save_file(whole, str(folder / "model.safetensors"))
                write_atomic(folder / "state.json", json.dumps(kept, indent=2))

        return ring.loop(controller, state, keep, out, progress)
    finally:
        cluster.close()
