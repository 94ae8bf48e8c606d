"""The notebook's face: magics, live output, and notebooks run headless. The command line knows this, not the reverse."""
