"""The paper's data pipeline over a hub's text classification sets, and its full-scale run.

Steps: list sets; name the input and label columns from three rows; keep configurations that are
classification with rows enough; part them by family; draw contexts of 5, 10, 20 and 50 examples
with test rows of their own. Every step takes plain rows, so that all but the listing and the
streaming is tested on fixtures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any

from agentkit.capabilities import Example, Grammar, LanguageModel, Message, Request
from agentkit.errors import DataError
from agentkit.seeds import derive
from agentkit_prompt_mii.examples import Examples, checked
from agentkit_prompt_mii.nearness import Collection, family_of, parted
from agentkit_prompt_mii.template import meta_prompt

if TYPE_CHECKING:
    from agentkit.bench import Bench, Result

POOL, TEST = 1000, 200  # rows of a configuration: to draw contexts from, to be scored on
CONFIGS = 10  # of one data set
BUFFER, SEED = 5000, 42
PASSES = ((5, 1.0), (10, 0.3), (20, 0.2), (50, 0.1))
SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
BASE = "Qwen/Qwen2.5-7B-Instruct"
Rows = Iterable[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column is read and which is said."""

    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """One that was kept."""

    name: str
    origin: str
    examples: Examples

    def collection(self) -> Collection:
        return Collection(self.name, self.origin, self.examples.labels, tuple(self.examples.texts))


def name_columns(model: LanguageModel, rows: Sequence[Mapping[str, Any]]) -> Columns:
    """Asks a model for the columns, from three rows; it can name only columns that are there.

    Raises:
        DataError: there are fewer than two columns, or it named one twice.
    """
    names = list(rows[0]) if rows else []
    if len(names) < 2:
        raise DataError(f"{len(names)} columns cannot hold a text and a label", "skip it")
    schema = {
        "type": "object",
        "properties": {"text": {"enum": names}, "label": {"enum": names}},
        "required": ["text", "label"],
        "additionalProperties": False,
    }
    shown = "\n".join(json.dumps(dict(r), ensure_ascii=False, default=str)[:800] for r in rows[:3])
    request = Request(
        (
            Message.user(
                "Three rows of a classification data set, one a line:\n"
                f"{shown}\nWhich column is the text to classify, and which is its label?"
            ),
        ),
        grammar=Grammar("json", schema),
        max_tokens=100,
    )
    (made,) = model.generate([request])
    if made.finish == "error":
        raise DataError(f"no columns were named: {made.error}", "try again")
    plain = json.loads(made.text)
    if plain["text"] == plain["label"]:
        raise DataError(f"the column {plain['text']!r} was named for both", "name them by hand")
    return Columns(plain["text"], plain["label"])


def configuration(
    name: str, origin: str, rows: Rows, columns: Columns, names: Sequence[str] = ()
) -> Configuration:
    """The first POOL + TEST labelled, distinct rows.

    Args:
        names: of integer labels.

    Raises:
        DataError: it is no classification, or has too few rows; says which.
    """
    pairs = []
    for row in islice(rows, 3 * (POOL + TEST)):
        text, label = row.get(columns.text), row.get(columns.label)
        if isinstance(label, int) and not isinstance(label, bool) and names:
            if not 0 <= label < len(names):
                continue  # -1 stands for no label; the official code takes the last name for it
            label = names[label]
        if isinstance(text, str) and text.strip() and label not in (None, "", -1):
            pairs.append((text, label if isinstance(label, str) else str(label)))
    made = checked(pairs)
    if len(made.rows) < POOL + TEST:
        raise DataError(
            f"{name}: {len(made.rows)} distinct labelled rows, {POOL + TEST} are needed", "skip it"
        )
    return Configuration(name, origin, made.part(made.rows[: POOL + TEST]))


