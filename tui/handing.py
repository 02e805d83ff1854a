"""What goes out of the interface and comes into it while it runs: keys files, conversations as text, copies, exports, the mouse."""

from __future__ import annotations

import asyncio
import os

from dissect.errors import DissectError
from dissect.text import clean
from tui.core import Core


class Handing(Core):
    """Actions by their names in the table of keys."""

    def action_load_keys(self) -> None:
        from tui.screens.dialogs import Prompt

        self.push_screen(Prompt("Keys file to decrypt with (TOML)", ""), self._load_keys)

    def _load_keys(self, path: str | None) -> None:
        if not path:
            return
        from dissect.keys import load_keys

        try:
            keys = load_keys(os.path.expanduser(path))
        except DissectError as error:
            self.notify(clean(str(error), 400), title="No keys", severity="error", markup=False)
            return
        for text in keys.warnings:
            self.notify(clean(text, 300), severity="warning", markup=False)
        if not self.loader.redact:
            self.names.update(keys.names)
            self.messages.list.forget()
        if self.loader.rereadable:
            self.keys_awaited = True
            self.reload(keys=keys)
            return
        if keys.tls_keylog is not None:
            self.notify("TLS stays closed here: that takes a capture in a file", severity="warning", markup=False)
        self.run_worker(asyncio.to_thread(self.loader.add_keys, keys), group="keys")

    def action_follow_stream(self) -> None:
        from tui.screens.stream import StreamDialog

        index = self.pane.index
        if index is not None:
            self.push_screen(StreamDialog(self.store, self.store.session_of(index).id, index))

    def action_copy(self) -> None:
        text = self._copied()
        if text:
            self.copy_to_clipboard(clean(text, 100_000))
            self.notify(f"{len(text)} characters copied (shift-drag selects in most terminals)", timeout=3, markup=False)

    def _copied(self) -> str:
        return self.messages.copied() if self.current == "messages" else self._line_copied()

    def action_copy_to_file(self) -> None:
        """For terminals that have no clipboard for us: the same, at the end of a file."""
        from tui.screens.dialogs import Prompt

        text = clean(self._copied(), 100_000)

        def write(name: str | None) -> None:
            if not name:
                return
            try:
                with open(os.path.expanduser(name), "a", encoding="utf-8") as file:
                    file.write(text + "\n")
            except (OSError, ValueError) as error:
                self.notify(clean(f"{name} cannot be written ({error})", 300), severity="error", markup=False)
                return
            self.notify(clean(f"{len(text)} characters appended to {name}", 300), timeout=3, markup=False)

        if text:
            self.push_screen(Prompt("Append what y copies to this file", "copied.txt"), write)

    def action_mouse(self) -> None:
        """Give the mouse back to the terminal, which then selects text; or take it again."""
        self.with_mouse = not self.with_mouse
        # Textual has no public way to do this while it runs.
        switch = getattr(self._driver, "_enable_mouse_support" if self.with_mouse else "_disable_mouse_support", None)
        if switch is None:
            self.notify("this terminal has no mouse to give back", markup=False)
            return
        switch()
        self.notify("the mouse is ours" if self.with_mouse else "the mouse is the terminal's: it selects text; v takes it back", timeout=4, markup=False)

    def _line_copied(self) -> str:
        from tui.model.cells import plain
        from tui.widgets.rows import RowList

        rows = self.focused
        if isinstance(rows, RowList) and rows.count:
            return plain(rows.line(rows.cursor, max(80, rows.size.width))).strip()
        return ""

    def action_export(self) -> None:
        from tui.screens.export import ExportDialog

        self.push_screen(ExportDialog(self))  # type: ignore[arg-type]
