"""What a chemist asks of a trained network: predict, elucidate, rank, assign."""
