"""The frame of a self-contained HTML page."""

import html

_PAGE_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
      content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
"""

PAGE_FOOT = """
</body>
</html>
"""
"""What ends a page that :func:`page_head` began."""


def page_head(title: str, style: str) -> str:
    """The beginning of a page that a browser shows without asking for anything else."""
    return _PAGE_HEAD.format(title=html.escape(title), style=style)
