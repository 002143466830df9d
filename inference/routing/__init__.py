"""Received images go on to other places: by the site's rules, or because a person sends them."""
