"""Data from outside: files, databases, variables of a notebook."""
