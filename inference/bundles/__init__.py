"""Any MONAI bundle as a pipeline: its own transforms, network and inferer, our geometry."""
