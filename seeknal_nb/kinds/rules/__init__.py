"""What must be true of the data, as queries, conditions, Python or checks."""
