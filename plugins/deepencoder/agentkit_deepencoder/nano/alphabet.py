"""The nano model's tokens: characters, the tags of the published format, and whole prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

TAGS = ("<|begin|>", "<|end|>", "<unk>", "<image>", "<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>")
PHRASES = (
    "<|grounding|>OCR this image.",
    "<|grounding|>Convert the document to markdown.",
    "Free OCR.",
    "Parse the figure.",
    "Describe this image in detail.",
    "Locate ",
    "Count ",
    " in the image.",
)
"""Prompts, or their halves, that are one token each."""
CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789 \n.,:;-()='\"/_[]"
SPECIAL = (*TAGS, *PHRASES)
SIZE = len(SPECIAL) + len(CHARACTERS)
IMAGE = TAGS.index("<image>")
FIRST = len(SPECIAL)
"""Id of the first character."""
ID = {character: FIRST + place for place, character in enumerate(CHARACTERS)}


def spell(text: str) -> list[int]:
    """Ids of a text that has only CHARACTERS."""
    return [ID[character] for character in text]


def plain(text: str) -> str:
    """The text with what the alphabet lacks left out: lower case, runs of blanks as one."""
    known = (c if c in ID and c not in "\n[]" else " " for c in text.lower())
    return " ".join("".join(known).split())


def tokenizer() -> Any:
    """As the `tokenizers` library has it; what is saved as tokenizer.json."""
    from tokenizers import (
        AddedToken,
        Regex,
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
    )

    vocabulary = {text: number for number, text in enumerate((*SPECIAL, *CHARACTERS))}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    made.decoder = decoders.Fuse()
    made.add_special_tokens([AddedToken(tag, normalized=False, special=True) for tag in TAGS])
    made.add_tokens([AddedToken(text, normalized=False) for text in PHRASES])
    return made


def unspell(ids: Sequence[int]) -> str:
    """The text of ids, tags included."""
    every = (*SPECIAL, *CHARACTERS)
    return "".join(every[i] for i in ids)
