"""Networks that say what comes next, given the spectrum and what there is so far."""
