"""Trained networks that teach others: found by name, and shown images as they know them."""
