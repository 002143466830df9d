"""Who asks and what they may: identity, roles, certificates, visible studies, shares, request."""
