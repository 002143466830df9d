"""Studies, findings, reports and the audit trail as FHIR R4 (4.0.1), to be read and searched.

`types` and `resources` are the shapes, `search` the search grammar and the parameters that
resources share, one module each the mapping of a resource, `routes` the HTTP side.
"""
