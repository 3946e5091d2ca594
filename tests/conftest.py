"""Settings of all tests."""

from hypothesis import settings

# Machines are noisy: how long an example takes says nothing about the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
