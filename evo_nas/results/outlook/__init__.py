"""What a run is going to do, as names and values: for the terminal and for notebooks."""
