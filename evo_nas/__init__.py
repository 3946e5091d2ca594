"""Evolutionary neural architecture search under an exact compute budget."""
