"""Do answers under a grammar fit their schemas, and what does that cost per token?"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from agentkit.bench.experiment import (
    Bench,
    Experiment,
    Metric,
    Needs,
    Result,
    interval,
    proportion,
)
from agentkit.bench.schemas import FORMATS, KEYWORDS, Case, cases
from agentkit.capabilities import (
    CallContext,
    Completion,
    Draw,
    Grammar,
    Grammars,
    LanguageModel,
    Message,
    Request,
    Table,
    Tokens,
)
from agentkit.errors import GrammarDeadEnd, RunInterrupted, Unsupported
from agentkit.seeds import derive

GROUP = 8  # cases answered in one batch, and kept together when a run is interrupted
TOKENS = 256  # of an answer
FREE, LENIENT = "without a grammar", "without a grammar, JSON cut out of the text"
_FENCED = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)
# Longer than any piece of work here, so that no row ends early.
ENDLESS = {
    "type": "array",
    "minItems": 200,
    "items": {
        "type": "object",
        "properties": {
            "name": {"enum": ["search", "open", "answer"]},
            "text": {"type": "string", "maxLength": 40},
            "count": {"type": "integer", "minimum": 0, "maximum": 999},
            "sure": {"type": "boolean"},
        },
        "required": ["name", "text", "count", "sure"],
    },
}

Outcome = dict[str, Any]  # of one case: valid, lenient, finish, tokens, why


def grammar(bench: Bench) -> Result:
    """Validity first, then cost; every case is asked with and without its grammar."""
    quick = bench.scale == "quick"
    name = bench.options.get("model", "smollm2-135m")
    bench.kit.define("model", "bench-grammar", use="transformers", model=name, threads=1)
    model = bench.kit.model("bench-grammar")
    able = model.ability(Grammars)
    asked = cases(10 if quick else int(bench.options.get("schemas", "200")), bench.seeds[0])
    refusals = {case.name: why for case in asked if (why := refusal(able, case.schema))}
    kept = [case for case in asked if case.name not in refusals]
    batches = (1, 8) if quick else (1, 8, 16)
    groups = [kept[at : at + GROUP] for at in range(0, len(kept), GROUP)]
    total = len(groups) + len(batches)
    bound: list[Outcome] = []
    free: list[Outcome] = []
    for done, group in enumerate(groups):
        bench.progress.update(done, total)
        names = ", ".join(case.name for case in group)
        for outcomes, kind in ((bound, "json"), (free, "")):
            unit = f"{name} {bench.seeds[0]} {kind or 'free'} {names}"
            outcomes += bench.once(unit, partial(answer, model, group, bool(kind)))
    metrics: dict[str, Metric] = {
        "valid answers": proportion(sum(o["valid"] for o in bound), len(bound)),
        "cut by their budget": proportion(sum(o["finish"] == "length" for o in bound), len(bound)),
        "refused schemas": proportion(len(refusals), len(asked)),
    }
    theirs = {
        FREE: {"valid answers": proportion(sum(o["valid"] for o in free), len(free))},
        LENIENT: {"valid answers": proportion(sum(o["lenient"] for o in free), len(free))},
    }
    rows = []
    for done, batch in enumerate(batches, len(groups)):
        bench.progress.update(done, total)
        found = overhead(bench, model, batch, rounds=3 if quick else 9, new=16 if quick else 48)
        metrics |= {f"{key}, batch {batch}": metric for key, metric in found.items()}
        rows.append((batch, *(round(m.value, 3) for m in found.values())))
        columns = ("batch", *(f"{k} ({m.unit or 'ratio'})" for k, m in found.items()))
    words = {word: refusal(able, schema) for word, schema in KEYWORDS.items()}
    failed = [(c.name, o["why"]) for c, o in zip(kept, bound) if not o["valid"]]
    return Result(
        metrics,
        _verdict(name, metrics, theirs, [word for word, why in words.items() if why]),
        baselines=theirs,
        tables=[
            Table("Cost", columns, tuple(rows)),
            Table(
                "Keywords",
                ("keyword", "enforced"),
                tuple((w, y or "yes") for w, y in words.items()),
            ),
            Table("Refused schemas", ("schema", "why"), tuple(refusals.items())),
            Table("Answers under a grammar that were not valid", ("schema", "why"), tuple(failed)),
        ],
    )


def refusal(able: Grammars, schema: Any) -> str:
    """Why the library does not take a schema; "" where it does."""
    try:
        able.check_grammar(Grammar("json", schema))
    except (Unsupported, GrammarDeadEnd) as error:
        return error.message[:200]
    return ""


# -- validity -------------------------------------------------------------------------------------


def answer(model: LanguageModel, group: Sequence[Case], bound: bool) -> list[Outcome]:
    """Greedy answers, each with what came of it."""
    requests = [
        Request.of(
            Message.system("You answer with JSON and nothing else."),
            f"{case.task}\nAnswer with one JSON value that follows this JSON Schema:\n"
            f"{json.dumps(case.schema)}",
            grammar=Grammar("json", case.schema) if bound else None,
            max_tokens=TOKENS,
            context=CallContext(seed=derive(0, case.name)),
        )
        for case in group
    ]
    return [judged(case, made) for case, made in zip(group, model.generate(requests))]


def judged(case: Case, made: Completion) -> Outcome:
    why = made.error or fault(case.schema, made.text)
    cut = next((t for t in candidates(made.text) if not fault(case.schema, t)), None)
    return {
        "valid": not why,
        "lenient": cut is not None,
        "finish": made.finish,
        "tokens": made.usage.completion,
        "why": why[:200],
    }


def fault(schema: Any, text: str) -> str:
    """Why a text is no JSON of this schema; "" where it is. Formats count."""
    import jsonschema

    checker = jsonschema.FormatChecker(FORMATS)
    kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
    try:
        wrong = next(kind(schema, format_checker=checker).iter_errors(json.loads(text)), None)
    except ValueError as error:
        return f"no JSON: {error}"
    return "" if wrong is None else f"{wrong.json_path}: {wrong.message}"


def candidates(text: str) -> list[str]:
    """What a forgiving reader would take for the JSON in a text."""
    found = [text, *_FENCED.findall(text)]
    for opened, ended in ("{}", "[]"):
        if 0 <= text.find(opened) < text.rfind(ended):
            found.append(text[text.find(opened) : text.rfind(ended) + 1])
    return found


# -- cost -----------------------------------------------------------------------------------------


def overhead(
    bench: Bench, model: LanguageModel, batch: int, *, rounds: int, new: int
) -> dict[str, Metric]:
    """The same prompts with and without a grammar, in turns: ratios round by round, and the time
    that the masks alone take for the tokens that were drawn."""
    import torch

    tokens = model.ability(Tokens)
    noise = torch.Generator().manual_seed(derive(bench.seeds[0], "bench-grammar", batch))
    prompts = torch.randint(3, 256, (batch, 16), generator=noise).tolist()
    wanted = Grammar("json", ENDLESS)
    walls: dict[bool, list[float]] = {True: [], False: []}
    cpus: dict[bool, list[float]] = {True: [], False: []}
    drawn: list[list[int]] = []

    def work(bound: bool) -> None:
        draws = [Draw(seed=i, stop_ids=(), grammar=wanted if bound else None) for i in range(batch)]
        spans = tokens.extend(tokens.open(prompts), new, draws)
        if bound:
            drawn[:] = [span.ids.tolist() for span in spans]

    for number in range(rounds + 1):
        if bench.progress.cancel:
            raise RunInterrupted
        for bound in (True, False) if number % 2 else (False, True):
            wall, cpu = _cost(partial(work, bound))
            if number:  # the first round warms caches
                walls[bound].append(wall / (batch * new))
                cpus[bound].append(cpu / (batch * new))
    masks = [seconds * 1e6 for seconds in mask_seconds(model, wanted, drawn)]
    return {
        "mask per token": interval(masks, "µs", center="mean"),
        "wall per token": interval([s * 1e3 for s in walls[True]], "ms"),
        "wall per token, free": interval([s * 1e3 for s in walls[False]], "ms"),
        "wall ratio": interval([a / b for a, b in zip(walls[True], walls[False])]),
        "CPU ratio": interval([a / b for a, b in zip(cpus[True], cpus[False])]),
    }


def _cost(work: Callable[[], None]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def mask_seconds(
    model: LanguageModel, wanted: Grammar, drawn: Sequence[Sequence[int]]
) -> list[float]:
    """Seconds of each mask on the way through texts that the grammar allowed, alone in a loop."""
    from agentkit.models.text.grammar import bitmask
    from agentkit.models.transformers import GrammarChecks

    able = model.ability(Grammars)
    assert isinstance(able, GrammarChecks)
    compiler = able.compiler
    bits, found = bitmask(1, compiler.rows), []
    for ids in drawn:
        matcher = compiler.matcher(wanted)
        for token in ids:
            start = time.perf_counter()
            matcher.fill(bits, 0)
            matcher.consume(token)
            found.append(time.perf_counter() - start)
    return found


def _verdict(
    name: str,
    metrics: dict[str, Metric],
    theirs: dict[str, dict[str, Metric]],
    refused: list[str],
) -> str:
    valid, free = metrics["valid answers"], theirs[FREE]["valid answers"]
    lenient = theirs[LENIENT]["valid answers"]
    costs = [
        f"{m.value:.2f}x at batch {key.rsplit(' ', 1)[1]}"
        for key, m in metrics.items()
        if key.startswith("wall ratio")
    ]
    return (
        f"Under a grammar {valid.value:.1%} of {valid.n} answers of {name} parse and validate "
        f"(goal 100 %), greedy, with {TOKENS} tokens at most; the same prompts without one "
        f"{free.value:.1%}, and {lenient.value:.1%} where JSON may be cut out of the text. "
        f"{metrics['refused schemas'].value:.1%} of the schemas were refused beforehand and are "
        f"not counted. Refused keywords: {', '.join(refused) or 'none'}. A valid answer is one of "
        "the right form; nothing here says that it is true. Time per token, beside the same work "
        f"without a grammar in the same run: {', '.join(costs)}; masks are filled beside the "
        "decoder's step, so their own time shows only where a step is short."
    )


GRAMMAR = Experiment(
    name="grammar",
    question="Does every answer under a grammar fit its schema, and what does a token cost then?",
    run=grammar,
    needs={
        "normal": Needs(weights=("smollm2-135m",), memory=4 << 30, hours=0.5),
        "quick": Needs(weights=("smollm2-135m",), memory=4 << 30, hours=0.05),
    },
)
