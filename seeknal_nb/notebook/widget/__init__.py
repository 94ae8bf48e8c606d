"""The graph that runs the pipeline: a board of how each node stands, a widget that shows it, and what a click does."""
