"""What is kept in memory of instances' bytes, by the digest that they should have."""

from api.dicomweb.instances.cache import clear_all
from api.dicomweb.rendering.picture_cache import PICTURES_MADE


def clear() -> None:
    """Once damage is found or repaired: some of it was made of bytes with another digest."""
    clear_all()
    PICTURES_MADE.clear()
