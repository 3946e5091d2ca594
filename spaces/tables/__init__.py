"""Tables of results as spaces: any CSV or JSON file, and NAS-Bench-Macro."""
