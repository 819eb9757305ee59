"""What is told of an operation as a whole: its statistics, and what the daemon has to complain of."""
