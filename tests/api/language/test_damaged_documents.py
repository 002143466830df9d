"""A bit that flips in a document that was sent with a question."""

from tests.api.client import ApiNode, is_problem
from tests.api.jobs.test_damaged_uploads import flip_a_bit
from tests.api.language.texts import letter


def test_of_a_damaged_document_nothing_is_shown(asked: ApiNode) -> None:
    answer = asked.client.post(
        "/api/docqa",
        files={"file": ("letter.pdf", letter(), "application/pdf")},
        data={"question": "When is the next appointment?"},
    ).json()
    page = f"/api/answers/{answer['job_id']}/pages/1"
    assert asked.client.get(page).status_code == 200
    flip_a_bit(asked, asked.storage.jobs.get(answer["job_id"]).input_object_key)
    is_problem(asked.client.get(page), 500, "instance_damaged")
