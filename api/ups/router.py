"""The worklist service under the prefix of DICOMweb."""

from fastapi import APIRouter

from api.dicomweb.capabilities import answer_options
from api.dicomweb.lookups import PREFIX
from api.ups import items, notifying, search, subscribing

router = APIRouter(prefix=PREFIX, tags=["DICOMweb worklist"])
_PARTS = (search.router, items.router, subscribing.router, notifying.router)
for part in _PARTS:
    router.include_router(part)
answer_options(router, _PARTS)
