"""How large a workitem and a filter of a subscription may become, by one request or by many."""

import json
from collections.abc import Mapping

from storage.core.errors import InvalidRequest
from storage.ups.dicom_json import JsonAttributes

MOST_BYTES = 1024 * 1024
"""Of one data set, as JSON."""
_KEYS_AT_MOST = 64
_KEY_CHARACTERS_AT_MOST = 8000


def check_growth(before: JsonAttributes, after: JsonAttributes) -> None:
    """Many updates, each of them small, add up. Raises InvalidRequest."""
    size_bytes = _size_bytes(after)
    if size_bytes > MOST_BYTES and size_bytes > _size_bytes(before):
        raise InvalidRequest(
            f"With this update the workitem has {size_bytes >> 10} KiB; {MOST_BYTES >> 10} KiB are"
            " the most.",
            remedy="Leave out what it need not state, or create another workitem.",
        )


def check_keys(keys: Mapping[str, str]) -> None:
    """Of a filter, which is compared at each event. Raises InvalidRequest."""
    characters = sum(len(name) + len(value) for name, value in keys.items())
    if len(keys) > _KEYS_AT_MOST or characters > _KEY_CHARACTERS_AT_MOST:
        raise InvalidRequest(
            f"The filter has {len(keys)} keys of {characters} characters in all;"
            f" {_KEYS_AT_MOST} keys and {_KEY_CHARACTERS_AT_MOST} characters are the most.",
            remedy="Subscribe with fewer keys, or to all workitems.",
        )


def _size_bytes(attributes: JsonAttributes) -> int:
    return len(json.dumps(attributes, ensure_ascii=False).encode())
