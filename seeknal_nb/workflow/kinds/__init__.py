"""Where kinds were in 0.1.0: what kinds of other distributions import from there is still found."""
