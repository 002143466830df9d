"""Requests of the node to others: which addresses it may ask, and the client."""
