"""The frozen sentence encoder: all-MiniLM-L6-v2."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from gaia_core.assets import shipped_model

# With BERT's names; matrices are int8, with an fp16 scale for each `GROUP` elements of a row.
WEIGHTS, TOKENIZER = "minilm_l6_v2.safetensors", "minilm_l6_v2_tokenizer.json"
WIDTH, HEADS, DEPTH, WORDS = 384, 12, 6, 30522
MAX_TOKENS = 128  # of one clause
GROUP = 16


class SentenceEncoder(nn.Module):
    """all-MiniLM-L6-v2: sentence embeddings of unit length."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.positions = nn.Embedding(MAX_TOKENS, WIDTH)
        self.kind = nn.Parameter(torch.zeros(WIDTH))
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", layer_norm_eps=1e-12, batch_first=True
            )
            for _ in range(DEPTH)
        )
        self.tokenizer: Tokenizer | None = None
        self.eval().requires_grad_(False)

    @classmethod
    def load(cls) -> SentenceEncoder:
        """The encoder with MiniLM's weights, on the CPU.

        Raises:
            InputError: a file is missing or has another checksum.
        """
        with torch.device("meta"):
            encoder = cls()
        weights = _dequantised(load_file(shipped_model(WEIGHTS)))
        encoder.load_state_dict(_state(weights), strict=True, assign=True)
        encoder.tokenizer = Tokenizer.from_file(str(shipped_model(TOKENIZER)))
        encoder.tokenizer.enable_truncation(MAX_TOKENS)
        encoder.tokenizer.enable_padding()
        return encoder.requires_grad_(False)

    @torch.no_grad()
    def embed(self, sentences: Sequence[str]) -> Tensor:
        """N sentences -> (N, 384) float32 of length 1, N >= 1."""
        assert self.tokenizer is not None, "use SentenceEncoder.load"
        coded = self.tokenizer.encode_batch(list(sentences))
        tokens = torch.tensor([code.ids for code in coded])
        there = torch.tensor([code.attention_mask for code in coded], dtype=torch.bool)
        x = self.norm(self.words(tokens) + self.positions.weight[: tokens.shape[1]] + self.kind)
        for block in self.blocks:
            x = block(x, src_key_padding_mask=~there)
        return functional.normalize((x * there[..., None]).sum(1), dim=-1)


def _dequantised(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    found = {}
    for name, values in weights.items():
        if values.dtype == torch.int8:
            scale = weights[f"{name}.scale"].float()
            values = (values.unflatten(1, (-1, GROUP)) * scale[..., None]).flatten(1)
        found[name] = values
    return found


def _state(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """BERT's names -> the names of `SentenceEncoder`."""
    state = {
        "words.weight": weights["embeddings.word_embeddings.weight"],
        "positions.weight": weights["embeddings.position_embeddings.weight"],
        "kind": weights["embeddings.token_type_embeddings.weight"][0],
        "norm.weight": weights["embeddings.LayerNorm.weight"],
        "norm.bias": weights["embeddings.LayerNorm.bias"],
    }
    for block, kind in itertools.product(range(DEPTH), ("weight", "bias")):
        ours, theirs = f"blocks.{block}", f"encoder.layer.{block}"
        state[f"{ours}.self_attn.in_proj_{kind}"] = torch.cat(
            [weights[f"{theirs}.attention.self.{x}.{kind}"] for x in ("query", "key", "value")]
        )
        for part, source in (
            ("self_attn.out_proj", "attention.output.dense"),
            ("norm1", "attention.output.LayerNorm"),
            ("linear1", "intermediate.dense"),
            ("linear2", "output.dense"),
            ("norm2", "output.LayerNorm"),
        ):
            state[f"{ours}.{part}.{kind}"] = weights[f"{theirs}.{source}.{kind}"]
    return state
