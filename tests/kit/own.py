"""A file of plug-ins that is named by its path."""

from tests.kit.plugins import Cheapest

__all__ = ["Cheapest"]
