"""Figures to bytes: altair, matplotlib and plotly are known by what their figures can do, and never imported here first.

The same figure gives the same SVG, PNG and HTML, and no page asks a server for a script.
"""

from __future__ import annotations

import html as html_text
import io
import re
import sys
from typing import TYPE_CHECKING, Any

from seeknal_nb.engines.frames import decimals, is_of
from seeknal_nb.errors import NodeError, near
from seeknal_nb.kinds.exposures.pages import is_page
from seeknal_nb.markup import esc_html

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["close", "drawn", "embedded", "is_figure"]

_DECLARATION = re.compile(r"\s*(<\?xml[^>]*\?>|<!DOCTYPE[^>]*>|<!--.*?-->)", re.DOTALL)


def is_figure(value: object) -> bool:
    """Whether ``drawn`` would take it, by its looks alone."""
    return bool(_family(value))


def _family(value: object) -> str:
    if is_of(value, "altair") and hasattr(value, "to_dict"):
        return "altair"
    if is_of(value, "plotly") and hasattr(value, "to_html"):
        return "plotly"
    if hasattr(_figure(value), "savefig"):
        return "matplotlib"
    drawing = hasattr(value, "to_html") or hasattr(value, "_repr_html_")
    return "html" if drawing and not hasattr(value, "to_sql") else ""


def _figure(value: object) -> Any:
    """The matplotlib figure that a value is, or, as what ``DataFrame.plot`` gives, belongs to."""
    return value.get_figure() if not hasattr(value, "savefig") and hasattr(value, "get_figure") else value


def drawn(value: object, form: str, title: str) -> bytes:
    """The figure in that format; raises ``NodeError`` where its library cannot, or what it raises."""
    family = _family(value)
    known = {"altair": ("svg", "png", "pdf", "html"), "html": ("html",)}.get(family, ("svg", "png", "pdf", "html"))
    if form not in known:
        raise NodeError(f"a {type(value).__name__} cannot be delivered as {form}", remedy=near(form, known, what="format"))
    return {"altair": _altair, "plotly": _plotly, "matplotlib": _matplotlib, "html": _html}[family](value, form, title)


def embedded(value: object, draw: Callable[[str], bytes]) -> str:
    """A figure within a page, by what draws it in a format: an SVG; what has none brings a page, in a frame."""
    if _family(value) in ("altair", "matplotlib"):
        return f"<figure>{_bare_svg(draw('svg').decode())}</figure>"
    html = draw("html").decode()
    if _family(value) == "html" and not is_page(html):
        return html
    return f'<iframe srcdoc="{html_text.escape(html)}" style="width:100%;height:32em;border:0"></iframe>'


def _bare_svg(svg: str) -> str:
    """Without what a file begins with and a page may not have."""
    while match := _DECLARATION.match(svg):
        svg = svg[match.end() :]
    return svg.strip()


def close(value: object) -> None:
    """Let pyplot forget a figure that was delivered, so that it is neither kept nor shown below the cell."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    figure = _figure(value)
    if pyplot is not None and _family(value) == "matplotlib" and getattr(figure, "number", None) is not None:
        pyplot.close(figure)


def _altair(value: Any, form: str, _title: str) -> bytes:
    try:
        import vl_convert  # noqa: F401, PLC0415 - an extra of 84 MB, which altair itself looks for too late
    except ImportError as error:
        raise NodeError(
            "an altair chart needs vl-convert-python", why="without it a page would ask a server for its scripts",
            remedy="pip install 'seeknal_nb[viz]'",
        ) from error  # fmt: skip
    value = _floats(value)
    if form == "html":
        return str(value.to_html(inline=True, embed_options={"actions": False})).encode()
    out: Any = io.StringIO() if form == "svg" else io.BytesIO()
    value.save(out, format=form)
    found = out.getvalue()
    return found.encode() if isinstance(found, str) else bytes(found)


def _floats(chart: Any) -> Any:
    """The chart, and those that it is made of, with decimals as floats: altair takes them for names, and JSON not at all."""
    made = chart.copy(deep=False)
    if is_of(chart.data, "pandas"):
        made.data = chart.data.astype(dict.fromkeys(decimals(chart.data), "float64"))
    for name in ("layer", "hconcat", "vconcat", "concat"):
        if isinstance(getattr(chart, name, None), list):
            setattr(made, name, [_floats(one) for one in getattr(chart, name)])
    return made


def _plotly(value: Any, form: str, _title: str) -> bytes:
    if form == "html":
        return str(value.to_html(include_plotlyjs=True, full_html=True, div_id="figure")).encode()
    return bytes(value.to_image(format=form))


def _matplotlib(value: Any, form: str, title: str) -> bytes:
    if form != "html":
        return _saved(_figure(value), form)
    svg = _bare_svg(_saved(_figure(value), "svg").decode())
    return (
        f'<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n<title>{esc_html(title)}</title>\n</head>\n'
        f"<body>\n{svg}\n</body>\n</html>\n"
    ).encode()


def _saved(figure: Any, form: str) -> bytes:
    """By the figure's own canvas for the format, which needs no window; without what tells two drawings apart."""
    import matplotlib as mpl  # noqa: PLC0415 - the body has imported it

    out, dates = io.BytesIO(), {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    with mpl.rc_context({"svg.hashsalt": "seeknal"}):
        figure.savefig(out, format=form, metadata=dates.get(form, {}))
    return out.getvalue()


def _html(value: Any, _form: str, _title: str) -> bytes:
    return str(value.to_html() if hasattr(value, "to_html") else value._repr_html_()).encode()
