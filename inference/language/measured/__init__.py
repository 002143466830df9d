"""Questions that what was measured answers, without a model."""
