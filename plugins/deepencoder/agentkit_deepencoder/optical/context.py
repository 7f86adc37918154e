"""The part `use = "optical"` of the noun context: older turns as pages.

DeepSeek-OCR (arXiv 2510.18234), section 5 and figure 13: what was said long ago is seen from
further away. Near turns stay text. The pages are handed on in one of three ways, each of which says
in the conversation what it is: as vision tokens, as pictures, or read back as text.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agentkit.capabilities import (
    Embeds,
    Image,
    LanguageModel,
    Message,
    Packed,
    Part,
    Perception,
    Seen,
    Text,
    Vision,
)
from agentkit.errors import ConfigError, ContextOverflow
from agentkit.kit import Parts
from agentkit.models.context import content, measure, units
from agentkit_deepencoder.config import FULL
from agentkit_deepencoder.layout import mode_of
from agentkit_deepencoder.optical import ladder, readback
from agentkit_deepencoder.optical.drawing import Fonts, shrunk
from agentkit_deepencoder.optical.settings import OpticalSettings
from agentkit_deepencoder.optical.telling import Way, ends, ranges, told
from agentkit_deepencoder.optical.writing import Paper, Sheet, drawable, lay_out, script
from agentkit_deepencoder.pictures import decode

KEPT = 512  # pictures and what was seen in them that are kept in mind


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be packed. near: indices that stay text; far: turns to be drawn, oldest first.
    shown: messages that stand in for others, by index. lost: turns with what no page can show."""

    messages: Sequence[Message]
    near: frozenset[int]
    far: tuple[tuple[int, str], ...]
    shown: dict[int, Message]
    lost: tuple[int, ...]


