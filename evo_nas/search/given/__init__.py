"""What users give to a run: kinds of values, and files with options."""
