"""The tiny generator: a Llama of three layers over words, and what it is asked and taught."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from agentkit.capabilities import Example
from agentkit.files import folder_atomic
from agentkit.seeds import derive
from agentkit_prompt_mii.made.families import (
    LABELS,
    NUMBERS,
    WORDS,
    Clause,
    Family,
)

UNKNOWN, PAD, END = "<unk>", "<pad>", "<|im_end|>"
GRAMMAR = ("labels", "|", ":", "write", "if", "else", ";", "not", "has", "over", "before")
VOCABULARY = (UNKNOWN, PAD, END, *GRAMMAR, *NUMBERS, *WORDS, *LABELS)
CONTEXT = 640
LIMIT = 20  # tokens of an instruction; the longest that is right has 14
# What is asked is the message alone; an answer ends as the trainers of the kit expect.
TEMPLATE = (
    "{% for message in messages %}{{ message['content'] }} "
    "{% if message['role'] == 'assistant' %}<|im_end|>{% endif %}{% endfor %}"
)
# Contexts a family as the paper draws them: every one with 5 examples, some with more again.
SIZES = ((5, 1.0), (10, 0.3), (20, 0.2), (50, 0.1))
# The warm start sees few at once, most often: to copy a word is learned soonest from short prompts.
LESSONS = ((3, 1.0), (5, 0.5), (10, 0.2), (20, 0.1))


def prompt(labels: Sequence[str], examples: Sequence[tuple[str, str]]) -> str:
    """What the generator reads: the label list, sorted, and the examples (row, label)."""
    shown = " | ".join(f"{label} : {row}" for row, label in examples)
    return f"labels {' '.join(sorted(labels))} | {shown} | write"


def guess(labels: Sequence[str], examples: Sequence[tuple[str, str]], rng: random.Random) -> str:
    """An instruction that reads well and was never tried: for every label but the last, in chance
    order, a test by chance that one of its examples passes. The warm start imitates this."""
    order = list(labels)
    rng.shuffle(order)
    clauses = []
    for label in order[:-1]:
        own = [row.split() for row, said in examples if said == label]
        row = rng.choice(own) if own else list(rng.sample(WORDS, 3))
        plain = [w for w in row if w != "not"]
        negated = [b for a, b in pairwise(row) if a == "not"]
        tests = [Clause(label, "has", (rng.choice(plain),))]
        if len(plain) > 2:
            tests.append(Clause(label, "over", (NUMBERS[rng.randrange(min(len(plain) - 2, 4))],)))
        if negated:
            tests.append(Clause(label, "not", (rng.choice(negated),)))
        if len(plain) > 1:
            one, other = sorted(rng.sample(range(len(plain)), 2))
            tests.append(Clause(label, "before", (plain[one], plain[other])))
        clauses.append(rng.choice(tests))
    return Family("keyword", (*clauses, Clause(order[-1], "else"))).instruction


def contexts(
    known: Sequence[Family], seed: int, sizes: Sequence[tuple[int, float]] = SIZES
) -> list[tuple[Family, int, int]]:
    """(family, examples, seed of the draw) of one pass over families."""
    rng = random.Random(derive(seed, "contexts"))
    made = [
        (one, size, derive(seed, f"{size} {one.instruction}"))
        for one in known
        for size, share in sizes
        if rng.random() < share
    ]
    rng.shuffle(made)
    return made


def lessons(known: Sequence[Family], seed: int, passes: int) -> list[Example]:
    """What the warm start is taught: contexts with guesses."""
    made = []
    for number in range(passes):
        for one, size, drawn in contexts(known, derive(seed, "lesson", number), LESSONS):
            examples = one.rows(size, drawn, "examples")
            rng = random.Random(derive(drawn, "guess"))
            asked = prompt(one.labels, examples)
            answer = guess(one.labels, examples, rng)
            made.append(Example(f"{number}-{drawn}", {"prompt": asked, "answer": answer}))
    return made


def tasks(
    known: Sequence[Family], seed: int, passes: int, *, rows: int = 60, fixed: bool = False
) -> list[Example]:
    """What the reinforcement works on: a context with rows of its own to be scored on, the same
    for a whole group of answers.

    Args:
        rows: to be scored on.
        fixed: every context of a family is scored on the same rows, as the official code does.
    """
    made = []
    for number in range(passes):
        for one, size, drawn in contexts(known, derive(seed, "task", number)):
            examples = one.rows(size, drawn, "examples")
            seen = {row for row, _ in examples}
            origin = derive(seed, "fixed rows") if fixed else derive(drawn, "fresh rows")
            test = [r for r in one.rows(rows + size, origin, "test") if r[0] not in seen][:rows]
            data = {"prompt": prompt(one.labels, examples), "labels": one.labels, "rows": test}
            made.append(Example(f"{number}-{drawn}", data))
    return made


def write_generator(folder: Path, seed: int, *, layers: int = 3, width: int = 128) -> Path:
    """A generator that has learned nothing yet, as an ordinary model folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,  # a word that was read is easier to write so
        initializer_range=0.05,
        bos_token_id=VOCABULARY.index(PAD),
        eos_token_id=VOCABULARY.index(END),
        pad_token_id=VOCABULARY.index(PAD),
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = LlamaForCausalLM(config)
    with folder_atomic(folder) as made:
        module.save_pretrained(made)
        write_tokenizer(made)
    return folder


def write_tokenizer(folder: Path) -> None:
    """One token a word."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: n for n, word in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(vocab=vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = [AddedToken(t, special=True, normalized=False) for t in (UNKNOWN, PAD, END)]
    tokenizer.add_special_tokens(special)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token=UNKNOWN,
        bos_token=PAD,
        eos_token=END,
        pad_token=PAD,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    end, pad = vocabulary[END], vocabulary[PAD]
    generation = {"bos_token_id": pad, "eos_token_id": end, "pad_token_id": pad}
    (folder / "generation_config.json").write_text(json.dumps(generation))


def with_weights(folder: Path, weights: Path, out: Path) -> Path:
    """The generator of `folder` with trained weights, as a model folder of its own."""
    with folder_atomic(out) as made:
        for path in folder.iterdir():
            if path.suffix != ".safetensors":
                shutil.copy2(path, made / path.name)
        shutil.copy2(weights, made / "model.safetensors")
    return out
