"""Models in containers: MONAI Application Packages, run apart from the node."""
