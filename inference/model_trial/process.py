"""A trial in a process of its own, which a worker's process begins.

A worker's process is one of billiard's, to which multiprocessing gives no children: so it is begun
as a program, of which nothing is left afterwards. What comes back is JSON and nothing that is
executed, since a model ran there.
"""

import base64
import json
import pickle
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

from inference.failures import explain
from inference.model_registry.apart import answer_apart
from inference.model_registry.verification import self_test_named
from inference.model_trial.trying import TRIAL_AT_MOST_S, TrialAnswer, try_named
from inference.refusals import ModelUnusable
from storage.core.errors import MediViewError
from storage.model_registry.trials import ModelTrial, TrialProblem, TrialProof
from storage.settings import Settings

_ANSWER_AT_MOST_BYTES = 64 * 1024 * 1024
SELF_TEST_AT_MOST_S = 280.0
"""Who asked for it by HTTP waits for it (`api.models.by_worker`)."""
_NUMBERS_AT_MOST = 200


@dataclass(frozen=True)
class MeasuredTrial:
    """`memory_bytes`: the most that the process had in memory."""

    series: list[TrialAnswer]
    memory_bytes: int
    proof: TrialProof | None = None


class TrialFailed(Exception):
    """What the trial itself raised, as it came from its process."""

    def __init__(self, problem: TrialProblem) -> None:
        super().__init__(problem["code"])
        self.problem = problem


def try_in_process(settings: Settings, trial: ModelTrial) -> MeasuredTrial:
    """Raises TrialFailed, ModelUnusable where the process ends or takes longer than a trial may,
    and TooManyRequests where another one runs on this host."""
    what, by_hand, limit_s = (
        f"The trial of {trial.model}",
        f"mediview models try {trial.model} STUDY",
        TRIAL_AT_MOST_S,
    )
    if not trial.study_instance_uid:
        what, by_hand, limit_s = (
            f"The self-test of {trial.model}",
            f"mediview models verify {trial.model}",
            SELF_TEST_AT_MOST_S,
        )
    asked = (settings, trial.model, trial.model_version, trial.study_instance_uid)
    with answer_apart(settings, what, by_hand, limit_s, __name__, asked) as path:
        if path.stat().st_size > _ANSWER_AT_MOST_BYTES:
            raise ModelUnusable(f"{what} answered more than {_ANSWER_AT_MOST_BYTES >> 20} MiB.")
        return _read(json.loads(path.read_bytes()))


def _read(answer: dict[str, Any]) -> MeasuredTrial:
    if "problem" in answer:
        stated = answer["problem"]
        raise TrialFailed(
            TrialProblem(
                code=str(stated["code"]),
                detail=str(stated["detail"]),
                remedy=str(stated["remedy"]),
            )
        )
    series = [
        TrialAnswer(
            **{
                **one,
                "lines": tuple(one["lines"]),
                "notes": tuple(one["notes"]),
                "picture": base64.b64decode(one["picture"]),
            }
        )
        for one in answer["series"]
    ]
    return MeasuredTrial(series, int(answer["memory_bytes"]), _read_proof(answer.get("proof")))


def _read_proof(stated: dict[str, Any] | None) -> TrialProof | None:
    if stated is None:
        return None
    numbers = list(stated["answer"].items())[:_NUMBERS_AT_MOST]
    return TrialProof(
        answer={str(name): float(value) for name, value in numbers},
        detail=str(stated["detail"]),
        digest=str(stated["digest"]),
    )


def _answer(settings: Settings, name: str, version: str, study: str) -> dict[str, Any]:
    try:
        proof = None if study else self_test_named(settings, name, version)
        tried = try_named(settings, name, version, study) if study else []
    except MediViewError as error:
        return {"problem": TrialProblem(code=error.code, detail=error.message, remedy=error.remedy)}
    except Exception as error:  # noqa: BLE001 - the edge of a process: every failure is its answer
        sentence = explain(error).sentence
        return {"problem": TrialProblem(code="model_unusable", detail=sentence, remedy="")}
    series = [{**asdict(one), "picture": base64.b64encode(one.picture).decode()} for one in tried]
    # Linux counts it in KiB.
    memory_bytes = getrusage(RUSAGE_SELF).ru_maxrss * 1024
    return {
        "series": series,
        "proof": proof,
        "memory_bytes": memory_bytes,
    }


def main(path: str) -> int:
    """What is asked comes as pickle from the worker's process that began this one."""
    asked = pickle.load(sys.stdin.buffer)  # noqa: S301 - our own parent's, and nobody else's
    Path(path).write_text(json.dumps(_answer(*asked)), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
