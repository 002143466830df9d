"""Addresses and networks as a setting names them."""

import ipaddress
from typing import Any


def networks(value: Any) -> Any:
    """Of a text with commas: each as a network. Raises ValueError for one that is not any."""
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.split(",") if part.strip()]
    return tuple(str(ipaddress.ip_network(part, strict=False)) for part in parts)
