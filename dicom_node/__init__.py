"""DIMSE: the services by which modalities and PACS speak with the node."""
