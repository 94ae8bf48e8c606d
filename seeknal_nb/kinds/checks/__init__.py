"""Checks of a table, for every kind that has some."""
