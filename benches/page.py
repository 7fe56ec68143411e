"""The page of the measurements, docs/performance.md, into which programs write what they found."""

import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def write(name, text, chart=None):
    """Puts `text` between the marks of this name on the page, and a chart beside the page as docs/`name`.svg."""
    if chart:
        with open(os.path.join(ROOT, "docs", f"{name}.svg"), "w") as file:
            file.write(chart)
    path = os.path.join(ROOT, "docs", "performance.md")
    with open(path) as file:
        page = file.read()
    page, found = re.subn(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", lambda m: m[1] + text + "\n" + m[2], page, flags=re.S)
    if found != 1:
        raise SystemExit(f"{path}: found {found} places <!-- {name} -->, expected 1")
    with open(path, "w") as file:
        file.write(page)
