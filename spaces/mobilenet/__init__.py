"""TODO spaces/mobilenet."""
