"""The DICOMweb services under one prefix."""

from api.dicomweb import removal
from api.dicomweb.capabilities import answer_options, get_capabilities
from api.dicomweb.rendering import rendered
from api.dicomweb.retrieval import bulk_routes, frame_routes, retrieve, wado_uri
from api.dicomweb.routing import dicomweb_router
from api.dicomweb.search import qido
from api.dicomweb.store import stow
from api.router_factory import routes_of

router = dicomweb_router()
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
router.routes.extend(routes_of(_PARTS))
answer_options(router, _PARTS)
# The root of the prefix, which a part cannot name.
for path in ("", "/"):
    shown = not path
    router.add_api_route(path, get_capabilities, methods=["GET"], include_in_schema=shown)
    router.add_api_route(path, get_capabilities, methods=["OPTIONS"], include_in_schema=False)
