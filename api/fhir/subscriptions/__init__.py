"""Subscriptions by topic: R5's, and R4's with the extensions of the Subscriptions R5 Backport."""
