"""Cards of models: what a site or a maker states of one, and how it is checked."""
