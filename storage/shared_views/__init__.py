"""Views of studies that people share by a link, as the API keeps them."""
