"""Celery: the processes that run jobs, and the clock that finds work."""
