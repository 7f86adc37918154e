"""The ability `Answers`: for wrappers that draw the tokens of an answer themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agentkit.capabilities.language_model import Grammar, Ids, Request, ToolCall
from agentkit.models.text.chat import Chat


@dataclass(frozen=True, slots=True)
class ChatAnswers:
    """`Answers` of a model with a tokenizer of its own."""

    chat: Chat
    tokenizer: Any

    def grammar_for(self, request: Request) -> Grammar | None:
        return self.chat.grammar_for(request)

    def text(self, ids: Ids) -> str:
        return str(
            self.tokenizer.decode(
                list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )

    def read(self, text: str, request: Request) -> tuple[str, tuple[ToolCall, ...]]:
        return self.chat.parse(text, request)
