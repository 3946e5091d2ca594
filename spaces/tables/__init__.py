"""TODO spaces/tables."""
