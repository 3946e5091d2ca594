"""Docstrings name code as Sphinx does, :func:`like this`; on the site it is code, no more."""

import re

_ROLE = re.compile(r":(?:attr|class|func|meth|mod):(<code>)~?")


def on_page_content(html, **_):
    """Take the roles away."""
    return _ROLE.sub(r"\1", html)
