"""Numbers over groups and past days, and profiles of columns."""
