"""Single images for containers, and what comes back of them."""
