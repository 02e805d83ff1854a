"""The dialog of `e`: what, of which messages, into which file."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, RadioButton, RadioSet, Static

from dissect.errors import DissectError
from dissect.text import clean
from tui.export.files import FORMATS, SCOPES, Format, Job, export

if TYPE_CHECKING:
    from tui.app import DissectApp


_OF_VIEW = {"ladder": "ladder-text", "pairs": "pairs-csv", "anomalies": "anomalies-csv", "stats": "text"}


def _format(view: str) -> Format:
    """What is chosen at first in a view."""
    return next(form for form in FORMATS if form.name == _OF_VIEW.get(view, "pcapng"))


class Choice(RadioButton):
    """One whose mark is there or not: nothing is told by colour alone."""

    @property
    def BUTTON_INNER(self) -> str:  # type: ignore[override]
        return "x" if self.value else " "


class ExportDialog(ModalScreen[None]):
    """Format, scope and file name; one scope for all formats."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False), Binding("f2", "write", show=False)]

    def __init__(self, app: DissectApp) -> None:
        super().__init__()
        self._dissect = app
        self._sure_of: Path | None = None
        """an existing file that the user was asked about"""
        self._sizes = {"shown": int(app.pane.shown().folded().sum()), "selected": len(app.selected), "marked": len(app.marked), "all": app.store.count}

    def compose(self) -> ComposeResult:
        scope = "selected" if self._sizes["selected"] else "shown"
        view = self._dissect.current
        with Vertical(classes="dialog small export"):
            yield Static("Export", classes="dialog-title", markup=False)
            with Horizontal(id="export-choices"):
                with RadioSet(id="export-format"):
                    for form in FORMATS:
                        yield Choice(f"{form.name}: {form.what}", value=form is _format(view))
                with RadioSet(id="export-scope"):
                    for name in SCOPES:
                        yield Choice(f"{name} ({self._sizes[name]:,})", value=name == scope, disabled=not self._sizes[name])
            yield Input(self._file_name(_format(view)), id="export-path", compact=True)
            yield Static("", id="export-said", markup=False)
            yield Static("Space: choose  Tab: next  Enter in the name or F2: write  Esc: leave", classes="dialog-keys", markup=False)

    def _file_name(self, form: Format) -> str:
        base = Path(self._dissect.shown_name(200)).name.split(".")[0] or "capture"
        return clean(f"{base.replace(' ', '-')}-{self._dissect.current}{form.suffix}", 100)

    def on_radio_set_changed(self, event: RadioSet.Changed) -> None:
        event.stop()
        if event.radio_set.id == "export-format":
            self.query_one("#export-path", Input).value = self._file_name(FORMATS[event.index])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_write()

    def action_write(self) -> None:
        form = FORMATS[max(0, self.query_one("#export-format", RadioSet).pressed_index)]
        scope = SCOPES[max(0, self.query_one("#export-scope", RadioSet).pressed_index)]
        path = Path(os.path.expanduser(self.query_one("#export-path", Input).value or self._file_name(form)))
        self.run_worker(self._write(form, scope, path), exclusive=True)

    async def _write(self, form: Format, scope: str, path: Path) -> None:
        app = self._dissect
        said = self.query_one("#export-said", Static)
        if any(os.path.exists(source) and path.exists() and os.path.samefile(source, path) for source in app.loader.paths):
            said.update("that is the capture itself; name another file")
            return
        if path.exists() and path != self._sure_of:
            self._sure_of = path
            said.update("that file exists; the same again overwrites it")
            return
        said.update("writing ...")
        indexes = {"selected": sorted(app.selected), "marked": sorted(app.marked)}.get(scope)
        if indexes is None:
            found = await asyncio.to_thread(app.store.order if scope == "all" else app.pane.shown().members)
            indexes = [int(one) for one in found]
        job = Job(app.store, app.loader, app.context, indexes, app.pane.lines, app.hiding)
        try:
            text = await asyncio.to_thread(export, job, form, path)
        except DissectError as error:
            said.update(clean(str(error), 300))
            return
        self.dismiss(None)
        app.notify(clean(text, 300), timeout=5, markup=False)

    def action_leave(self) -> None:
        self.dismiss(None)
