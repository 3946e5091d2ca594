"""Settings of all tests."""

import os

from hypothesis import settings

# Machines are noisy: how long an example takes says nothing about the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

# Tests write files that name plug-ins of theirs; those of evo_nas.known_code take this away.
os.environ["EVO_NAS_ALLOW_CODE"] = "1"
