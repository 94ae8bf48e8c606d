"""Python bodies: what they read, what they take along, and their normal form. Knows no node and no run."""
