"""The rights with which a request was answered, and whether who asks again still has them."""

import re

from sqlalchemy import Engine
from starlette.types import Scope

from api.access.principal import principal_of
from api.audit.middleware import NAMED_STUDIES
from storage.access_groups.visibility import all_seen
from storage.core.callers.visibility import current_visibility
from storage.idempotency.repository import Answer, Rights

# One, or a list of them.
_STUDIES = re.compile(rb'study_instance_uids?"\s*:\s*("[0-9.]*"|\[[^\]]*\])')
_UID = re.compile(rb'"([0-9.]{1,64})"')


def rights_of(scope: Scope) -> Rights:
    principal, visibility = principal_of(scope), current_visibility()
    return Rights(
        roles=tuple(sorted(principal.roles)) if principal else (),
        scopes=tuple(sorted(principal.scopes)) if principal else (),
        is_person=principal is not None and principal.is_person,
        group_ids=visibility.group_ids if visibility else None,
        sees_unmatched=visibility.sees_unmatched if visibility else True,
    )


def studies_of(scope: Scope, body: bytes) -> tuple[str, ...]:
    """What is asked about and what is answered."""
    named = (scope.get("state") or {}).get(NAMED_STUDIES, ())
    in_path = (scope.get("path_params") or {}).get("study_instance_uid")
    in_body = (uid.decode() for one in _STUDIES.findall(body) for uid in _UID.findall(one))
    return tuple(dict.fromkeys((*([str(in_path)] if in_path else ()), *named, *in_body)))


def is_allowed(engine: Engine, scope: Scope, answer: Answer) -> bool:
    """Whether who asks still has the rights with which it was answered. Raises StorageUnavailable.

    The role that the route needs, and whether the account or key still is, were looked at before.
    """
    if not rights_of(scope).include(answer.rights):
        return False
    return all_seen(engine, current_visibility(), answer.study_instance_uids)
