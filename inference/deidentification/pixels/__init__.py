"""Pixels that leave: text in them, and bytes beside them."""
