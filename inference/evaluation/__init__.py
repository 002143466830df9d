"""How good a pipeline is on cases of which somebody knows the truth."""
