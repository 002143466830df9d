"""Locks of processes: one does something at a time, on whatever hosts they run."""
