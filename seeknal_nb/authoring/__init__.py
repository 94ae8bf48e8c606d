"""Where nodes are written: cells, a folder's YAML and Python files, decorators; each brings a mapping to ``make_node``."""
