"""The worklist service under the prefix of DICOMweb."""

from fastapi import APIRouter

from api.dicomweb.lookups import PREFIX
from api.ups import items, notifying, search, subscribing

router = APIRouter(prefix=PREFIX, tags=["DICOMweb worklist"])
for part in (search.router, items.router, subscribing.router, notifying.router):
    router.include_router(part)
