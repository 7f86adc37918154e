"""From an answer's tokens to its text, told as far as it can no longer change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agentkit.capabilities import Answers, Cancel, Delta, Finish, Ids, OnDelta, Request, Tokens
from agentkit.models.text.writing import Writer
from agentkit_power_sampling.batch import Sample
from agentkit_power_sampling.remote import RemoteTokens


def decoder(tokens: Tokens, answers: Answers | None) -> Callable[[Ids], str]:
    """How tokens become the text of an answer."""
    return tokens.decode if answers is None else answers.text


class _Decoder:
    """In the place of a tokenizer, for `Writer`."""

    def __init__(self, decode: Callable[[Ids], str]) -> None:
        self._decode = decode

    def decode(self, ids: Ids, **_: Any) -> str:
        return self._decode(ids)


class Telling:
    """The text of one answer. told: what was handed to the listener."""

    def __init__(
        self,
        tokens: Tokens,
        answers: Answers | None,
        request: Request,
        index: int,
        listener: OnDelta | None,
        cancel: Cancel | None,
    ) -> None:
        self._request, self._index = request, index
        self._listener, self._cancel = listener, cancel
        self._bare = answers is None  # then nothing tells an end token from text but its place
        self._remote = tokens if isinstance(tokens, RemoteTokens) else None
        self._writer = Writer(_Decoder(decoder(tokens, answers)), request.stop)
        self._ids: list[int] = []
        self.told = ""

    def frozen(self, ids: tuple[int, ...]) -> None:
        """The answer begins with these tokens, whatever else comes."""
        if self._remote:
            return  # each look at a text is a request there
        sure = len(ids) - 1 if self._bare else len(ids)  # the last may be an end token
        for token in ids[len(self._ids) : sure]:
            if self._over:
                break
            self._push(token)

    def end(self, sample: Sample) -> tuple[tuple[int, ...], str, Finish]:
        """(tokens, text, why it ended) of the whole answer, whose rest is told now."""
        finish: Finish = "stop" if sample.ended else "length"
        if self._remote:
            return self._at_once(self._remote, sample, finish)
        for place in range(len(self._ids), len(sample)):
            if self._over:
                break
            if self._bare and sample.ended and place + 1 == len(sample):
                self._ids.append(sample.ids[place])
            else:
                self._push(sample.ids[place])
        if self._cancel:
            return tuple(self._ids), self.told if self._listener else self._writer.text, "cancelled"
        self._say(self._writer.finish())
        if self._writer.stopped:
            finish = "stop"
        elif len(self._ids) < len(sample):
            finish = "length"
        return tuple(self._ids), self._writer.text, finish

    def _at_once(
        self, tokens: RemoteTokens, sample: Sample, finish: Finish
    ) -> tuple[tuple[int, ...], str, Finish]:
        """With one look at the text; after a stop string the tokens are still all of them."""
        ids = sample.ids[: self._request.max_tokens]
        if len(ids) < len(sample):
            finish = "length"
        text = tokens.decode(ids[:-1] if finish == "stop" else ids)
        places = [at for stop in self._request.stop if stop and (at := text.find(stop)) >= 0]
        if places:
            text, finish = text[: min(places)], "stop"
        self._say(text)
        return ids, text, finish

    @property
    def _over(self) -> bool:
        full = len(self._ids) == self._request.max_tokens
        return full or self._writer.stopped or bool(self._cancel)

    def _push(self, token: int) -> None:
        self._ids.append(token)
        self._say(self._writer.push(token))

    def _say(self, text: str) -> None:
        if text and self._listener is not None:
            self.told += text
            self._listener(Delta(self._index, text))
