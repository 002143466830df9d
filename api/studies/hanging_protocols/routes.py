"""How studies are laid out when a person opens them: hanging protocols, which a site may edit.

`file` keeps the site's; without them those of `shipped` count.
"""

import json

from fastapi import Response
from pydantic import ValidationError

from api.access.policy import ADMINS, READERS, policy
from api.audit_rules import MODEL_CHANGED, PUBLIC, Audited
from api.deps import StorageDep
from api.errors import ApiProblem
from api.hanging_protocol_schemas import HangingProtocols
from api.parameters import problems
from api.router_factory import new_router
from api.studies.hanging_protocols.file import (
    FILE,
    LayoutStorage,
    TooLarge,
    read_text,
    remove,
    write_text,
)
from api.studies.hanging_protocols.shipped import SHIPPED
from storage.audit import Code, Type

router = new_router(prefix="/api/hanging-protocols", tags=["reading"])

_CHANGE = "change the hanging protocols"


@router.get("", summary="Show how studies are laid out", operation_id="get_hanging_protocols")
@policy(READERS, "api:read", PUBLIC)
def get_hanging_protocols(storage: StorageDep) -> HangingProtocols:
    """The site's protocols, or those shipped with the node where the site has none."""
    return _read(storage)


@router.put(
    "",
    summary="Set how studies are laid out",
    operation_id="put_hanging_protocols",
    responses=problems(400, 403),
)
@policy(ADMINS, "admin", MODEL_CHANGED, confirmed_to=_CHANGE)
def put_hanging_protocols(storage: StorageDep, protocols: HangingProtocols) -> HangingProtocols:
    """Replace the site's protocols; the viewer takes them at the next study that is opened.

    A person confirms the session first: those of before are not kept.
    """
    text = protocols.model_dump_json(indent=2, exclude_defaults=True).encode()
    write_text(storage, text)
    return protocols


@router.delete(
    "",
    status_code=204,
    summary="Go back to the layouts shipped with the node",
    operation_id="delete_hanging_protocols",
    responses=problems(403),
)
@policy(
    ADMINS,
    "admin",
    Audited(Code.SECURITY_ALERT, "D", Type.SOFTWARE_CONFIGURATION),
    confirmed_to=_CHANGE,
)
def delete_hanging_protocols(storage: StorageDep) -> Response:
    """Forget the site's protocols. Doing it again is harmless. A person confirms the session
    first.
    """
    remove(storage)
    return Response(status_code=204)


def _read(storage: LayoutStorage) -> HangingProtocols:
    try:
        text = read_text(storage)
        if text is None:
            return SHIPPED
        return HangingProtocols.model_validate(json.loads(text.decode("utf-8")))
    except TooLarge as error:
        raise _unusable(f"{FILE} is larger than 256 KiB.") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise _unusable(f"{FILE} is not JSON: {error}.") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'the whole'}: {one['msg']}"
            for one in error.errors()
        )
        raise _unusable(f"{FILE} is wrong. {problems}.") from error


def _unusable(detail: str) -> ApiProblem:
    return ApiProblem(
        422,
        "hanging_protocols",
        detail,
        remedy="Correct the file in the data folder, or set the protocols by PUT.",
    )
