"""Commands on models: registry, agreement and drift, evaluation."""
