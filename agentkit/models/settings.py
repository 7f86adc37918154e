"""Settings of the models that the host brings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from agentkit.settings import PartSettings

Dtype = Literal["auto", "fp32", "bf16"]
Device = Literal["auto", "cpu", "cuda"]


class TransformersSettings(PartSettings):
    """A language model in this process.

    model: a bundled name (`agentkit models list`), a folder, a GGUF file, or a hub id. dtype:
    "auto" takes what the folder holds. device: "auto" is cuda where there is one. threads: of
    torch, for the whole process; None leaves them as they are. kv_memory: MiB for keys and values
    of all open sequences.
    """

    model: str
    dtype: Dtype = "auto"
    device: Device = "auto"
    threads: int | None = Field(default=None, ge=1)
    kv_memory: int = Field(default=1024, ge=1)


class EmbedderSettings(PartSettings):
    """A sentence embedder in this process.

    model: as above. max_tokens: longer texts are cut; None is what the model was trained with.
    batch: texts per forward pass.
    """

    model: str = "minilm"
    device: Device = "auto"
    max_tokens: int | None = Field(default=None, ge=3)
    batch: int = Field(default=32, ge=1)


class OpenAISettings(PartSettings):
    """A model behind an OpenAI-compatible endpoint: vLLM, llama.cpp, Ollama, a provider.

    base_url: up to and including "/v1". api_key: where the key is, "env:NAME" or
    "keyring:service/user"; None where the endpoint wants none. context: tokens of prompt and answer
    together; None asks the server and falls back to 4096. timeout: seconds without a single byte.
    deadline: seconds for a whole answer. retries: after a failure that may pass, with pauses that
    begin with `backoff` seconds and double. concurrency: requests in flight at once. structured:
    how `Request.grammar` is asked for; "none" declares the endpoint unable. max_logprobs: the most
    alternatives per token that the endpoint gives; 0 declares it unable. token_ids: it continues
    prompts of token ids and gives ids back, as vLLM does; the ability "continuations".
    """

    base_url: str
    model: str
    api_key: str | None = None
    context: int | None = Field(default=None, ge=1)
    timeout: float = Field(default=60.0, gt=0)
    deadline: float = Field(default=600.0, gt=0)
    retries: int = Field(default=3, ge=0)
    backoff: float = Field(default=0.5, ge=0)
    concurrency: int = Field(default=8, ge=1)
    structured: Literal["json_schema", "none"] = "json_schema"
    max_logprobs: int = Field(default=20, ge=0)
    token_ids: bool = False

    @field_validator("base_url")
    @classmethod
    def _http(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")
