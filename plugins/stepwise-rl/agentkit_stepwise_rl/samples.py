"""Step samples: one screen, what was done before, and every action that would be right there.

A sample is a line of JSON. Each box and each point stands with the size of the image that it was
measured in, so that a reply told in another size can be compared; a box without an extent is an
error when the file is read, not a reward of 0 later.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agentkit.agents.acting import StepPrompt, element_at
from agentkit.capabilities import Example
from agentkit.errors import DataError
from agentkit.unicode import split_lines
from agentkit_stepwise_rl import actions as said
from agentkit_stepwise_rl.spaces import SPACE, OtherSpace, published

Size = tuple[int, int]
"""Width and height of an image, in pixels."""
Direction = Literal["up", "down", "left", "right"]
Elements = Sequence[Mapping[str, Any]]
CELL = 10  # pixels between the boxes that stand for elements whose own are not known


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Box(_Strict):
    """Edges are inside. space: of the image that they are measured in."""

    x1: float
    y1: float
    x2: float
    y2: float
    space: Size

    @model_validator(mode="after")
    def _whole(self) -> Box:
        if not (self.x1 < self.x2 and self.y1 < self.y2):
            raise ValueError(f"a box from ({self.x1}, {self.y1}) to ({self.x2}, {self.y2})")
        if min(self.space) < 1:
            raise ValueError(f"an image of {self.space[0]} x {self.space[1]}")
        return self

    def scaled(self, space: Size) -> Box:
        """The same box in an image of another size, as a processor's resizing moves it."""
        across, down = space[0] / self.space[0], space[1] / self.space[1]
        return Box(
            x1=self.x1 * across, y1=self.y1 * down, x2=self.x2 * across, y2=self.y2 * down,
            space=space,
        )  # fmt: skip

    def holds(self, point: said.Point) -> bool:
        return self.x1 <= point[0] <= self.x2 and self.y1 <= point[1] <= self.y2


class Spot(_Strict):
    """A point where no box is known: it is scored by distance, and the trace says so."""

    x: float
    y: float
    space: Size


class Place(_Strict):
    """Where a finger may touch. element: whether the box only stands for an element's number,
    because no bounds were stored."""

    box: Box | None = None
    point: Spot | None = None
    element: bool = False

    @model_validator(mode="after")
    def _known(self) -> Place:
        if self.box is None and self.point is None:
            raise ValueError("neither a box nor a point is given")
        return self


class AtPlace(_Strict):
    action: Literal["click", "long_press", "double_click"]
    place: Place


class Swiped(_Strict):
    """direction: which way the finger moves."""

    action: Literal["swipe"] = "swipe"
    direction: Direction


class Dragged(_Strict):
    action: Literal["drag"] = "drag"
    place: Place
    to: Place


class Written(_Strict):
    action: Literal["type", "answer"]
    text: str


class Named(_Strict):
    """open: an app by its package or name. key: of a keyboard."""

    action: Literal["open", "key"]
    text: str


class Pressed(_Strict):
    action: Literal["system_button"] = "system_button"
    button: str


class Ended(_Strict):
    action: Literal["terminate"] = "terminate"
    status: Literal["success", "failure"]


class Simple(_Strict):
    action: Literal["clear_text", "wait"]


Accepted = Annotated[
    AtPlace | Swiped | Dragged | Written | Named | Pressed | Ended | Simple,
    Field(discriminator="action"),
]


class Sample(_Strict):
    """One step.

    Attributes:
        id: `source.step`, unique. source: the run that it is from, by its id, or a file's own
            name for an episode. step: from 0.
        prompt: as the policy is asked, written by `StepPrompt`; goal and history stand in it.
        answer: the first accepted action as a policy of this repository says it.
        accepted: any of them is right, whatever their order.
        elements: of the screen, with bounds in `size`; None where only the prompt is known.
        task, template, seed, split: of the episode. off: something wrong was done before.
        space: the actions that the episode was told in.
    """

    id: str
    source: str
    step: int = Field(ge=0)
    prompt: str
    answer: str
    accepted: tuple[Accepted, ...] = Field(min_length=1)
    elements: tuple[dict[str, Any], ...] | None = None
    size: Size | None = None
    task: str = ""
    template: str = ""
    seed: int = 0
    split: str = ""
    off: bool = False
    space: str = SPACE

    @property
    def history(self) -> tuple[str, ...]:
        return StepPrompt.read(self.prompt).history

    @property
    def goal(self) -> str:
        return StepPrompt.read(self.prompt).goal

    def placed(self) -> tuple[list[Mapping[str, Any]], Size]:
        """The elements with bounds, and the image's size; boxes in a column, where none were
        stored, so that a reply can still name an element by its number."""
        if self.elements is not None and self.size is not None:
            return list(self.elements), self.size
        shown = StepPrompt.read(self.prompt).screen.elements
        return stand_ins(len(shown))

    def example(self) -> Example:
        """As trainers take it: with `prompt` and `answer`, so that supervised training reads the
        same file."""
        return Example(self.id, {**self.model_dump(mode="json", exclude={"id"})})


def stand_ins(count: int) -> tuple[list[Mapping[str, Any]], Size]:
    boxes = [{"bounds": [0, n * CELL, CELL - 1, n * CELL + CELL - 1]} for n in range(count)]
    return [dict(b) for b in boxes], (CELL, max(1, count) * CELL)


