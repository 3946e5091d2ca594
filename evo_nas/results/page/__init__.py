"""A run as one page of HTML: self-contained, for people, from its store and files only.

Each module makes one section of the page as plain values; ``templates`` say how they look.
"""
