"""Received instances that go on to other places: what is owed, and how far it is."""
