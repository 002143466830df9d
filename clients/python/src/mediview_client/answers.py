"""What a node answers, and what something else at its address may answer."""

from typing import Any

import httpx

from mediview_client.errors import Unreadable


def read_answer(response: httpx.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError) as error:
        raise Unreadable("The answer is not JSON. Check the address of the node.") from error


def items_of(response: httpx.Response) -> list[dict[str, Any]]:
    answer = read_answer(response)
    items = answer.get("items") if isinstance(answer, dict) else None
    if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
        raise Unreadable("The answer is not a list as nodes give it. Check the address.")
    return items
