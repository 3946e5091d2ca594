"""The store of a run: every evaluation in one SQLite file."""
