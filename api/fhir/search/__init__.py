"""The grammar of FHIR searches: parameters, tokens, references, what `_summary` leaves."""
