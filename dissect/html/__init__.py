"""The report as one page that needs nothing else: no script, no font, no style from elsewhere, and nothing of it comes unescaped from a packet."""

from dissect.html.page import write_html

__all__ = ["write_html"]
