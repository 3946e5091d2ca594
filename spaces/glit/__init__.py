"""TODO spaces/glit."""
