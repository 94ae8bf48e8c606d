"""Deliveries: files, databases, figures, reports."""
