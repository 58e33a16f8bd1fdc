"""Records, their sources, splits, and how they reach a training loop."""
