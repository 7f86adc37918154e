"""Tokens into text as they come: what is given out can no longer change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_UNSURE = 3  # a character of four bytes may show as up to three marks until it is whole


class Writer:
    """The text of one answer.

    Characters whose bytes are not all there yet are held back, and so is whatever may be the
    beginning of a stop string. The text ends before the first stop string.
    """

    def __init__(self, tokenizer: Any, stop: Sequence[str] = ()) -> None:
        self._tokenizer, self._stop = tokenizer, [s for s in stop if s]
        self._ids: list[int] = []
        # Decoding begins one whole piece before the new one: how a token is written may depend on
        # the one before it.
        self._start, self._clean, self._sent = 0, 0, 0
        self._held = ""
        self.text = ""
        self.stopped = False

    def push(self, token: int) -> str:
        """Adds a token; gives the text that is now certain."""
        self._ids.append(token)
        text = self._decode(self._start)
        sure = len(text)
        while sure and len(text) - sure < _UNSURE and text[sure - 1] == "\ufffd":
            sure -= 1
        new = text[self._sent : sure]
        self._sent = max(self._sent, sure)
        if sure == len(text):
            self._start, self._clean = self._clean, len(self._ids)
            self._sent = len(self._decode(self._start))
        return self._release(new)

    def finish(self) -> str:
        """What was held back; nothing follows."""
        certain = self._release(self._decode(self._start)[self._sent :])
        held, self._held = self._held, ""
        self.text += held
        return certain + held

    def _decode(self, start: int) -> str:
        return str(
            self._tokenizer.decode(
                self._ids[start:],
                skip_special_tokens=True,
                clean_up_tokenization_spaces=False,
            )
        )

    def _release(self, new: str) -> str:
        """Lets text through up to a stop string, or to what may become one."""
        if self.stopped:
            return ""
        text = self._held + new
        places = [at for s in self._stop if (at := text.find(s)) >= 0]
        if places:
            self.stopped, self._held = True, ""
            text = text[: min(places)]
        else:
            unsure = max((_overlap(text, s) for s in self._stop), default=0)
            cut = len(text) - unsure
            text, self._held = text[:cut], text[cut:]
        self.text += text
        return text


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop`."""
    for size in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:size]):
            return size
    return 0
