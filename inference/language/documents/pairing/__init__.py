"""Answers paired by layout: fields, boxes, cells of tables and sentences of a page."""
