"""Comparisons of strategies: protocol, files, report, page."""
