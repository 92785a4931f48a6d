"""Figures → SVG: inline for a page (following its theme) or as a file of its own."""

import html
import io
import re
from pathlib import Path

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from reports.charts import style

_PIXELS_A_POINT = 1.8  # at most: a chart of one panel must not grow to the width of two
_NO_DATE = {"Date": None, "Creator": None}
_ID = re.compile(r'\bid="([^"]+)"')
_REFERENCE = re.compile(r'(url\(#|href="#)([^")]+)')


def inline(figure: Figure, name: str, description: str) -> str:
    """An `<svg>` element whose colours are CSS variables, for a page that defines them (`theme_css`).

    `name` makes its ids unique in the page; `description` is read aloud in place of the picture.
    """
    text = _text(figure)
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = _ID.sub(rf'id="{name}-\1"', text)
    text = _REFERENCE.sub(rf"\1{name}-\2", text)
    for colour in style.THEMED:
        text = text.replace(colour.light, f"var({colour.variable})")
    width, height = figure.get_size_inches() * 72
    opening = (
        f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'style="max-width: {width * _PIXELS_A_POINT:.0f}px" aria-labelledby="{name}-title">'
        f'<title id="{name}-title">{html.escape(description)}</title>'
    )
    return opening + text[text.index(">") + 1 :].strip()


def save(figure: Figure, path: Path) -> None:
    """Write a figure as .svg or .png (by the name's ending). Raises OSError, ValueError for other endings."""
    with matplotlib.rc_context(style.RC):
        metadata = _NO_DATE if path.suffix == ".svg" else None
        figure.savefig(path, dpi=150, metadata=metadata)


def theme_css(dark: bool) -> str:
    """`--chart-…: #…;` declarations of one theme."""
    return " ".join(f"{one.variable}: {one.dark if dark else one.light};" for one in style.THEMED)


def _text(figure: Figure) -> str:
    """What `savefig` writes, which first draws all for the layout alone: this drawing lays out as well."""
    buffer = io.StringIO()
    with matplotlib.rc_context(style.RC):
        FigureCanvasSVG(figure).print_svg(buffer, metadata=_NO_DATE)  # type: ignore[no-untyped-call]
    return buffer.getvalue()
