"""The decoder: transformers' own class for it, and the loop that draws from it.

DeepSeek-OCR's decoder (arXiv 2510.18234, section 3.3) is attention with rotary positions over a
mixture of experts. The class is the one of its successor, whose text model is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from agentkit_deepencoder.config import DecoderConfig

Pick = Callable[[int, Tensor], "int | None"]
"""(row, its logits (V,) in fp32) -> the token that follows, None where the row is over."""


def text_config(config: DecoderConfig) -> Any:
    """transformers' form of it."""
    from transformers import DeepseekOcr2TextConfig

    return DeepseekOcr2TextConfig(
        vocab_size=config.vocabulary,
        hidden_size=config.width,
        intermediate_size=config.mlp,
        num_hidden_layers=config.depth,
        num_attention_heads=config.heads,
        max_position_embeddings=config.context,
        rope_parameters={"rope_type": "default", "rope_theta": config.theta},
        n_routed_experts=config.experts,
        n_shared_experts=config.shared,
        num_experts_per_tok=config.chosen,
        moe_intermediate_size=config.expert_mlp,
        mlp_layer_types=["dense" if n < config.dense else "sparse" for n in range(config.depth)],
        bos_token_id=config.bos,
        eos_token_id=config.eos,
    )


class Decoder(nn.Module):  # type: ignore[misc]
    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        from transformers.models.deepseek_ocr2.modeling_deepseek_ocr2 import DeepseekOcr2TextModel

        self.config = config
        self.model = DeepseekOcr2TextModel(text_config(config))
        self.lm_head = nn.Linear(config.width, config.vocabulary, bias=False)

    def embed(self, ids: Sequence[int]) -> Tensor:
        """(n, d)."""
        table: Tensor = self.model.embed_tokens.weight
        return table[torch.tensor(list(ids), dtype=torch.long, device=table.device)]

    def forward(self, embeds: Tensor, **settings: Any) -> Tensor:
        """(B, n, d) to logits (B, n, V)."""
        seen = self.model(inputs_embeds=embeds, use_cache=False, **settings)
        made: Tensor = self.lm_head(seen.last_hidden_state)
        return made


@torch.inference_mode()  # type: ignore[untyped-decorator]
def decode(decoder: Decoder, prompts: Sequence[Tensor], pick: Pick) -> None:
    """Advances all rows in one batch until `pick` has ended each.

    Args:
        prompts: embeddings (n, d) of each row; shorter ones are padded on the left and masked.
    """
    from transformers import DynamicCache

    longest = max(len(p) for p in prompts)
    embeds = torch.stack([nn.functional.pad(p, (0, 0, longest - len(p), 0)) for p in prompts])
    mask = torch.zeros(len(prompts), longest, dtype=torch.long, device=embeds.device)
    for row, given in enumerate(prompts):
        mask[row, longest - len(given) :] = 1
    places = (mask.cumsum(-1) - 1).clamp(min=0)
    cache = DynamicCache(config=decoder.model.config)
    rows = list(range(len(prompts)))
    while True:
        seen = decoder.model(
            inputs_embeds=embeds,
            attention_mask=mask,
            position_ids=places,
            past_key_values=cache,
            use_cache=True,
        )
        logits = decoder.lm_head(seen.last_hidden_state[:, -1]).float()
        drawn = [pick(row, logits[at]) for at, row in enumerate(rows)]
        stay = [at for at, token in enumerate(drawn) if token is not None]
        if not stay:
            return
        if len(stay) < len(rows):
            kept = torch.tensor(stay, device=embeds.device)
            cache.batch_select_indices(kept)
            mask, places = mask[kept], places[kept]
            rows = [rows[at] for at in stay]
        embeds = decoder.embed([t for t in drawn if t is not None])[:, None]
        mask = torch.cat([mask, mask.new_ones(len(rows), 1)], 1)
        places = places[:, -1:] + 1
