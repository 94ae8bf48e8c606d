"""Estimators: fitted, measured, kept and asked again."""
