"""The DICOMweb services under one prefix."""

from fastapi import APIRouter

from api.dicomweb import frame_routes, qido, rendered, retrieve, stow
from api.dicomweb.lookups import PREFIX

router = APIRouter(prefix=PREFIX, tags=["DICOMweb"])
for part in (qido.router, retrieve.router, frame_routes.router, rendered.router, stow.router):
    router.include_router(part)
