"""The methods of HTTP by which nothing is changed (RFC 9110 9.2.1), as far as routes have them."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
