"""Drawings as self-contained SVG, and what they show in a terminal or a notebook."""
