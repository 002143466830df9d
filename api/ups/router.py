"""The worklist service under the prefix of DICOMweb."""

from api.dicomweb.capabilities import answer_options
from api.dicomweb.routing import worklist_router
from api.router_factory import routes_of
from api.ups import items, notifying, search, subscribing

router = worklist_router()
_PARTS = (search.router, items.router, subscribing.router, notifying.router)
router.routes.extend(routes_of(_PARTS))
answer_options(router, _PARTS)
