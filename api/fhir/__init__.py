"""What the node holds, as FHIR R4 (4.0.1) resources, to be read and searched.

`types` and `resources` are the shapes, `parameters` the search grammar, `search` the
queries, one module each the mapping of a resource, `routes` the HTTP side.
"""
