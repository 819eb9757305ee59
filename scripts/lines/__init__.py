"""Lines between kiosks and gateways for measuring: thin and far ones, faulty ones, and the processes at their ends."""
