"""Studies, findings and reports as resources of FHIR R4: for reading (`api.fhir`) and for writing.

`types` and `resources` are the shapes, one module each the mapping of a resource.
"""
