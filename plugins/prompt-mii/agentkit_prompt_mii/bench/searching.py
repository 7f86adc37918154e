"""Instructions by search, for comparison: APE (Zhou et al., arXiv 2211.01910) in its own steps, and
GEPA through its own library."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentkit.capabilities import CallContext, LanguageModel, Request
from agentkit.errors import BackendUnavailable
from agentkit_prompt_mii.examples import Examples
from agentkit_prompt_mii.follower import Follower
from agentkit_prompt_mii.scoring import macro_f1
from agentkit_prompt_mii.template import NAIVE, meta_prompt

MOST = 160


@dataclass(frozen=True, slots=True)
class Found:
    """text: the instruction. calls, tokens: what the search took, of both roles."""

    text: str
    calls: int
    tokens: int


def ape(follower: Follower, generator: LanguageModel, shown: Examples, *, count: int) -> Found:
    """`count` proposals drawn from half of the examples, then half as many resamplings of the best
    (APE's Monte Carlo step), each scored on the other half."""
    middle = max(1, len(shown.rows) // 2)
    first, second = shown.part(shown.rows[:middle]), shown.part(shown.rows[middle:])
    before, calls = follower.tokens, 0
    asked = meta_prompt(shown.labels, first.rows, form="clues").text
    texts, tokens = _drawn(generator, asked, count, 0)
    scored = {text: _f1(follower, text, second) for text in texts}
    calls += count + len(scored) * len(second.rows)
    best = max(scored, key=lambda text: scored[text])
    again = (
        "Write another version of this instruction that means the same.\n"
        f"Instruction: {best}\nReply with the instruction only."
    )
    more, spent = _drawn(generator, again, max(1, count // 2), 1)
    tokens += spent
    new = {text: _f1(follower, text, second) for text in more if text not in scored}
    calls += max(1, count // 2) + len(new) * len(second.rows)
    scored |= new
    return Found(
        max(scored, key=lambda text: scored[text]), calls, tokens + follower.tokens - before
    )


def gepa(
    follower: Follower, generator: LanguageModel, shown: Examples, *, calls: int
) -> Found | None:
    """GEPA with the paper's budget: the naive seed, a third of the examples to reflect on and two
    thirds to validate, reflection by the generator. None where the library is not installed."""
    if importlib.util.find_spec("gepa") is None:
        return None
    import gepa as library

    third = max(1, len(shown.rows) // 3)
    before, spent = follower.tokens, [0, 0]

    def reflect(prompt: Any) -> str:
        text = prompt if isinstance(prompt, str) else str(prompt[-1]["content"])
        made, used = _drawn(generator, text, 1, spent[0])
        spent[0], spent[1] = spent[0] + 1, spent[1] + used
        return made[0]

    result = library.optimize(
        seed_candidate={"instruction": NAIVE},
        trainset=list(shown.rows[:third]),
        valset=list(shown.rows[third:]),
        adapter=_adapter(follower, shown.labels),
        reflection_lm=reflect,
        max_metric_calls=calls,
        reflection_minibatch_size=min(3, third),
        display_progress_bar=False,
        logger=_Silent(),
        seed=0,
    )
    text = str(result.best_candidate["instruction"])
    used = int(result.total_metric_calls or calls)
    return Found(text, used + spent[0], spent[1] + follower.tokens - before)


class _Silent:
    """The library's log, which it would print."""

    def log(self, message: str) -> None: ...


def _adapter(follower: Follower, labels: Sequence[str]) -> Any:
    """The follower as GEPA's library wants to be given one."""
    from gepa.core.adapter import EvaluationBatch

    class Adapter:
        propose_new_texts = None

        def evaluate(self, batch: Any, candidate: Any, capture_traces: bool = False) -> Any:
            said = follower.answers(candidate["instruction"], labels, [r.text for r in batch]).said
            traces = [{"row": r, "said": s} for r, s in zip(batch, said)]
            return EvaluationBatch(
                outputs=list(said),
                scores=[float(r.label == s) for r, s in zip(batch, said)],
                trajectories=traces if capture_traces else None,
            )

        def make_reflective_dataset(
            self, candidate: Any, eval_batch: Any, components_to_update: Any
        ) -> Any:
            told = [
                {
                    "Inputs": trace["row"].text,
                    "Generated Outputs": trace["said"],
                    "Feedback": f"The right label is {trace['row'].label}.",
                }
                for trace in eval_batch.trajectories
            ]
            return {name: told for name in components_to_update}

    return Adapter()


def _f1(follower: Follower, text: str, rows: Examples) -> float:
    found = follower.answers(text, rows.labels, rows.texts)
    return macro_f1(rows.gold, found.said, rows.labels).macro


def _drawn(model: LanguageModel, prompt: str, count: int, seed: int) -> tuple[list[str], int]:
    request = Request.of(
        prompt, max_tokens=MOST, temperature=1.0, n=count, context=CallContext(seed=seed)
    )
    (made,) = model.generate([request])
    every = [made, *made.others]
    texts = [one.text.strip() for one in every if one.finish != "error" and one.text.strip()]
    if not texts:
        raise BackendUnavailable(
            f"models.{model.info.name} wrote nothing: {made.error or made.finish}", "try again"
        )
    return texts, made.usage.prompt + sum(one.usage.spent for one in every)
