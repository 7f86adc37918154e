"""What every model must do, over a base that says what it is told to say."""

from __future__ import annotations

from agentkit.testing.conformance import LanguageModelConformance


class TestClassName(LanguageModelConformance):
    toml = """
    [models.base]
    use = "scripted"
    choose = "request"
    answers = ["a long answer of many words", "another one of some length, too", "a third of them"]

    [models.part]
    use = "NAME"
    base = "base"
    """
