"""What an integrator does first, with the client that openapi-python-client makes."""

import datetime
import sys

from mediview_generated import AuthenticatedClient
from mediview_generated.api.models import list_models
from mediview_generated.api.studies import list_studies
from mediview_generated.api.worklist import (
    add_worklist_item,
    get_worklist_item,
    remove_worklist_item,
)
from mediview_generated.models import ModelList, NewWorklistItem, Problem, ScheduledStep, StudyPage

url, key = sys.argv[1:]

stranger = AuthenticatedClient(url, token="mvk_0123456789ab_wrong")
refused = list_studies.sync(client=stranger)
assert isinstance(refused, Problem)
assert refused.code == "credential_refused", refused

node = AuthenticatedClient(url, token=key)
studies = list_studies.sync(client=node, limit=5)
assert isinstance(studies, StudyPage)
models = list_models.sync(client=node)
assert isinstance(models, ModelList)
assert models.items[0].name

step = ScheduledStep(
    modality="MR",
    scheduled_station_ae_title="MR1",
    scheduled_procedure_step_start_date=datetime.date(2026, 11, 30),
    scheduled_procedure_step_start_time="08:30:00",
)
order = NewWorklistItem(
    patient_name="Müller^Jane", patient_id="P-1", scheduled_procedure_step_sequence=[step]
)
made = add_worklist_item.sync(client=node, body=order)
assert made is not None
assert not isinstance(made, Problem), made
read = get_worklist_item.sync(made.worklist_item_id, client=node)
assert read == made
assert read.additional_properties["patient_name"] == "Müller^Jane"
gone = remove_worklist_item.sync_detailed(made.worklist_item_id, client=node)
assert gone.status_code == 204
missing = get_worklist_item.sync(made.worklist_item_id, client=node)
assert isinstance(missing, Problem)
assert missing.status == 404
print("the story is complete")
