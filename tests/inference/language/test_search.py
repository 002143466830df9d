"""Meaning as a vector, and what is found by it, in this process and in PostgreSQL alike."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from inference.language.embedding import DIMENSIONS, embed
from inference.language.search import SearchIndex, embed_waiting, open_index
from storage.container import Storage
from storage.reports.entities import ReportSection, ReportSentence
from storage.search.passages import FINDING, REPORT
from tests.inference.language.test_visual import FINDINGS
from tests.inference.orchestration import storage_in
from tests.postgres import PostgresServer

TEXTS = (
    "There is a moderate left pleural effusion.",
    "The bones show a fracture of the sixth rib.",
    "Brain volume is below that of the age group.",
    "",
    "One word",
    " ".join(["A long report about the liver."] * 60),
)


@pytest.fixture(params=["memory", "pgvector"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    overrides = {"passage_search": request.param}
    if request.param == "pgvector":
        server: PostgresServer = request.getfixturevalue("vector_server")
        overrides["database_url"] = server.migrated_database()
    with storage_in(tmp_path, **overrides) as opened:
        yield opened


def test_the_vectors_are_those_of_transformers() -> None:
    """Another implementation of the same model, from the same files."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    from inference.language.embedding import _folder

    folder = _folder()
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    encoded = tokenizer(
        list(TEXTS), return_tensors="pt", padding=True, truncation=True, max_length=256
    )
    with torch.no_grad():
        hidden = model(**encoded).last_hidden_state
    mask = encoded["attention_mask"][..., None]
    expected = (hidden * mask).sum(1) / mask.sum(1)
    expected = expected / expected.norm(dim=1, keepdim=True)
    ours = embed(TEXTS)
    assert ours.shape == (len(TEXTS), DIMENSIONS)
    assert np.allclose(ours, expected.numpy(), atol=2e-6)
    assert embed([]).shape == (0, DIMENSIONS)


def put_report(storage: Storage, number: int, *sentences: str) -> str:
    report = storage.reports.offer(
        f"2.25.{number}",
        language="en",
        title="Report",
        sections=[
            ReportSection("Findings", tuple(ReportSentence(one) for one in sentences)),
            ReportSection("Technique", (ReportSentence("A chest CT."),), "technique"),
            ReportSection("Impression", (), "impression"),
        ],
        basis_digest=" ".join(sentences),
    )
    return report.report_id


def make_vectors(storage: Storage) -> None:
    while embed_waiting(storage.passages):
        pass
    assert not storage.passages.are_waiting()


def found(index: SearchIndex, question: str) -> list[str]:
    return [hit.passage.subject_id for hit in index.find(question, 10, [REPORT, FINDING]).hits]


def test_other_words_find_what_means_the_same(storage: Storage) -> None:
    effusion, rib, brain = (
        put_report(storage, number, text) for number, text in enumerate(TEXTS[:3], start=100)
    )
    job, _ = storage.jobs.schedule("lung-density", "1", "2.25.200", "2.25.1", "f")
    storage.findings.replace_for_job(
        job.job_id, [dataclasses.replace(FINDINGS[0], job_id=job.job_id)]
    )
    index = open_index(storage.passages)
    # What is known in several words is found by them at once.
    assert found(index, "fluid around the lung") == [effusion]
    assert storage.passages.waiting_count() == 4
    make_vectors(storage)
    named = found(index, "fluid around the lung")
    assert named.index(effusion) < 2
    assert rib not in named[:2]
    assert found(index, "broken rib")[0] == rib
    assert found(index, "cerebral atrophy")[0] == brain
    assert found(index, "size of the left lung")[0] == FINDINGS[0].finding_id
    assert found(index, "the price of tea in China") == []


def test_a_report_that_changes_is_found_by_its_new_words_alone(storage: Storage) -> None:
    report_id = put_report(storage, 100, TEXTS[0])
    make_vectors(storage)
    index = open_index(storage.passages)
    assert found(index, "fluid around the lung") == [report_id]
    put_report(storage, 100, TEXTS[1])
    assert found(index, "fluid around the lung") == []
    make_vectors(storage)
    assert found(index, "fluid around the lung") == []
    assert found(index, "broken rib") == [report_id]


def test_what_was_deleted_is_not_found(storage: Storage) -> None:
    from tests.inference.orchestration import complete_series
    from tests.inference.small import study_uid

    complete_series(storage, "gone")
    job, _ = storage.jobs.schedule("report", "1", study_uid("gone"), "2.25.1", "f")
    storage.findings.replace_for_job(
        job.job_id,
        [dataclasses.replace(FINDINGS[0], job_id=job.job_id, study_instance_uid=study_uid("gone"))],
    )
    storage.answers.ask("vqa", {}, version="1", study_instance_uid=study_uid("gone"))
    make_vectors(storage)
    index = open_index(storage.passages)
    assert found(index, "left lung volume")
    storage.deletions.study(study_uid("gone"))
    assert found(index, "left lung volume") == []
    assert storage.passages.state()[0] == 0
    assert storage.jobs.list()[1] == 0


def test_similar_to_a_vector_leaves_the_study_itself_out(storage: Storage) -> None:
    put_report(storage, 100, TEXTS[0])
    other = put_report(storage, 101, "A large effusion is seen on the left side.")
    make_vectors(storage)
    index = open_index(storage.passages)
    vector = embed([TEXTS[0]])[0]
    near = index.near(vector, 5, [REPORT], other_than="2.25.100")
    assert [hit.passage.subject_id for hit in near] == [other]
    assert 0.5 < near[0].score <= 1


@pytest.mark.parametrize("kind", [REPORT, FINDING])
def test_kinds_are_told_apart(storage: Storage, kind: str, tmp_path: Path) -> None:
    put_report(storage, 100, "Left lung volume 2345 cm3.")
    job, _ = storage.jobs.schedule("lung-density", "1", "2.25.200", "2.25.1", "f")
    storage.findings.replace_for_job(
        job.job_id, [dataclasses.replace(FINDINGS[0], job_id=job.job_id)]
    )
    make_vectors(storage)
    hits = open_index(storage.passages).find("left lung volume", 10, [kind]).hits
    assert {hit.passage.kind for hit in hits} == {kind}
