"""Categories by a stated rule over what other pipelines measured of lesions: no network."""
