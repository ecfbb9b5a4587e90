"""What a dataset folder holds, read row by row: what validation and the gate both look at."""
