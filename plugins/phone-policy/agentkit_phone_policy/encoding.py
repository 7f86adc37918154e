"""Between step prompts and the words that the policy knows. No I/O, no torch.

    goal     <goal> text @0 <goal> mia <name> @1 <goal> lunch <opens> @2 …   each word, its number
    notes    <note> +1 <opens> @64 <note> <num> <closes> @65      what was read in other apps
    apps     <app> messages &0 <app> clock &1 …
    history  <done> tap row @1 @2
    screen   <screen> messages thread
    element  <element> row @1 @2 #3 <most> <element> field text message #4 focused … <act>
    answer   tap #3 <end>      type @3 @5 <end>      open &0 <end>

What makes a step easy to learn, also one that is not like those learned from:

* What is typed is a span of the goal or of a note, an app that is opened one of those of this
  phone, and what is tapped an element: all are pointed at by their numbers. No name must be known,
  and nothing can be misspelt.
* A word of the screen that the goal has too is followed by its number there. The element that
  shares the most words with the goal is marked (<most>), and the one that shares the most of those
  that no line of the history has (<fresh>); so are those whose whole name is in the goal (<whole>).
  In the goal it is marked what the history has (<used>), what is on the screen (<shown>), and what
  stands in quotation marks.
* Words that differ from app to app and from wording to wording are known by their meaning
  (`meanings.py`); of others it is told that they are a <name>, a <num> or a <word>.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from agentkit.agents.acting import ElementLine, StepPrompt
from agentkit.errors import ContextOverflow
from agentkit_phone_policy.saying import Sayings
from agentkit_phone_policy.words import (
    ACT,
    APP,
    BUTTONS,
    CLOSES,
    DONE,
    DONE_WORDS,
    ELEMENT,
    ELEMENTS,
    FRESH,
    GOAL,
    GOAL_WORDS,
    HISTORY,
    LABEL_WORDS,
    MOST,
    NAME,
    NOTE,
    NOTE_WORDS,
    NUM,
    NUMBERS,
    OPENS,
    QUOTED,
    QUOTES,
    ROLES,
    SCREEN,
    SHOWN,
    SILENT,
    STOP,
    USED,
    VERBS,
    WAYS,
    WHOLE,
    WORD,
    Word,
    place_words,
    words,
)


@dataclass(frozen=True)
class Encoder:
    """known: the words of the vocabulary behind FIXED."""

    known: frozenset[str]

    def prompt(self, prompt: StepPrompt) -> Encoded:
        return Encoded(self, prompt)

    def named(self, word: Word) -> str:
        """The token for a word."""
        plain = word.text.casefold()
        if plain.isdecimal():
            return str(int(plain)) if len(plain) < 3 and int(plain) < NUMBERS else NUM
        if plain in self.known:
            return plain
        return NAME if word.text[:1].isupper() else WORD


class Encoded(Sayings):
    """A step prompt in the policy's words, with the answers to it."""

    def __init__(self, encoder: Encoder, prompt: StepPrompt) -> None:
        super().__init__(prompt)
        self._encoder = encoder
        self._marks: list[list[str]] = []
        self._read_goal()
        if len(self.goal) > GOAL_WORDS:
            raise ContextOverflow(
                f"the goal has {len(self.goal)} words, the policy has numbers for {GOAL_WORDS}",
                "say it in fewer words, or part by part",
            )
        self._read_notes()
        self._at: dict[str, list[int]] = {}
        numbered = [*enumerate(self.goal), *self._noted()]
        for number, word in numbered:
            if word.text[0].isalnum() and word.text.casefold() not in STOP:
                self._at.setdefault(word.form, []).append(number)

    def _read_goal(self) -> None:
        """Its words, and for each how it stands there."""
        inside = opening = False  # a quotation
        fresh = True  # a sentence
        for word in words(self._prompt.goal):
            if word.text in QUOTES:
                if inside and self._marks:
                    self._marks[-1].append(CLOSES)
                inside = opening = not inside
                fresh |= inside
                continue
            marks = [OPENS if opening else QUOTED] if inside else []
            if word.text[:1].isupper() and not fresh:
                marks.append(NAME)
            self.goal.append(word)
            self._marks.append(marks)
            opening, fresh = False, word.text in ".?!:"

    def _read_notes(self) -> None:
        """What was read, and what was remembered: first what shares words with the goal."""
        forms = {w.form for w in self.goal if w.text.casefold() not in STOP and w.text[0].isalnum()}
        found: list[tuple[int, int, str, list[Word]]] = []
        for note in dict.fromkeys(self._prompt.notes):
            kind, _, text = note.partition(": ")
            if kind in ("read", "remembered"):
                said = words(text)
                shared = len(forms & {w.form for w in said})
                found.append((-shared, len(found), text, said))
        left = NOTE_WORDS
        for _, _, text, said in sorted(found):
            if said and len(said) <= left:
                left -= len(said)
                self._notes.append((text, said))

    def _noted(self) -> Iterator[tuple[int, Word]]:
        return enumerate((w for _, said in self._notes for w in said), GOAL_WORDS)

    def _noticed(self) -> Iterator[str]:
        at = GOAL_WORDS
        for _, said in self._notes:
            for number, word in enumerate(said):
                yield from (NOTE, self._encoder.named(word))
                yield from [OPENS] if number == 0 else []
                yield from [CLOSES] if number == len(said) - 1 else []
                found = self._at.get(word.form, [at])[0]
                yield from [f"@{found}", SHOWN] if found < GOAL_WORDS else []
                yield f"@{at}"
                at += 1

    @cached_property
    def tokens(self) -> list[str]:
        screen = self._prompt.screen
        history = [[DONE, *self._done(line)] for line in self._prompt.history[-HISTORY:]]
        elements = [
            [ELEMENT, *self._element(element), f"#{number}", *element.states]
            for number, element in enumerate(screen.elements[:ELEMENTS])
        ]
        used = {t for line in history for t in line if t[0] == "@"}
        own = {f"@{n}" for n in range(len(self.goal))}
        shared = [own & set(e) if e[1] not in SILENT else set() for e in elements]
        self._mark(elements, shared, MOST)
        self._mark(elements, [of - used for of in shared], FRESH)
        for tokens, view in zip(elements, screen.elements):
            if tokens[1] not in SILENT and self._whole(view.text):
                tokens.append(WHOLE)
        shown = {t for element in elements for t in element if t[0] == "@"}
        made = [] if self.goal else [GOAL]
        for number, (word, marks) in enumerate(zip(self.goal, self._marks)):
            name, at = self._encoder.named(word), f"@{number}"
            made += [GOAL, name, *(m for m in marks if m != name)]
            made += [USED] if at in used else []
            made += [SHOWN] if at in shown else []
            made.append(at)
        made += self._noticed()
        for number, (_, said) in enumerate(self._apps):
            made += [APP, *self._said(said, LABEL_WORDS), f"&{number}"]
        for line in history:
            made += line
        made += [SCREEN, *self._place(screen.place)]
        for element in elements:
            made += element
        return [*made, ACT]

    def _mark(self, elements: list[list[str]], shared: list[set[str]], mark: str) -> None:
        """Marks the elements that share most with the goal. A word counts the more, the fewer
        elements have it."""
        have = Counter(word for of in shared for word in of)
        shares = [sum(1 / have[word] for word in of) for of in shared]
        most = max(shares, default=0.0)
        for element, share in zip(elements, shares):
            if most and share > most - 1e-9:
                element.append(mark)

    def _whole(self, text: str) -> bool:
        """Whether all that an element is called is in the goal: what stands before its details."""
        said = [w for w in words(text.partition(", ")[0]) if w.text[0].isalnum()]
        said = [w for w in said if w.text.casefold() not in STOP]
        found = [self._at.get(w.form, [GOAL_WORDS])[0] < GOAL_WORDS for w in said]
        return bool(found) and all(found)

    def _place(self, place: str) -> Iterator[str]:
        """The app in front by what its owner calls it, and its page."""
        package, page = place_words(place)
        yield from self._called(package)
        yield from (w if w in self._encoder.known else WORD for w in page)

    def _called(self, package: str) -> Iterator[str]:
        number = self._packages.get(package)
        yield from [WORD] if number is None else self._said(self._apps[number][1], LABEL_WORDS)

    def _element(self, element: ElementLine) -> Iterator[str]:
        yield element.role if element.role in ROLES else "view"
        yield from self._said(element.text, LABEL_WORDS)

    def _done(self, line: str) -> Iterator[str]:
        kind, _, rest = line.partition(" ")
        yield kind if kind in VERBS else WORD
        if kind == "open":
            yield from self._called(rest.strip('"'))
            return
        role, _, said = rest.partition(" ")
        if role in ROLES or role in WAYS or role in BUTTONS:
            yield role
            rest = said
        yield from self._said(rest, DONE_WORDS)

    def _said(self, text: str, most: int) -> list[str]:
        """The words of a text, each with its number where the goal or a note has it too. Of words
        that are not known and stand together, one is said."""
        made: list[str] = []
        before, count = -2, 0
        for word in words(text):
            if not word.text[0].isalnum():
                continue
            number = self._alike(word, before)
            token = self._encoder.named(word)
            unknown = token in (NAME, NUM, WORD)
            if number is not None:
                made += [f"@{number}"] if unknown else [token, f"@{number}"]
                before = number
            elif not unknown or not made or made[-1] != token:
                made.append(token)
                before = -2
            count += 1
            if count >= most:
                break
        return made

    def _alike(self, word: Word, before: int) -> int | None:
        """The number of the word in the goal or a note: the one behind the last found, else the
        first."""
        if word.text.casefold() in STOP:
            return None
        found = self._at.get(word.form)
        if not found:
            return None
        return next((n for n in found if n > before), found[0]) if before >= 0 else found[0]
