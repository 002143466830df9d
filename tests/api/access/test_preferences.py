"""Each person's own pages: kept, apart from others', and refused where they make no sense."""

from typing import Any

import pytest
from pydantic import ValidationError

from api.access.preferences import PreferencesPayload
from storage.core.callers.identity import Identity
from tests.api.access.closed import ClosedNode
from tests.api.client import is_problem

_ONE_SERIES = {
    "study": "current", "modalities": ["CT"], "description_contains": [], "description_lacks": [],
    "laterality": "", "views": [], "kind": "", "role": "", "each_image": False, "window": None,
    "required": True,
}  # fmt: skip
_OWN_LAYOUT = {
    "name": "Zwei Serien", "rows": 1, "columns": 2, "linked": True, "fused": False,
    "viewports": [_ONE_SERIES, _ONE_SERIES], "modalities": ["CT"], "body_parts": [], "stages": [],
}  # fmt: skip
_MINE = {
    "language": "de",
    "theme": "light",
    "columns": ["patient", "state"],
    "views": [{"name": "MR, nicht befundet", "query": "modality=MR&state=RESULTS"}],
    "phrases": [{"word": "ob", "text": "Kein Nachweis einer Raumforderung."}],
    "windows": [{"name": "Subdural", "modality": "CT", "center": 75.0, "width": 215.5}],
    "panels": {
        "series": {"is_open": False, "width_px": None},
        "results": {"is_open": True, "width_px": 512},
    },
    "keys": [{"usual": "w", "key": "l"}, {"usual": "l", "key": "<"}],
    "hanging": {"protocols": [_OWN_LAYOUT]},
    "density": "comfortable",
    "tours": ["reader"],
}
_NONE: dict[str, Any] = {
    "language": None,
    "theme": None,
    "columns": [],
    "views": [],
    "phrases": [],
    "windows": [],
    "panels": {
        "series": {"is_open": True, "width_px": None},
        "results": {"is_open": True, "width_px": None},
    },
    "keys": [],
    "hanging": None,
    "density": None,
    "tours": [],
}


def test_what_one_chose_is_there_again_and_nobody_elses(stored_closed: ClosedNode) -> None:
    with (
        stored_closed.signed_in("ada", "viewer") as ada,
        stored_closed.signed_in("ben", "admin") as ben,
    ):
        assert ada.get("/api/me/preferences").json() == _NONE
        assert ada.put("/api/me/preferences", json=_MINE).json() == _MINE
        assert ada.put("/api/me/preferences", json=_MINE).status_code == 200
        assert ada.get("/api/me/preferences").json() == _MINE
        assert ben.get("/api/me/preferences").json() == _NONE
        with stored_closed.with_key("ada-program", "viewer") as program:
            assert program.get("/api/me/preferences").json() == _NONE


def test_what_the_pages_do_not_know_is_refused(closed: ClosedNode) -> None:
    with closed.signed_in("ada", "viewer") as ada:
        for wrong in (
            {"language": "English"},
            {"language": ""},
            {"theme": "blue"},
            {"density": "cosy"},
            {"tours": ["<b>"]},
            {"hanging": {"protocols": [_OWN_LAYOUT, _OWN_LAYOUT]}},
            {"hanging": {"protocols": [{**_OWN_LAYOUT, "rows": 9}]}},
            {"colour": "pink"},
            {"columns": ["<script>"]},
            {"views": [{"name": "", "query": ""}]},
            {"views": [{"name": "n", "query": "x" * 1001}]},
            {"panels": {"results": {"is_open": True, "width_px": 5}}},
            {"windows": [{"name": "n", "modality": "CT", "center": 0, "width": 0}]},
            {"windows": [{"name": "n", "modality": "ct scan", "center": 0, "width": 1}]},
            {"panels": {"middle": {"is_open": True}}},
            {"keys": [{"usual": "w", "key": "Enter"}]},
            {"keys": [{"usual": "w", "key": "ü"}]},
            {"keys": [{"usual": "w", "key": "k"}, {"usual": "l", "key": "k"}]},
            {"keys": [{"usual": "w", "key": "k"}, {"usual": "w", "key": "l"}]},
        ):
            is_problem(ada.put("/api/me/preferences", json=wrong), 422, "validation_failed")
        assert ada.get("/api/me/preferences").json() == _NONE


def test_what_is_not_valid_any_more_is_left_out_and_the_rest_stays(
    stored_closed: ClosedNode,
) -> None:
    with stored_closed.signed_in("ada", "viewer") as ada:
        assert ada.put("/api/me/preferences", json=_MINE).json() == _MINE
        stored = stored_closed.storage.preferences
        who = Identity("account", "ada", "ada")
        # As another version may have stored it.
        older = stored.of(who)
        older["theme"] = "sepia"
        older["hanging"]["protocols"][0]["rows"] = 9
        older["views"].insert(0, {"name": "", "query": ""})
        older["keys"].append({"usual": "w", "key": "x"})
        stored.put(who, older)
        assert ada.get("/api/me/preferences").json() == {
            **_MINE, "theme": None, "hanging": None, "keys": [],
        }  # fmt: skip


def test_of_many_mistakes_in_a_layout_few_are_counted() -> None:
    unknown = {f"x{number}": 1 for number in range(5000)}
    for layout in ({**_OWN_LAYOUT, **unknown}, {**_OWN_LAYOUT, "viewports": [unknown]}):
        with pytest.raises(ValidationError) as refused:
            PreferencesPayload.model_validate({"hanging": {"protocols": [layout]}})
        assert refused.value.error_count() <= 101
