"""A POST that is sent again under its Idempotency-Key is answered again, and not done again."""