def contexts(known: Sequence[Configuration], seed: int, rows: int = 60) -> Iterator[Example]:
    """Training examples for the reward `prompt-mii`: every set once with 5 examples, some again
    with more, each with its own balanced test rows out of the set's test pool."""
    rng = Random(derive(seed, "contexts"))
    for one in known:
        pool, test = one.examples.rows[:-TEST], one.examples.rows[-TEST:]
        for size, share in PASSES:
            if rng.random() >= share:
                continue
            drawn = derive(seed, f"{one.name} {size}")
            shown = Random(drawn).sample(pool, min(size, len(pool)))
            judged = one.examples.part(test).balanced(rows, drawn)
            yield Example(
                f"{one.name}@{size}",
                {
                    "prompt": meta_prompt(one.examples.labels, shown).text,
                    "labels": list(one.examples.labels),
                    "rows": [[r.text, r.label] for r in judged],
                    "family": one.origin,
                },
            )


def listed(most: int = 7000) -> list[str]:
    """Ids of the hub's text classification sets, most downloaded first."""
    from huggingface_hub import HfApi

    found = HfApi().list_datasets(filter="task_categories:text-classification", sort="downloads")
    return [one.id for one in islice(found, most)]


def streamed(origin: str) -> Iterator[tuple[str, Rows, Mapping[str, Sequence[str]]]]:
    """(configuration, shuffled rows, names of integer labels by column) of at most CONFIGS."""
    import datasets

    for config in datasets.get_dataset_config_names(origin)[:CONFIGS]:
        splits = datasets.get_dataset_split_names(origin, config)
        split = "train" if "train" in splits else splits[0]
        rows = datasets.load_dataset(origin, config, split=split, streaming=True)
        features = rows.features or {}
        names = {n: list(f.names) for n, f in features.items() if hasattr(f, "names")}
        yield config, rows.shuffle(seed=SEED, buffer_size=BUFFER), names


def collected(
    origins: Sequence[str],
    model: LanguageModel,
    told: Callable[[int, int, str], None],
    stream: Callable[[str], Iterable[tuple[str, Rows, Mapping[str, Sequence[str]]]]] = streamed,
) -> list[Configuration]:
    """All configurations that are kept. One that cannot be used is told and left out."""
    made = []
    for number, origin in enumerate(origins, 1):
        why = ""
        try:
            for config, rows, names in stream(origin):
                taken = list(islice(rows, 3 * (POOL + TEST)))
                try:
                    columns = name_columns(model, taken[:3])
                    own = names.get(columns.label, ())
                    made.append(configuration(f"{origin}/{config}", origin, taken, columns, own))
                except DataError as error:
                    why = error.message
        except Exception as error:  # the hub's client raises many unrelated kinds
            why = f"{type(error).__name__}: {error}"
        told(number, len(origins), why)
    return made


def split(known: Sequence[Configuration], seed: int = 0) -> dict[str, list[Configuration]]:
    """By family; texts that two sides have are left out of the later one."""
    by_name = {one.name: one for one in known}
    made: dict[str, list[Configuration]] = {}
    for side, collections in parted([c.collection() for c in known], SHARES, seed).items():
        made[side] = []
        for one in collections:
            kept, old = set(one.texts), by_name[one.name]
            rows = [r for r in old.examples.rows if r.text in kept]
            if len(rows) > TEST:
                made[side].append(Configuration(old.name, old.origin, old.examples.part(rows)))
    return made


