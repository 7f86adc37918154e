"""Log-probabilities of a prompt's own tokens, as evaluators ask for them: echo with logprobs."""

from __future__ import annotations

from collections.abc import Sequence

from agentkit.capabilities import Draw, LanguageModel, Request, Tokens
from agentkit.capabilities.language_model import TokenLogprob
from agentkit.errors import Unsupported
from agentkit.models.http.inbound import CompletionBody
from agentkit.models.http.messages import BadField

NONE = 1.0  # stands for the probability that a first token does not have


def check_echo(body: CompletionBody) -> None:
    """Raises BadField: for an echo that cannot be given."""
    if not body.echo:
        return
    if not (isinstance(body.prompt, str) or all(isinstance(p, str) for p in body.prompt)):
        raise BadField("echo", "needs prompts that are text", "send text, or leave echo out")
    if body.logprobs:
        raise BadField(
            "logprobs",
            "with echo, only the prompt's own tokens are scored, without alternatives",
            "set logprobs to 0",
        )


def scored(model: LanguageModel, requests: Sequence[Request]) -> list[list[TokenLogprob]]:
    """For each answer the tokens of its prompt; nothing where no log-probabilities are wanted.

    Raises:
        Unsupported: the model cannot score.
    """
    wanted = [request for request in requests if request.logprobs is not None]
    if not wanted:
        return []
    try:
        tokens = model.ability(Tokens)
    except Unsupported as error:
        raise Unsupported(error.message, error.hint, param="echo") from error
    prompts = [tokens.render(request) for request in wanted]
    draws = [Draw() for _ in prompts]
    spans = tokens.score([p[:1] for p in prompts], [p[1:] for p in prompts], draws)
    made = []
    for request, prompt, span in zip(wanted, prompts, spans):
        logp = [NONE, *span.logp.tolist()]
        row = [TokenLogprob(tokens.decode([i]), i, p) for i, p in zip(prompt, logp)]
        made += [row] * request.n
    return made
