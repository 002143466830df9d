"""Which series and stacks of a study are the inputs of a pipeline."""
