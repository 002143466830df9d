"""The DICOMweb services under one prefix."""

from fastapi import APIRouter

from api.dicomweb import (
    bulk_routes,
    frame_routes,
    qido,
    removal,
    rendered,
    retrieve,
    stow,
    wado_uri,
)
from api.dicomweb.capabilities import Resources
from api.dicomweb.lookups import PREFIX

router = APIRouter(prefix=PREFIX, tags=["DICOMweb"])
# Routes are tried in order, so what a viewer asks for most comes first.
_PARTS = (
    frame_routes.router,
    retrieve.router,
    qido.router,
    rendered.router,
    stow.router,
    bulk_routes.router,
    removal.router,
    wado_uri.router,
)
for part in _PARTS:
    router.include_router(part)
Resources(_PARTS).describe_in(router)
