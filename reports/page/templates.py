"""The templates of this directory and what all of them may use."""

from functools import cache
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined

from reports.charts import svg
from reports.page import facts


@cache
def environment() -> Environment:
    """Loads templates by file name; a name that a template misspells is an error."""
    made = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "machine": facts.machine,
        "settings": facts.settings,
        "command": facts.command,
        "theme_css": svg.theme_css,
    }
    return made


def _source(name: str) -> str:
    return resources.files("reports.page").joinpath(name).read_text(encoding="utf-8")
