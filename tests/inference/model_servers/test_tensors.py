"""What a server answers as JSON, before it takes memory."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

from inference.model_servers.card import NamedTensor
from inference.model_servers.tensors import decoded
from inference.refusals import ModelUnusable

SHAPE = [2, 3, 4]
TENSOR = NamedTensor.model_validate({"name": "y", "datatype": "FP32", "shape": SHAPE})


def read(data: Any, shape: list[int] = SHAPE) -> Any:
    tensor = TENSOR.model_copy(update={"shape": tuple(shape)})
    stated = {"name": "y", "datatype": "FP32", "shape": shape, "data": data}
    return decoded(stated, b"", tensor, "the server", 1 << 30)


def test_flat_and_nested_lists_are_the_same_numbers() -> None:
    values = np.arange(24, dtype=np.float32).reshape(SHAPE)
    for data in (values.tolist(), values.ravel().tolist(), values.reshape(6, 4).tolist()):
        np.testing.assert_array_equal(read(data), values)


@pytest.mark.parametrize(
    "data",
    [
        [1.0] * 23,
        [1.0] * 25,
        [*[1.0] * 23, "1"],
        [*[1.0] * 23, True],
        [*[1.0] * 23, None],
        [*[1.0] * 23, {}],
        {"0": 1.0},
        "1.0",
        None,
        [*[1] * 23, 10**400],
    ],
)
def test_whatever_are_not_so_many_numbers_is_refused(data: Any) -> None:
    with pytest.raises(ModelUnusable, match="other than the 24 values"):
        read(data)


def test_lists_within_lists_have_an_end() -> None:
    deep: list[Any] = [1.0] * 24
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(ModelUnusable, match="other than the 24 values"):
        read(deep)


def test_a_long_text_among_numbers_takes_no_memory_for_each_of_them() -> None:
    data = ["a" * 30_000, *[1] * 40_000]
    tracemalloc.start()
    try:
        with pytest.raises(ModelUnusable, match="other than the 40001 values"):
            read(data, [40_001])
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
