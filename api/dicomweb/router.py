"""The DICOMweb services under one prefix."""

from fastapi import APIRouter

from api.dicomweb import frame_routes, qido, rendered, retrieve, stow
from api.dicomweb.lookups import PREFIX

router = APIRouter(prefix=PREFIX, tags=["DICOMweb"])
# Routes are tried in order, so what a viewer asks for most comes first.
for part in (frame_routes.router, retrieve.router, qido.router, rendered.router, stow.router):
    router.include_router(part)
