"""Text to ids, with a token for each candidate (the paper's MID).

What stands in a user's text can never become one of those tokens, nor any control token.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.trainers import BpeTrainer

from agentkit.errors import ModelFileError

PAD, CLS, SEP, EOS = CONTROL = ("<|pad|>", "<|cls|>", "<|sep|>", "<|eos|>")


class Words:
    """A tokenizer. mids: ids of the candidates' tokens, in the candidates' order."""

    def __init__(self, tokenizer: Tokenizer, candidates: int, control: Sequence[str]) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True  # "<Model_2>" in a text is nine characters
        self._tokenizer, self.control = tokenizer, tuple(control)
        self.pad, self.cls, self.sep, self.eos = (self._id(name) for name in control)
        self.mids = tuple(self._id(name) for name in mid_names(tokenizer, candidates))
        added = tokenizer.get_added_tokens_decoder()
        self._reserved = {n for n, token in added.items() if token.special} | {*self.mids}

    @property
    def size(self) -> int:
        return int(self._tokenizer.get_vocab_size(with_added_tokens=True))

    def encode(self, text: str) -> list[int]:
        """Ids of a text, none of them a control token. Lone surrogates become question marks."""
        text = text.encode("utf-8", "replace").decode()
        ids: Iterable[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return [n for n in ids if n not in self._reserved]

    def prompt(self, text: str, limit: int) -> list[int]:
        """At most `limit` ids: of a longer text the first half and the last."""
        ids = self.encode(text)
        half = limit // 2
        return ids if len(ids) <= limit else ids[: limit - half] + ids[len(ids) - half :]

    def response(self, text: str, limit: int) -> list[int]:
        """The first `limit` ids."""
        return self.encode(text[: 16 * limit])[:limit]

    def token(self, number: int) -> str:
        return str(self._tokenizer.decode([number], skip_special_tokens=False))

    def dump(self) -> str:
        return str(self._tokenizer.to_str())

    def _id(self, name: str) -> int:
        found = self._tokenizer.token_to_id(name)
        if found is None:
            raise ModelFileError(f"the tokenizer has no {name!r}", "use another backbone")
        return int(found)


def mid_names(tokenizer: Any, count: int) -> list[str]:
    """[unused0], [unused1], … where a tokenizer has those, as ModernBERT's; else <Model_0>, …"""
    unused = [f"[unused{n}]" for n in range(count)]
    if count and all(tokenizer.token_to_id(name) is not None for name in unused):
        return unused
    return [f"<Model_{n}>" for n in range(count)]


def train_words(texts: Iterable[str], size: int, candidates: int) -> Words:
    """A byte-level BPE over the training texts; letters are made small, so that casing says
    nothing. Any text can be written in it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    mids = [f"<Model_{n}>" for n in range(candidates)]
    trainer = BpeTrainer(
        vocab_size=size,
        special_tokens=[AddedToken(t, special=True, normalized=False) for t in (*CONTROL, *mids)],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(list(texts), trainer)
    return Words(tokenizer, candidates, CONTROL)


def folder_words(folder: Path, candidates: int, masked: bool) -> Words:
    """The tokenizer of a model folder, with tokens for the candidates added where it has none.

    Raises:
        ModelFileError: there is none, or it lacks what the variant needs.
    """
    import json

    path = folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path))
        config = json.loads((folder / "config.json").read_text())
    except Exception as error:  # the library raises plain Exception
        raise ModelFileError(f"{path}: {error}", "name a model folder") from error
    names = mid_names(tokenizer, candidates)
    tokenizer.add_special_tokens(
        [
            AddedToken(n, special=True, normalized=False)
            for n in names
            if tokenizer.token_to_id(n) is None
        ]
    )
    if masked:
        return Words(tokenizer, candidates, ("[PAD]", "[CLS]", "[SEP]", "[SEP]"))
    end = config.get("eos_token_id")
    name = str(tokenizer.id_to_token(end[0] if isinstance(end, list) else end or 0))
    return Words(tokenizer, candidates, (name,) * 4)


def load_words(text: str, candidates: int, control: Sequence[str]) -> Words:
    """What `dump` gave."""
    return Words(Tokenizer.from_str(text), candidates, control)
