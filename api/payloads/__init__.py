"""The JSON of the REST API, described for OpenAPI; a file for each subject.

Keys are DICOM keywords in snake case; times are ISO 8601 in UTC; values of the
data set are text as they stand in it unless a description says otherwise.
"""
