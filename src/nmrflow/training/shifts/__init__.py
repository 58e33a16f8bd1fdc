"""Training of shift networks."""
