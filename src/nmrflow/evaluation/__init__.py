"""What a network is worth: scores, trials, yardsticks, reports."""
