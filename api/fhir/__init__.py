"""Studies, findings, reports and the audit trail as FHIR R4 (4.0.1), to be read and searched.

The resources are made by `inference.fhir`; here are `search`, the search grammar and the parameters
that resources share, one module each those of a resource, and `routes`, the HTTP side.
"""
