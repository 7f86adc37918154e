"""`context-compression`: what older turns are still worth, by the tokens that they may take.

DeepSeek-OCR's section 5 proposes pages at falling resolution for what was said long ago, and
measures nothing of it. Here codes are planted in conversations at known ages, and asked for at the
end, with several strategies at the same budgets.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from agentkit.bench import Bench, Experiment, Figure, Metric, Needs, Result, proportion
from agentkit.capabilities import (
    Context,
    Image,
    LanguageModel,
    Message,
    Packed,
    Perception,
    Request,
)
from agentkit.capabilities.analyzer import Table
from agentkit.models.context import content, measure
from agentkit_deepencoder.bench.strategies import Summary, abstractive, extractive
from agentkit_deepencoder.bench.talk import Needle, Talk, central, holds, rare, talk

SHARES = (2, 4, 8)
"""A budget is the whole conversation's tokens over one of these."""
OPTICAL = "pages as pictures"
CUT = "cut off"
AGES = ((0.0, 1 / 3, "new"), (1 / 3, 2 / 3, "middle"), (2 / 3, 1.01, "old"))
EYE = "context-eye"


def strategies(bench: Bench, model: LanguageModel, summaries: bool) -> dict[str, Context]:
    """All that are compared, by name."""
    ways: dict[str, dict[str, Any]] = {
        "context-pictures": {"way": "pictures"},
        "context-read": {"way": "text"},
        "context-read-sharp": {"way": "text", "ladder": ["base"]},
    }
    for name, settings in ways.items():
        bench.kit.define("context", name, use="optical", perception=EYE, **settings)
    bench.kit.define("context", "context-window", use="window")
    bench.kit.define("context", "context-relevant", use="relevant")

    def part(name: str) -> Context:
        made: Context = bench.kit.part("context", f"context-{name}")
        return made

    found: dict[str, Context] = {
        CUT: part("window"),
        "summary, common words": Summary(extractive(central)),
        "summary, rare words": Summary(extractive(rare)),
        OPTICAL: part("pictures"),
        "pages read back": part("read"),
        "pages read back, all sharp": part("read-sharp"),
        "turns chosen by the question": part("relevant"),
    }
    if summaries:
        found["summary by the model"] = Summary(abstractive(model))
    return found


def told(packed: Packed, eye: Perception, seen: dict[bytes, str]) -> str:
    """All that can be read in what is sent: its text, and what an eye makes out in its pictures."""
    said = []
    for message in packed.messages:
        said.append(content(message))
        for part in message.parts:
            if isinstance(part, Image):
                if part.data not in seen:
                    (found,) = eye.see([part])
                    seen[part.data] = "\n".join(block.text for block in found.blocks)
                said.append(seen[part.data])
    return "\n".join(said)


def cell(
    spoken: Talk,
    context: Context,
    budget: int,
    model: LanguageModel,
    eye: Perception,
    seen: dict[bytes, str],
    ask: int,
) -> dict[str, Any]:
    """One conversation, one strategy, one budget: for each needle whether it is still there."""
    rows: dict[str, Any] = {"age": [], "kept": [], "tokens": [], "dropped": [], "answered": []}
    for number, needle in enumerate(spoken.needles):
        messages = (*spoken.messages, Message.user(needle.question))
        packed = context.pack(messages, budget, model)
        rows["age"].append(needle.age)
        rows["kept"].append(holds(told(packed, eye, seen), needle.answer))
        rows["tokens"].append(packed.tokens)
        rows["dropped"].append(len(packed.dropped))
        pictures = any(isinstance(p, Image) for m in packed.messages for p in m.parts)
        if number < ask and not pictures:
            rows["answered"].append(answered(model, packed, needle))
    return rows


def answered(model: LanguageModel, packed: Packed, needle: Needle) -> bool:
    request = Request(packed.messages, max_tokens=32)
    (made,) = model.generate([request])
    return holds(made.text, needle.answer)


