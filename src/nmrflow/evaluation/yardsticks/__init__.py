"""Plain predictors that stand beside the network's scores, computed once for each split."""
