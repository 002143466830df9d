"""What was made of instances lately: what is kept, and for how long."""

from types import SimpleNamespace

import pytest

from api.dicomweb.instances import cache as cache_module
from api.dicomweb.instances.cache import ByteCache


def test_what_was_not_asked_for_for_longest_leaves_first() -> None:
    cache: ByteCache[str, bytes] = ByteCache(max_bytes=30)
    for name in "abc":
        cache.put(name, b"p" * 10, 10)
    assert cache.get("a") == b"p" * 10
    cache.put("d", b"p" * 10, 10)
    assert [cache.get(name) is not None for name in "abcd"] == [True, False, True, True]


def test_one_that_is_put_again_counts_once() -> None:
    cache: ByteCache[str, bytes] = ByteCache(max_bytes=30)
    for _ in range(5):
        cache.put("a", b"p" * 10, 10)
    cache.put("b", b"p" * 20, 20)
    assert cache.get("a") is not None
    assert cache.get("b") is not None


def test_what_is_larger_than_all_of_it_is_not_kept() -> None:
    cache: ByteCache[str, bytes] = ByteCache(max_bytes=30)
    cache.put("a", b"p" * 10, 10)
    cache.put("large", b"p" * 31, 31)
    assert cache.get("large") is None
    assert cache.get("a") is not None


def test_what_is_larger_than_stated_is_not_kept() -> None:
    cache: ByteCache[str, bytes] = ByteCache(max_bytes=30, largest_bytes=10)
    cache.put("a", b"p" * 10, 10)
    cache.put("b", b"p" * 11, 11)
    assert [cache.get("a") is not None, cache.get("b") is not None] == [True, False]


def test_nothing_is_kept_for_longer_however_often_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = [1000.0]
    monkeypatch.setattr(cache_module, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    cache: ByteCache[str, bytes] = ByteCache(max_bytes=30, max_age_s=600.0)
    cache.put("a", b"p" * 10, 10)
    for now_s[0] in (1300.0, 1599.0):
        assert cache.get("a") is not None
    now_s[0] = 1601.0
    assert cache.get("a") is None
