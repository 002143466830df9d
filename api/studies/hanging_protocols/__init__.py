"""How studies are laid out when a person opens them."""
