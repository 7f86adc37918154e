"""Screens whose footer speaks the person's language."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar, cast

from textual.screen import Screen

if TYPE_CHECKING:
    from textual.binding import ActiveBinding

    from agentkit.cli.watch.app import Watch
    from agentkit.cli.watch.words import Words

R = TypeVar("R")


class Spoken(Screen[R]):
    """Descriptions of its bindings are keys of the catalogue; those of the toolkit are its own."""

    @property
    def home(self) -> Watch:
        return cast("Watch", self.app)

    @property
    def words(self) -> Words:
        return self.home.words

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        def told(one: ActiveBinding) -> ActiveBinding:
            text = self.words.named("", one.binding.description)
            return one._replace(binding=replace(one.binding, description=text))

        return {key: told(one) for key, one in super().active_bindings.items()}
