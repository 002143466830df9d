"""Around every request: its id, the access log, security headers, who may ask, how much.

Pure ASGI, so that live streams and large bodies pass through unbuffered.
"""

from api.middleware.body_limit import BodyLimit, limited
from api.middleware.cors import CrossOrigin
from api.middleware.methods import AllowedMethods, HeadAsGet, with_head
from api.middleware.origin_guard import OriginGuard
from api.middleware.request_context import RequestContext, route_template
from api.middleware.request_timeout import RequestTimeout
from api.middleware.security_headers import SecurityHeaders, content_security_policy
from api.middleware.trailing_slash import TrailingSlash
from api.middleware.unchanged import UnchangedLists
from api.middleware.versions import ApiVersion

__all__ = [
    "AllowedMethods",
    "ApiVersion",
    "BodyLimit",
    "CrossOrigin",
    "HeadAsGet",
    "OriginGuard",
    "RequestContext",
    "RequestTimeout",
    "SecurityHeaders",
    "TrailingSlash",
    "UnchangedLists",
    "content_security_policy",
    "limited",
    "route_template",
    "with_head",
]
