"""People, each with habits that a task does not speak of."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict


class User(BaseModel):
    """Somebody whose phone it is. The fields after `about` are the habits; see users.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    about: str
    shopping: Literal["notes", "tasks", "recipes"]
    travel: Literal["walk", "bike", "transit", "car"]
    greeting: str
    sign: str
    alex: Literal["Alex Berg", "Alex Rao", "Alex Costa"]
    reach: Literal["call", "text"]
    reminder: Literal[0, 10, 30, 60, 1440]
    coffee: Literal["Food", "Fun", "Transport", "Health", "Other"]
    cafe: Literal["Korn Bakery", "Café Anker", "Blue Cup", "Blue Cup Station"]
    order: Literal["title", "artist", "new", "long"]
    photo: Literal["4:3", "1:1", "16:9"]
    night: Literal["quiet", "flight", "dark", "saver"]
    table: int
    private: bool


@cache
def users() -> dict[str, User]:
    """By a short name, in the order in which they are kept."""
    text = (files("agentkit_android.people") / "users.toml").read_text("utf-8")
    return {key: User.model_validate(value) for key, value in tomllib.loads(text).items()}


HABITS = tuple(name for name in User.model_fields if name not in ("name", "about"))
