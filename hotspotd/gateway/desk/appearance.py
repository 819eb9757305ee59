"""What the desk's page is made of: templates and styles, read once. Colours, type and icons are the officers' own."""

from __future__ import annotations

from importlib import resources
from typing import Final

import jinja2
from markupsafe import Markup

TYPES: Final = {".css": "text/css"}
_SHARED_STYLES: Final = ("tokens.css", "guard.css")


class Appearance:
    """Templates and styles; ``read`` them before use, in a thread."""

    def __init__(self) -> None:
        self.static: dict[str, bytes] = {}
        self._environment: jinja2.Environment | None = None
        self._icons = Markup()

    def read(self) -> None:
        """Read the package's files. Blocks."""
        ours, console = resources.files("hotspotd.gateway.desk"), resources.files("hotspotd.console")
        templates = {
            entry.name: entry.read_text(encoding="utf-8")
            for entry in (ours / "templates").iterdir()
            if entry.name.endswith(".html")
        }
        self.static = {name: (console / "static" / name).read_bytes() for name in _SHARED_STYLES}
        self.static["desk.css"] = (ours / "static" / "desk.css").read_bytes()
        icons = (console / "static" / "icons.svg").read_text(encoding="utf-8")
        self._icons = Markup(icons)  # noqa: S704  # Our own file.
        self._environment = jinja2.Environment(
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            loader=jinja2.DictLoader(templates),
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def page(self, template: str, **values: object) -> str:
        """The page made of ``template``."""
        if self._environment is None:
            raise RuntimeError("the desk's templates were not read")
        return self._environment.get_template(template).render(icons=self._icons, **values)
