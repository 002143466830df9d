"""Segmenting by clicks over HTTP: the models, a session, its mask and what is saved of it."""
