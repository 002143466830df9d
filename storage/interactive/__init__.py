"""Sessions of interactive models, as the API and the workers share them."""
