"""Jobs, models and the processes that run them."""
