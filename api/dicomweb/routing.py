"""Routers below the prefix of DICOMweb."""

from fastapi import APIRouter

from api.dicomweb.lookups import PREFIX
from api.routing import new_router


def dicomweb_router() -> APIRouter:
    return new_router(prefix=PREFIX, tags=["DICOMweb"], reads_own_query=True)


def worklist_router() -> APIRouter:
    return new_router(prefix=PREFIX, tags=["DICOMweb worklist"], reads_own_query=True)
