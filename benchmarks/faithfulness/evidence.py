"""What the cases are made from: findings that the pipelines gave of real studies, kept as JSON.

They were taken from the node after `brain-volume`, `brain-structures` and `lung-density` had run
on the T1-weighted head and the chest CT of the shared data.
"""

import json
from datetime import datetime
from functools import cache
from pathlib import Path

from storage.entities import Code, Finding

_FOLDER = Path(__file__).parent / "findings"


@cache
def findings_of(pipeline: str) -> tuple[Finding, ...]:
    """The findings of one run of a pipeline, by its name."""
    rows = json.loads((_FOLDER / f"{pipeline}.json").read_text(encoding="utf-8"))
    return tuple(
        Finding(
            **{
                **row,
                "code": Code(**row["code"]),
                "unit": Code(**row["unit"]) if row["unit"] else None,
                "segmentation": None,
                "created_at": datetime.fromisoformat(row["created_at"]),
            }
        )
        for row in rows
    )
