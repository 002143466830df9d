"""Earlier studies as inputs of pipelines: which studies are to be decided on again for them."""
