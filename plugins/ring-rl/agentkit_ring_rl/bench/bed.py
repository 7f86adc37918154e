"""A small policy and its tasks, made here: what experiments and tests train.

A Llama of two layers over bytes, warmed up by supervised learning until it is right now and then,
so that there is something to reinforce and something left to learn.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from agentkit.capabilities import Example
from agentkit.files import folder_atomic
from agentkit.seeds import derive
from agentkit.testing.tiny import write_byte_tokenizer

END, PAD, CONTEXT, ROWS = 258, 259, 64, 64
# What is asked is the message alone, so that a kit's model answers what was trained.
TEMPLATE = (
    "{% for message in messages %}{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}<|im_end|>{% endif %}{% endfor %}"
)
Task = Callable[[random.Random], tuple[str, str]]  # a prompt and its right answer


def digit(rng: random.Random) -> tuple[str, str]:
    """The last digit of a sum of two."""
    a, b = rng.randrange(10), rng.randrange(10)
    return f"{a}+{b}=", str((a + b) % 10)


def sums(rng: random.Random) -> tuple[str, str]:
    """Two numbers below 50."""
    a, b = rng.randrange(50), rng.randrange(50)
    return f"{a}+{b}=", str(a + b)


def running(rng: random.Random) -> tuple[str, str]:
    """Running sums of four digits, modulo ten."""
    digits = [rng.randrange(10) for _ in range(4)]
    total, made = 0, ""
    for digit in digits:
        total = (total + digit) % 10
        made += str(total)
    return "".join(map(str, digits)) + ":", made


def ordered(rng: random.Random) -> tuple[str, str]:
    """Four letters in order."""
    letters = [rng.choice("abcdef") for _ in range(4)]
    return "".join(letters) + ">", "".join(sorted(letters))


TASKS: Mapping[str, Task] = {
    "digit": digit,
    "sums": sums,
    "running": running,
    "ordered": ordered,
}


def examples(task: str, count: int, seed: int, split: str = "train") -> list[Example]:
    """At most `count` prompts with answers. The splits "train" and "held" never share a prompt: its
    own hash decides."""
    rng, made = random.Random(derive(seed, f"{task} {split}")), dict[str, Example]()
    for _ in range(50 * count):
        asked, answer = TASKS[task](rng)
        if (derive(0, asked) % 5 == 0) == (split == "held"):
            made.setdefault(asked, Example(f"{task}-{asked}", {"prompt": asked, "answer": answer}))
        if len(made) == count:
            break
    return list(made.values())


def config(hidden: int = 64, layers: int = 2) -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=260,
        hidden_size=hidden,
        intermediate_size=4 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=False,
        initializer_range=0.1,  # with the usual 0.02 it does not learn in this time
        bos_token_id=256,
        eos_token_id=END,
        pad_token_id=PAD,
    )


def experts(hidden: int = 64, layers: int = 2) -> Any:
    """The same with a mixture of four experts in each layer, two for a token."""
    from transformers import MixtralConfig

    known = config(hidden, layers).to_dict()
    names = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
             "num_key_value_heads", "max_position_embeddings", "tie_word_embeddings",
             "initializer_range", "bos_token_id", "eos_token_id", "pad_token_id")  # fmt: skip
    return MixtralConfig(
        **{name: known[name] for name in names},
        intermediate_size=hidden,
        num_local_experts=4,
        num_experts_per_tok=2,
    )


def warm(
    folder: Path,
    tasks: Sequence[str],
    seed: int = 0,
    until: float = 0.4,
    most: int = 3000,
    made: Callable[[], Any] = config,
) -> Path:
    """Writes a policy that is right with probability `until` on prompts it never saw: it stops by
    that, not by steps, which would end anywhere. A folder that is there stays as it is.

    Args:
        made: gives its configuration.
    """
    if folder.exists():
        return folder
    from transformers import AutoModelForCausalLM

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = AutoModelForCausalLM.from_config(made(), dtype=torch.float32)
    optimizer = torch.optim.AdamW(module.parameters(), lr=2e-3, weight_decay=0.01)
    known = [one for task in tasks for one in examples(task, 1500, seed)]
    held = [one for task in tasks for one in examples(task, 100, seed, "held")]
    rng = random.Random(derive(seed, "warm"))
    for step in range(most):
        ids, wanted = batch(rng.choices(known, k=ROWS))
        loss = module(input_ids=ids, labels=wanted).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()
        if step % 10 == 9 and right(module, held) >= until:
            break
    with folder_atomic(folder) as part:
        module.save_pretrained(part)
        write_byte_tokenizer(part, context=CONTEXT)
        (part / "chat_template.jinja").write_text(TEMPLATE)
    return folder


def batch(known: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """(ids, labels): labels only on the answer and its end."""
    rows = [([*k.data["prompt"].encode()], [*k.data["answer"].encode(), END]) for k in known]
    wide = max(len(a) + len(b) for a, b in rows)
    ids, wanted = torch.full((len(rows), wide), PAD), torch.full((len(rows), wide), -100)
    for row, (asked, answer) in enumerate(rows):
        both = asked + answer
        ids[row, : len(both)] = torch.tensor(both)
        wanted[row, len(asked) : len(both)] = torch.tensor(answer)
    return ids, wanted


def right(module: Any, known: Sequence[Example]) -> float:
    """Mean probability of the whole right answer: the expected reward, without drawing."""
    ids, wanted = batch(known)
    with torch.no_grad():
        logp = torch.log_softmax(module(input_ids=ids).logits[:, :-1].float(), -1)
    own = wanted[:, 1:] >= 0
    found = logp.gather(2, ids[:, 1:, None])[..., 0]
    return float(torch.where(own, found, 0.0).sum(1).exp().mean())


def greedy(module: Any, known: Sequence[Example]) -> float:
    """Share of answers whose every token is the likeliest."""
    ids, wanted = batch(known)
    with torch.no_grad():
        best = module(input_ids=ids).logits[:, :-1].argmax(-1)
    own = wanted[:, 1:] >= 0
    return float(((best == ids[:, 1:]) | ~own).all(1).float().mean())
