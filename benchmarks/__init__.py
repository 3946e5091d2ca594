"""Measured comparisons: each module is one command that prints a ratio measured in one run."""