def compression(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    turns = int(bench.options.get("turns", 8 if quick else 36))
    needles = int(bench.options.get("needles", 2 if quick else 9))
    ask = int(bench.options.get("ask", 0 if quick else 2))
    named = bench.options.get("model", "small")
    summaries = bench.options.get("summaries", "no" if quick else "yes") == "yes"
    model = bench.kit.model(named)
    bench.kit.define("perception", EYE, use="rapidocr", confidence=0.0)
    eye: Perception = bench.kit.part("perception", EYE)
    compared = strategies(bench, model, summaries)
    about = f"{model.info.fingerprint} {turns} {needles} {ask}"
    seen: dict[bytes, str] = {}
    cells: dict[tuple[str, int], dict[str, list[Any]]] = {}
    whole = []
    jobs = [(s, n, d) for s in bench.seeds for n in compared for d in SHARES]
    for done, (seed, name, divisor) in enumerate(jobs):
        spoken = talk(seed, turns, needles)
        tokens = measure(spoken.messages, model)
        if not done % (len(compared) * len(SHARES)):
            whole.append(tokens)
        budget = tokens // divisor
        found = bench.once(
            f"{about} {seed} {name} {divisor}",
            partial(cell, spoken, compared[name], budget, model, eye, seen, ask),
        )
        kept = cells.setdefault((name, divisor), {})
        for key, values in found.items():
            kept.setdefault(key, []).extend(values)
        bench.progress.update(done + 1, len(jobs))
    rows = [_row(name, divisor, found) for (name, divisor), found in cells.items()]
    figures = {name: _metrics(name, cells) for name in compared}
    middle = f"codes kept at 1/{SHARES[1]} of the tokens"
    best = figures[OPTICAL][middle].value
    read = figures["pages read back"][middle].value
    chosen = figures["turns chosen by the question"][middle].value
    summed = max(f[middle].value for n, f in figures.items() if n.startswith("summary"))
    return Result(
        figures[OPTICAL],
        "The paper proposes this and measures nothing of it. "
        f"Conversations of {sum(whole) / len(whole):.0f} tokens on average; at a quarter of them, "
        f"{best:.0%} of the codes can still be read in what is sent as pages, "
        f"{figures[CUT][middle].value:.0%} where the oldest turns are cut off, {summed:.0%} in the "
        "better summary. Whether a code can be read on a page is what RapidOCR says, and tokens of "
        "a page are as DeepSeek-OCR counts them: it is what the pixels still hold, not what that "
        "model would decode. Read back as text for a model without eyes, "
        f"{read:.0%} are kept, "
        "because pieces are chosen by the question; the same choice among the turns' own text "
        f"keeps {chosen:.0%}: for such a model pages gain nothing over text.",
        baselines={name: found for name, found in figures.items() if name != OPTICAL},
        tables=[
            Table(
                "strategies",
                (
                    "strategy",
                    "budget",
                    "tokens",
                    "kept",
                    *(f"kept, {name}" for *_, name in AGES),
                    "turns left out",
                    "answered",
                    "asked",
                ),
                tuple(rows),
            )
        ],
        figures=[Figure("codes kept against tokens", partial(_draw, cells))],
    )


def _row(name: str, divisor: int, found: dict[str, list[Any]]) -> tuple[Any, ...]:
    def mean(values: Sequence[float]) -> float | str:
        return round(sum(values) / len(values), 3) if values else ""

    by_age = [
        mean([k for k, age in zip(found["kept"], found["age"]) if low <= age < high])
        for low, high, _ in AGES
    ]
    return (
        name,
        f"1/{divisor}",
        round(sum(found["tokens"]) / len(found["tokens"])),
        mean(found["kept"]),
        *by_age,
        mean(found["dropped"]),
        mean(found["answered"]),
        len(found["answered"]),
    )


def _metrics(name: str, cells: dict[tuple[str, int], dict[str, list[Any]]]) -> dict[str, Metric]:
    made = {}
    for divisor in SHARES:
        kept = cells[name, divisor]["kept"]
        made[f"codes kept at 1/{divisor} of the tokens"] = proportion(sum(kept), len(kept))
    return made


def _draw(cells: dict[tuple[str, int], dict[str, list[Any]]], axes: Any) -> None:
    for name in dict.fromkeys(name for name, _ in cells):
        points = sorted(
            (sum(c["tokens"]) / len(c["tokens"]), sum(c["kept"]) / len(c["kept"]))
            for (n, _), c in cells.items()
            if n == name
        )
        axes.plot(*zip(*points), marker="o", label=name)
    axes.set_xscale("log")
    axes.set_xlabel("tokens sent")
    axes.set_ylabel("codes that can still be read")
    axes.legend(fontsize="small")


COMPRESSION = Experiment(
    name="context-compression",
    question="What of a long conversation is kept by the tokens that its older turns may take?",
    run=compression,
    claim="",
    seeds=(0, 1, 2),
    needs={
        "quick": Needs(weights=("smollm2-135m",), memory=1 << 30, hours=0.02),
        "normal": Needs(weights=("smollm2-135m",), memory=2 << 30, hours=0.75),
    },
    options={
        "model": "whose tokens are counted, and who answers and summarises; small by default",
        "turns": "of a conversation",
        "needles": "codes in a conversation, each asked for",
        "ask": "questions of each kind that the model itself answers",
        "summaries": "yes or no: whether the model summarises",
    },
)
