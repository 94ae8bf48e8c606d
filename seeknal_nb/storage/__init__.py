"""What lies on the disk: atomic files, strict YAML and JSON with positions, builds and their proofs. Knows no engine."""
