"""Traces of studies leave for a collector of OpenTelemetry."""