class Optical:
    """The system messages and the last user message are never touched, unless `long_message` says
    so. Turns that cannot be drawn, such as those that run from right to left, stay text while they
    fit. What is left out is said in the conversation itself, and in `Packed`."""

    def __init__(self, settings: OpticalSettings, parts: Parts) -> None:
        self._settings = settings
        self._parts, self._name = parts, parts.name
        self.paper = Paper(settings.side, settings.size, settings.margin)
        if self.paper.columns < 4 or self.paper.rows < 2:
            raise ConfigError(
                f"contexts.{parts.name}: a page of {settings.side} pixels holds "
                f"{self.paper.rows} lines of {self.paper.columns} letters of {settings.size}",
                "give a larger side, or a smaller size",
            )
        self.fonts = Fonts([parts.resolve(path, "fonts") for path in settings.fonts])
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def pack(self, messages: Sequence[Message], budget: int, model: LanguageModel) -> Packed:
        messages = tuple(messages)
        tokens = measure(messages, model)
        if tokens <= budget:
            return Packed(messages, tokens)
        way = self.way(model)
        job = self._job(messages, budget, model)
        room = budget - _size(job, model)
        while True:
            packed = self._packed(job, way, room, model)
            if packed.tokens <= budget:
                return packed
            if room <= 0:
                break
            room -= max(packed.tokens - budget, 1)  # the words around the pages count too
        tokens = _size(job, model)
        if tokens > budget:
            raise ContextOverflow(
                f"system and last user message alone take {tokens} of {budget} tokens",
                "shorten them, use a model with a longer context, or set long_message",
            )
        return replace(packed, messages=_kept(job), tokens=tokens)  # not even the note fits

    def way(self, model: LanguageModel) -> Way:
        """How pages are handed to a model.

        Raises:
            ConfigError: the way that was set needs a perception of another kind.
        """
        able = model.info.abilities
        way = self._settings.way
        named = bool(self._settings.perception)
        if way == "auto":
            if named and "embeds" in able and self._eye.info.gives_tokens:
                return "embeds"
            way = "pictures" if "vision" in able else "text"
        if way == "embeds" and not (named and self._eye.info.gives_tokens):
            raise ConfigError(
                f"contexts.{self._name}: way = 'embeds' needs a perception with vision tokens",
                "set perception to one with use = 'deepencoder'",
            )
        if way == "text" and not named:
            raise ConfigError(
                f"contexts.{self._name}: models.{model.info.name} takes text alone, and no "
                "perception reads the pages back",
                "set perception, for instance to 'rapidocr'",
            )
        return way

    # -- what goes where --------------------------------------------------------------------------

    def _job(self, messages: Sequence[Message], budget: int, model: LanguageModel) -> Job:
        users = [n for n, m in enumerate(messages) if m.role == "user"]
        fixed = {n for n, m in enumerate(messages) if m.role == "system"} | set(users[-1:])
        rest = [unit for unit in units(messages) if not fixed.issuperset(unit)]
        pinned = self._pinned(messages, fixed, rest, budget, model)
        shown: dict[int, Message] = {}
        own: list[tuple[int, str]] = []
        if users and measure([messages[n] for n in sorted(fixed)], model) > budget:
            if self._settings.long_message == "pages":
                last = users[-1]
                shown[last], bulk = ends(messages[last])
                own = [(last, bulk)] if bulk else []
            near: set[int] = set(fixed)
        else:
            free = [unit for unit in rest if not pinned.issuperset(unit)]
            near = self._near(messages, fixed | pinned, free, budget, model)
        far: list[tuple[int, str]] = []
        lost: list[int] = []
        stuck: list[list[int]] = []
        for unit in rest:
            if near.issuperset(unit):
                continue
            scripts = [(n, *script(n, messages[n])) for n in unit if n not in near]
            drawn = [(n, drawable(text, self.fonts.has)) for n, text, _ in scripts]
            if any(text is None for _, text in drawn):
                stuck.append(unit)
                continue
            far += [(n, text) for n, text in drawn if text is not None]
            lost += [n for n, _, missing in scripts if missing]
        half = (budget + measure([messages[n] for n in sorted(near)], model)) / 2
        for unit in reversed(stuck):  # they stay text, the newest first, in half of what is left
            if measure([messages[n] for n in sorted(near.union(unit))], model) <= half:
                near.update(unit)
        for n, text in own:
            named = drawable(text, self.fonts.has)
            if named is None:
                raise ContextOverflow(
                    f"the last message is too long for {budget} tokens, and cannot be drawn",
                    "shorten it, or use a model with a longer context",
                )
            far.append((n, named))
        return Job(messages, frozenset(near), tuple(far), shown, tuple(lost))

    def _pinned(
        self,
        messages: Sequence[Message],
        fixed: set[int],
        rest: list[list[int]],
        budget: int,
        model: LanguageModel,
    ) -> set[int]:
        """Turns that are pinned, the newest first, as many as fit beside the fixed ones."""
        kept: set[int] = set()
        for unit in reversed(rest):
            texts = [script(n, messages[n])[0] for n in unit]
            if not any(pin.search(text) for pin in self._settings.pins for text in texts):
                continue
            tried = fixed | kept.union(unit)
            if measure([messages[n] for n in sorted(tried)], model) <= budget:
                kept.update(unit)
        return kept

    def _near(
        self,
        messages: Sequence[Message],
        fixed: set[int],
        rest: list[list[int]],
        budget: int,
        model: LanguageModel,
    ) -> set[int]:
        """Fixed messages, and the newest turns that fit in what pages leave."""

        def kept(count: int) -> set[int]:
            return fixed.union(*rest[len(rest) - count :])

        def size(count: int) -> int:
            return measure([messages[n] for n in sorted(kept(count))], model)

        for room, least, most in (
            (budget * (1 - self._settings.share), 0, len(rest)),
            (budget, 0, min(self._settings.near, len(rest))),
        ):
            fits, too_many = least, most + 1
            while too_many - fits > 1:
                middle = (fits + too_many) // 2
                fits, too_many = (middle, too_many) if size(middle) <= room else (fits, middle)
            if fits >= min(self._settings.near, len(rest)):
                break
        return kept(fits)

    # -- putting it together ----------------------------------------------------------------------

    def _packed(self, job: Job, way: Way, room: int, model: LanguageModel) -> Packed:
        sheets = lay_out(job.far, self.paper) if room > 0 else []
        parts: list[Part] = []
        seen: set[int] = set()
        cut: set[int] = set()
        said = ""
        if sheets and way == "text":
            parts, seen, cut, said = self._read_back(job, sheets, room, model)
        elif sheets:
            parts, seen, cut, said = self._shown(sheets, way, room, model)
        dropped = sorted(set(range(len(job.messages))) - job.near - seen)
        notes = [said] if said else []
        for about, numbers in (
            ("left out: turns", dropped),
            ("only in part: turns", cut & seen),
            ("without their pictures: turns", seen.intersection(job.lost)),
        ):
            notes += [f"{about} {ranges(numbers)}"] if numbers else []
        note = "; ".join(notes)
        last = max((n for n, _ in job.far if n not in job.shown), default=-1)
        before = [n for n in job.near if n <= last or job.messages[n].role == "system"]
        pages = told(parts, note, way)
        made = [*_kept(job, before), *pages, *_kept(job, job.near.difference(before))]
        if way == "pictures" and "vision" not in model.info.abilities:
            words = told([Text("")] if parts else [], note, way)
            tokens = measure([*_kept(job), *words], model) + self._uncounted(parts)
        else:
            tokens = measure(made, model)
        changed = sorted(seen | set(job.shown))
        return Packed(tuple(made), tokens, tuple(dropped), tuple(changed), note)

    def _shown(
        self, sheets: Sequence[Sheet], way: Way, room: int, model: LanguageModel
    ) -> tuple[list[Part], set[int], set[int], str]:
        def cost(page: int, mode: str) -> int:
            if way == "embeds":
                return len(self._tokens(sheets[page], mode))
            picture = self._picture(sheets[page], mode)
            if "vision" in model.info.abilities:
                return model.ability(Vision).image_tokens(picture)
            return positions(self._side(mode))

        modes = ladder.rungs(len(sheets), self._settings.ladder, cost, room)
        parts: list[Part] = []
        for sheet, mode in zip(sheets, modes):
            if mode and way == "embeds":
                parts.append(Embeds(self._tokens(sheet, mode), f"turns {ranges(sheet.turns)}"))
            elif mode:
                parts.append(self._picture(sheet, mode))
        seen = {n for sheet, mode in zip(sheets, modes) if mode for n in sheet.turns}
        gone = {n for sheet, mode in zip(sheets, modes) if not mode for n in sheet.turns}
        used = [mode for mode in modes if mode]
        said = f"{len(used)} pages, {', '.join(used)}" if used else ""
        return parts, seen, gone, said

    def _read_back(
        self, job: Job, sheets: Sequence[Sheet], room: int, model: LanguageModel
    ) -> tuple[list[Part], set[int], set[int], str]:
        modes = ladder.rungs(len(sheets), self._settings.ladder, lambda *_: 0, room)
        every: list[readback.Piece] = []
        for page, (sheet, mode) in enumerate(zip(sheets, modes)):
            side = self._side(mode)
            blocks = self._seen(sheet, side).blocks
            read = readback.lines(blocks, self.paper, side, len(sheet.lines))
            every += readback.pieces(page, read, sheet.turns)
        users = [m for m in job.messages if m.role == "user"]
        asked = job.shown.get(job.messages.index(users[-1]), users[-1]) if users else None
        empty = measure([Message.user("")], model)

        def size(text: str) -> int:
            return max(1, measure([Message.user(f"{text}\n\n")], model) - empty)

        kept = readback.chosen(every, content(asked) if asked else "", size, room)
        text = readback.joined(every, kept)
        seen = {piece.turn for piece in kept}
        gone = {piece.turn for piece in every if piece not in kept}
        said = f"{len(sheets)} pages, read at {', '.join(f'{self._side(m)}' for m in modes)} pixels"
        return ([Text(text)] if kept else []), seen, gone, said if kept else ""

    def _uncounted(self, parts: Sequence[Part]) -> int:
        """Tokens of pictures for a model that cannot count them."""
        pictures = [p for p in parts if isinstance(p, Image)]
        return sum(positions(decode(picture).width) for picture in pictures)

    # -- pages ------------------------------------------------------------------------------------

    @property
    def _eye(self) -> Perception:
        eye: Perception = self._parts["perception"]
        return eye

    def _side(self, mode: str) -> int:
        """Pixels of a page that is seen in a mode."""
        return min(self.paper.side, mode_of(mode, FULL).side)

    def page(self, sheet: Sheet) -> bytes:
        """The page as it is drawn, PNG."""
        made: bytes = self._once(("page", sheet), lambda: self.fonts.draw(sheet, self.paper))
        return made

    def _picture(self, sheet: Sheet, mode: str) -> Image:
        side = self._side(mode)
        return Image(self._once(("shrunk", sheet, side), lambda: shrunk(self.page(sheet), side)))

    def _tokens(self, sheet: Sheet, mode: str) -> Any:
        """(n, d)."""

        def look() -> Any:
            (seen,) = self._eye.see([Image(self.page(sheet))], mode)
            assert seen.tokens is not None
            return seen.tokens.values

        return self._once(("tokens", sheet, mode), look)

    def _seen(self, sheet: Sheet, side: int) -> Seen:
        def look() -> Seen:
            return self._eye.see([Image(shrunk(self.page(sheet), side))])[0]

        made: Seen = self._once(("seen", sheet, side), look)
        return made

    def _once(self, key: tuple[Hashable, ...], make: Callable[[], Any]) -> Any:
        """A page that is full is drawn and looked at once, however often it is packed."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made

    def loaded(self) -> dict[str, Any]:
        """For recipes: which fonts drew the pages."""
        return {"fonts": self.fonts.digest}


def positions(side: int) -> int:
    """Tokens that DeepSeek-OCR takes for a square picture of so many pixels a side."""
    across = -(-side // FULL.token)
    return across * (across + 1) + 1


def _kept(job: Job, indices: Iterable[int] | None = None) -> tuple[Message, ...]:
    """Messages that stay, in order."""
    stay = sorted(job.near if indices is None else indices)
    return tuple(job.shown.get(n, job.messages[n]) for n in stay)


def _size(job: Job, model: LanguageModel) -> int:
    return measure(_kept(job), model)
