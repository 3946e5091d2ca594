"""TODO spaces/autoformer."""
