"""The part `use = "vllm"`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from agentkit.capabilities import (
    Cancel,
    Completion,
    Continuation,
    Continuations,
    Draw,
    Ids,
    ModelInfo,
    OnDelta,
    Request,
)
from agentkit.errors import BackendUnavailable, Cancelled, ConfigError, Unsupported
from agentkit.files import cache_dir
from agentkit.kit import Parts
from agentkit.models.files.catalog import BUNDLED
from agentkit.models.files.loading import locate
from agentkit.models.openai import OpenAIModel
from agentkit.models.settings import OpenAISettings
from agentkit_vllm.control import Control
from agentkit_vllm.process import ServerProcess
from agentkit_vllm.settings import Option, VllmSettings

A = TypeVar("A")
MODULE = "vllm.entrypoints.openai.api_server"


def open_vllm(settings: VllmSettings, parts: Parts) -> VllmModel:
    """Checks what can be checked; the server starts with the first request.

    Raises:
        ConfigError: the environment holds no Python.
        ModelFileError: the model's files are absent.
    """
    if settings.environment is not None:
        environment = parts.resolve(settings.environment, "environment")
        python = environment / "bin" / "python"
        if not python.exists():
            raise ConfigError(
                f"models.{parts.name}: {environment} is no virtual environment",
                f"python -m venv {environment} && {python} -m pip install vllm",
            )
        begin = [str(python), "-m", MODULE]
    else:
        begin = list(settings.command)
    model = settings.model
    base = parts.resolve(".", "model")
    if model in BUNDLED or (base / Path(model).expanduser()).is_dir():
        model = str(locate(model, base))
    log = settings.log or cache_dir() / "vllm" / f"{parts.name}.log"
    return VllmModel(parts.name, settings, begin, model, log)


class VllmModel:
    """A vLLM server under the part's name. Thread-safe.

    control: sleeping, pausing, new weights.
    """

    def __init__(
        self, name: str, settings: VllmSettings, begin: Sequence[str], model: str, log: Path
    ) -> None:
        self._name = name
        open_ = settings.control or settings.sleep
        self.server = ServerProcess(
            name,
            [*begin, *arguments(settings, name, model)],
            log,
            env={"VLLM_SERVER_DEV_MODE": "1" if open_ else "0", **settings.env},
            port=settings.port,
            start_timeout=settings.start_timeout,
            check=settings.check,
            restarts=settings.restarts,
            stop_timeout=settings.stop_timeout,
        )
        self.control = Control(name, self.server.ready, self.server.key, open=open_)
        self._client = OpenAIModel(
            name,
            OpenAISettings(
                base_url=f"{self.server.url}/v1",
                model=name,
                context=settings.context,
                timeout=settings.timeout,
                deadline=settings.deadline,
                retries=settings.retries,
                concurrency=settings.concurrency,
                structured=settings.structured,
                max_logprobs=settings.max_logprobs,
                token_ids=True,
            ),
            self.server.key,
        )
        self._context = settings.context

    @property
    def info(self) -> ModelInfo:
        """Starts the server where the settings do not tell its context."""
        if self._context is None:
            self.server.ready()
        return self._client.info

    def generate(
        self,
        requests: Sequence[Request],
        *,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> list[Completion]:
        """See `LanguageModel.generate`. A server that dies takes the requests that it was answering
        with it; the next ones get a new server."""
        try:
            self.server.ready(cancel)
        except Cancelled:
            return [Completion("", "cancelled", path=(self._name,)) for _ in requests]
        try:
            made = self._client.generate(requests, on_delta=on_delta, cancel=cancel)
        except BackendUnavailable as error:
            if self.server.answers:
                raise
            raise BackendUnavailable(
                f"models.{self._name}: the vLLM server failed in the middle: {error.message}",
                "it is started again at the next request",
            ) from error
        if any(one.finish != "error" for one in made):
            self.server.worked()
        return made

    def ability(self, kind: type[A]) -> A:
        """What an endpoint gives: grammar, logprobs, continuations."""
        try:
            found: Any = self._client.ability(kind)
        except Unsupported as error:
            said = error.message.replace("(use = 'openai')", "(use = 'vllm')")
            raise Unsupported(said, error.hint) from None
        return Watched(self.server, found) if kind is Continuations else found  # type: ignore

    def close(self) -> None:
        self._client.close()
        self.control.close()
        self.server.close()


class Watched:
    """`Continuations` that look after their server, as `generate` does."""

    def __init__(self, server: ServerProcess, of: Continuations) -> None:
        self._server, self._of = server, of

    @property
    def top_logprobs(self) -> int:
        return self._of.top_logprobs

    def render(self, request: Request) -> tuple[int, ...]:
        return self._ready().render(request)

    def encode(self, text: str) -> tuple[int, ...]:
        return self._ready().encode(text)

    def decode(self, ids: Ids) -> str:
        return self._ready().decode(ids)

    def continued(
        self,
        prompts: Sequence[Ids],
        max_new: Sequence[int],
        draws: Sequence[Draw],
        *,
        cancel: Cancel | None = None,
    ) -> list[Continuation]:
        return self._ready().continued(prompts, max_new, draws, cancel=cancel)

    def whole(self, prompt: Ids, target: Ids) -> Continuation:
        return self._ready().whole(prompt, target)

    def _ready(self) -> Continuations:
        self._server.ready()
        return self._of


def arguments(settings: VllmSettings, name: str, model: str) -> list[str]:
    """The server's command line, but for its port. The generation config is vLLM's own, so that a
    model folder cannot change what a request asks for."""
    options: dict[str, Option] = {
        "model": model,
        "served-model-name": name,
        "host": "127.0.0.1",
        "generation-config": "vllm",
    }
    if settings.context is not None:
        options["max-model-len"] = settings.context
    if settings.max_logprobs > 20:  # what vLLM allows by itself
        options["max-logprobs"] = settings.max_logprobs
    if settings.sleep:
        options["enable-sleep-mode"] = True
    made = []
    for option, value in {**options, **settings.options}.items():
        if value is not False:
            made.append(f"--{option}")
        if isinstance(value, list):
            made += value
        elif not isinstance(value, bool):
            made.append(str(value))
    return made
