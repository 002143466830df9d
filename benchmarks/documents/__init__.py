"""Documents with questions: how many an answer by layout gets right."""
