"""What the paper reports, and the scores that only it has use for."""