def measured(bench: Bench) -> Result:
    """The paper's row: list, collect, train by `ring` against a follower, judge on others."""
    from agentkit.bench import Metric, Result, interval
    from agentkit_prompt_mii.follower import Follower
    from agentkit_prompt_mii.inducing import InstructionInducer
    from agentkit_prompt_mii.made.bed import with_weights
    from agentkit_prompt_mii.scoring import macro_f1
    from agentkit_prompt_mii.template import NAIVE

    kit, out = bench.kit, bench.out
    kit.define("model", "mii-base", use="transformers", model=BASE, device="cuda")
    kit.define("reward", "mii-f1", use="prompt-mii", follower="mii-base")
    kit.define(
        "trainer", "mii-ring", use="ring", model="mii-base", rewards=["mii-f1"], mask="none",
        schedule="synchronous", group=5, prompts=64, clip=[0.2, 0.4], mean="sequence", updates=2,
        rate=2e-6, warmup=10, limit=1024, steps=900, engine="batched", keep=50,
    )  # fmt: skip

    def told(done: int, total: int, why: str) -> None:
        bench.progress.update(done, total)

    base = kit.model("mii-base")
    sides = split(collected(listed(), base, told))
    resume = (out / "ring" / "checkpoint").exists()
    kit.part("trainer", "mii-ring").train(
        list(contexts(sides["train"], 0)), out / "ring", bench.progress, resume=resume
    )
    from agentkit.models.files.loading import locate

    folder = with_weights(
        locate(BASE, out), out / "ring" / "checkpoint" / "model.safetensors", out / "trained"
    )
    kit.define("model", "mii-trained", use="transformers", model=str(folder), device="cuda")
    follower, scores = Follower(base), dict[str, list[float]]()
    for one in sides["test"]:
        shown = one.examples.part(one.examples.rows[:20])
        held = one.examples.part(one.examples.rows[-TEST:])
        prompts = {"naive": NAIVE}
        for name in ("mii-base", "mii-trained"):
            prompts[name] = InstructionInducer(kit.model(name), follower).induce(shown).text
        for name, text in prompts.items():
            said = follower.answers(text, held.labels, held.texts).said
            scores.setdefault(name, []).append(macro_f1(held.gold, said, held.labels).macro)
    gain = [a - b for a, b in zip(scores["mii-trained"], scores["mii-base"])]
    return Result(
        {
            "macro-F1": interval(scores["mii-trained"], center="mean"),
            "gain over untrained": interval(gain, center="mean"),
            "training sets": Metric(float(len(sides["train"]))),
        },
        "The paper's own row, with families apart, an invalid class, and fresh test rows.",
        baselines={
            name: {"macro-F1": interval(scores[name], center="mean")}
            for name in ("naive", "mii-base")
        },
    )


def checked_steps() -> list[str]:
    """For the dry run: each step on a fixture of a few rows, and the base's shapes."""
    from agentkit.testing.fakes import ScriptedModel

    def row(origin: str, n: int) -> dict[str, Any]:
        words = " ".join(f"{origin}{n * k}" for k in (1, 3, 7, 11))
        return {"id": n, "sentence": f"{words}.", "label": n % 3 - 1}

    def stream(origin: str) -> Iterator[tuple[str, Rows, Mapping[str, Sequence[str]]]]:
        for config in ("one", "two"):
            rows = [row(origin, n) for n in range(3 * (POOL + TEST))]
            yield config, rows, {"label": ["bad", "good"]}

    model = ScriptedModel.of('{"text": "sentence", "label": "label"}')
    faults: list[str] = []
    known = collected(["a", "b", "c"], model, lambda _n, _of, why: faults.append(why), stream)
    families = family_of([c.collection() for c in known])
    sides = split(known)
    made = [one for side in sides.values() for one in contexts(side, 0)]
    return [
        f"columns named and {len(known)} of 6 configurations kept; rows labelled -1 left out",
        f"{len(set(families.values()))} families; siblings stay together",
        f"{len(made)} contexts of {sorted({one.id.rpartition('@')[2] for one in made})} examples, "
        f"{len(made[0].data['rows'])} test rows each",
        _shapes(),
    ]


def _shapes() -> str:
    """The base on the meta device."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(
        vocab_size=152064,
        hidden_size=3584,
        intermediate_size=18944,
        num_hidden_layers=28,
        num_attention_heads=28,
        num_key_value_heads=4,
        tie_word_embeddings=False,
    )
    with torch.device("meta"):
        module = Qwen2ForCausalLM(config)
    size = sum(p.numel() for p in module.parameters())
    if not 7.5e9 < size < 7.7e9:
        raise DataError(f"{BASE} has {size:,} weights here, not 7.6 thousand million", "")
    return f"{BASE}: {size / 1e9:.2f} thousand million weights, built on the meta device"
