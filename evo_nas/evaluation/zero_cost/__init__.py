"""Scores of networks that have not been trained.

Each function takes a network with fresh weights, and leaves it as it was (:mod:`.borrowing`);
:class:`.features.Taught` looks at other networks, which were trained.
"""