def accepted_of(
    plain: Mapping[str, Any], elements: Elements, size: Size | None, *, stand_in: bool = False
) -> Accepted:
    """What counts as the same as an action that was taken: the whole element around its point.

    Args:
        plain: an action of a phone, as JSON, with its point or with an element's number.
        stand_in: whether the elements' bounds are `stand_ins`.

    Raises:
        OtherSpace: it is of another action space.
    """
    made = published(pointed(plain, elements))
    match made:
        case said.Click() | said.LongPress() | said.DoubleClick():
            place = _place(made.coordinate, elements, size, stand_in)
            return AtPlace(action=made.action, place=place)
        case said.Swipe():
            way = direction(made.coordinate, made.coordinate2)
            if way is None:
                raise OtherSpace("a swipe of no length is no action", "leave the step out")
            return Swiped(direction=way)
        case said.Drag():
            return Dragged(
                place=_place(made.coordinate, elements, size, stand_in),
                to=_place(made.coordinate2, elements, size, stand_in),
            )
        case said.TypeText() | said.Answer():
            return Written(action=made.action, text=made.text)
        case said.Open() | said.Key():
            return Named(action=made.action, text=made.text)
        case said.SystemButton():
            return Pressed(button=made.button)
        case said.Terminate():
            return Ended(status=made.status)
        case said.ClearText() | said.Wait():
            return Simple(action=made.action)
    raise OtherSpace(f"{made.__class__.__name__} has no rule", "")


def pointed(plain: Mapping[str, Any], elements: Elements) -> dict[str, Any]:
    """The action with points in place of elements' numbers.

    Raises:
        OtherSpace: an element is not on the screen.
    """
    made = dict(plain)
    for name, (x, y) in (("element", ("x", "y")), ("to_element", ("to_x", "to_y"))):
        if name in made:
            number = made.pop(name)
            if type(number) is not int or not 0 <= number < len(elements):
                raise OtherSpace(f"there is no element {number!r} of {len(elements)}", "")
            left, top, right, bottom = elements[number]["bounds"]
            made |= {x: (left + right) // 2, y: (top + bottom) // 2}
    return made


def _place(point: said.Point, elements: Elements, size: Size | None, stand_in: bool) -> Place:
    if size is None:
        raise OtherSpace("a touch on a screen of unknown size", "leave the step out")
    number = element_at(*point, elements)
    if number is not None:
        x1, y1, x2, y2 = elements[number]["bounds"]
        if x1 < x2 and y1 < y2:
            return Place(box=Box(x1=x1, y1=y1, x2=x2, y2=y2, space=size), element=stand_in)
    return Place(point=Spot(x=point[0], y=point[1], space=size))


def direction(start: said.Point, end: said.Point) -> Direction | None:
    """Which way a finger moves: by the longer axis, the vertical one where both are equal; None
    where it does not move."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    if dx == dy == 0:
        return None
    if abs(dx) > abs(dy):
        return "right" if dx > 0 else "left"
    return "down" if dy > 0 else "up"


# -- files ----------------------------------------------------------------------------------------


def of_example(example: Example) -> Sample:
    """A sample from a line: one of ours, or a demonstration {prompt, answer}.

    Raises:
        DataError: it is neither; the message names the example and the field.
    """
    data = dict(example.data)
    if "accepted" not in data:
        return of_demonstration(example)
    try:
        made = Sample.model_validate({"id": example.id, **data})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(
            f"the sample {example.id!r} is none: {where}: {first['msg']}"[:240],
            "agentkit stepwise split writes samples",
        ) from error
    if made.space != SPACE:
        raise OtherSpace(
            f"the sample {example.id!r} is told in {made.space!r}, {SPACE!r} is known",
            "split its run again",
        )
    StepPrompt.read(made.prompt)
    return made


def of_demonstration(example: Example) -> Sample:
    """Of a line of `agentkit phone demos`: the boxes were not stored, so an element stands for
    its box.

    Raises:
        DataError: it is none.
    """
    try:
        prompt, answer = str(example.data["prompt"]), str(example.data["answer"])
        plain = json.loads(answer)
        elements, size = stand_ins(len(StepPrompt.read(prompt).screen.elements))
        found = accepted_of(plain, elements, size, stand_in=True)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise DataError(
            f"the example {example.id!r} is no demonstration: {type(error).__name__} {error}",
            "give samples of `agentkit stepwise split`, or lines of `agentkit phone demos`",
        ) from error
    source, _, step = example.id.rpartition(".")
    return Sample(
        id=example.id,
        source=source or example.id,
        step=int(step) if step.isdecimal() else 0,
        prompt=prompt,
        answer=answer,
        accepted=(found,),
        task=str(example.data.get("source", "")),
        template=str(example.data.get("template", "")),
        off=bool(example.data.get("off", False)),
    )


def write(samples: Iterable[Sample]) -> str:
    """One JSON object a line."""
    return "".join(one.model_dump_json() + "\n" for one in samples)


def read(path: Path) -> Iterator[Sample]:
    """Raises:
    DataError: naming the line.
    """
    try:
        lines = split_lines(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error}", "name a file of samples") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                plain = json.loads(line)
                yield of_example(Example(str(plain.pop("id")), plain))
            except (ValueError, KeyError, AttributeError, TypeError) as error:
                raise DataError(f"{path}:{number}: is no sample: {error}", "") from error
