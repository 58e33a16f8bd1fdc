"""What somebody else might add to nmrflow, without touching it: a file for each thing."""
