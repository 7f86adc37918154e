"""Texts of the apps in other languages."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentkit_android.apps.app import App


LANGUAGES = ("ko",)


@cache
def own(name: str) -> dict[str, dict[str, str]]:
    """The texts of one of the phone's own apps by language: those of `texts/NAME.LANGUAGE.toml`,
    and what many of them say of `texts/shared.LANGUAGE.toml`."""
    return {code: {**_read("shared", code), **_read(name, code)} for code in LANGUAGES}


def _read(name: str, language: str) -> dict[str, str]:
    source = files("agentkit_android.apps") / "texts" / f"{name}.{language}.toml"
    return tomllib.loads(source.read_text("utf-8"))


def translated(app: App, text: str, language: str) -> str:
    """The text in a language; in English where nobody has translated it."""
    return text if language == "en" else app.strings.get(language, {}).get(text, text)
