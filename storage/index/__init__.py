"""Patients, studies, series and instances in SQL: adding and finding."""
