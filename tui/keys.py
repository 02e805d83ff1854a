"""Every key of the interface, once: what it does, where it holds, how help and footer call it.

Bindings, the help screen, the footer and the command palette are made of this table (spec: the column "dissect" of the key table).
"""

from __future__ import annotations

from typing import NamedTuple


class Key(NamedTuple):
    keys: str
    """as Textual names them, separated by commas"""
    action: str
    help: str
    where: str
    """list: all lists; everywhere; a view's name: shown in its help, carried out by the application"""
    shown: str = ""
    """how help writes the keys"""
    label: str = ""
    """in the footer; none: not there"""
    order: int = 9
    """footer: the lowest stay longest when there is no room"""


KEYS: tuple[Key, ...] = (
    # movement, in every list
    Key("down,j", "down", "move; sideways: scroll, close, open", "list", "arrows hjkl"),
    Key("up,k", "up", "line before", "list"),
    Key("left,h", "left", "to the left; close a branch", "list"),
    Key("right,l", "right", "to the right; open a branch", "list"),
    Key("pagedown", "page(1)", "a page down", "list", "PgDn PgUp ^b"),
    Key("pageup,ctrl+b", "page(-1)", "a page up", "list"),
    Key("ctrl+d", "page(0.5)", "half a page down", "list", "^d ^u"),
    Key("ctrl+u", "page(-0.5)", "half a page up", "list"),
    Key("home,g", "first", "first line", "list", "g Home"),
    Key("end,G", "last", "last line", "list", "G End"),
    Key("enter", "open", "open what the cursor is on", "list", "Enter", "Open", 0),
    # everywhere
    Key("slash,f,f3", "filter", "filter", "everywhere", "/ f F3", "Filter", 1),
    Key("ctrl+f", "find", "find text", "everywhere", "^f"),
    Key("n", "find_next(1)", "next place found, before", "everywhere", "n N"),
    Key("N", "find_next(-1)", "place found before", "everywhere"),
    Key("question_mark,f1", "help", "help", "everywhere", "? F1", "Help", 0),
    Key("colon,ctrl+p", "command_palette", "commands by name", "everywhere", ": ^p", "Cmd", 5),
    Key("1", "view('messages')", "Messages", "everywhere"),
    Key("2", "view('ladder')", "Ladder", "everywhere"),
    Key("3", "view('pairs')", "Pairs", "everywhere"),
    Key("4", "view('anomalies')", "Anomalies", "everywhere"),
    Key("5", "view('stats')", "Stats", "everywhere"),
    Key("6", "view('help')", "Help", "everywhere"),
    Key("left_square_bracket", "step_view(-1)", "view by number, before, next", "everywhere", "1-6 [ ]"),
    Key("right_square_bracket", "step_view(1)", "next view", "everywhere"),
    Key("tab", "next_pane(1)", "next pane", "everywhere", "Tab", "Pane", 4),
    Key("shift+tab", "next_pane(-1)", "pane before", "everywhere"),
    Key("escape", "back", "back", "everywhere"),
    Key("q", "leave", "back; at the root q quits", "everywhere", "q Esc"),
    Key("Q,ctrl+q", "quit_now", "quit", "everywhere", "Q ^q"),
    Key("e,f2", "export", "export this view", "everywhere", "e F2", "Export", 4),
    Key("y", "copy", "copy the line (or the bytes)", "everywhere", "y"),
    Key("Y", "copy_to_file", "the same, appended to a file", "everywhere", "Y"),
    Key("v", "mouse", "mouse to the terminal, or back to us", "everywhere", "v"),
    Key("t,w", "time_form", "time: relative, delta, UTC, local", "everywhere", "t w", "Time", 6),
    Key("p", "pause", "pause: new messages wait, \"+N\"", "everywhere", "p"),
    Key("F,A", "follow", "follow what comes", "everywhere", "F A"),
    Key("K", "load_keys", "load a keys file", "everywhere", "K"),
    Key("T", "follow_stream", "the conversation as text", "everywhere", "T"),
    Key("ctrl+l,f5", "clear", "clear filter and chosen sessions", "everywhere", "^l F5"),
    Key("ctrl+c", "cancel_load", "stop loading; what is read stays", "everywhere", "^c"),
    # messages
    Key("percent_sign", "mate", "request <-> answer", "messages", "%", "Mate", 2),
    Key("full_stop", "along(1)", "next in the session, before", "messages", ". ,"),
    Key("comma", "along(-1)", "before in the session", "messages"),
    Key("ctrl+g", "goto", "go to a number", "messages", "^g"),
    Key("m", "mark", "mark; a letter right after names it", "messages", "m", "Mark", 5),
    Key("quotation_mark", "name_mark", "name a mark, by any letter a-z", "messages", "\" a-z"),
    Key("M", "marked_only", "only what is marked", "messages", "M"),
    Key("apostrophe", "next_mark", "next mark; a letter: that mark", "messages", "' 'a-z"),
    Key("grave_accent", "named_mark", "go to a mark by its name", "messages", "` a-z"),
    Key("space", "select", "select (two: d = diff)", "messages", "Space", "Select", 5),
    Key("d", "diff", "difference of the two selected", "messages", "d"),
    Key("less_than_sign", "sideways(-1)", "sort column; ladder: lifelines", "messages", "< >", "Sort", 8),
    Key("greater_than_sign", "sideways(1)", "sort by the next column; ladder: lifelines right", "messages"),
    Key("i", "hide", "hide the message, or those selected", "messages", "i"),
    Key("I", "hide_command", "hide all messages of this command", "messages", "I"),
    Key("u", "unhide", "take the last hiding back", "everywhere", "u"),
    Key("W", "hidden", "list what is hidden, bring it back", "everywhere", "W"),
    Key("z", "invert", "turn the order round", "messages", "z"),
    Key("f10", "columns", "choose columns", "messages", "F10"),
    Key("o", "fold", "fold or open heartbeats", "messages", "o", "Fold", 7),
    Key("c", "colour", "colour by state, protocol, direction", "messages", "c"),
    Key("x", "swap", "Details <-> Bytes", "messages", "x", "Hex", 3),
    Key("r", "raw", "bytes: packet, message, plain", "messages", "r", "Raw", 6),
    Key("backslash", "zoom", "zoom the pane", "messages", "\\"),
    Key("vertical_line", "layout", "another layout of the panes", "messages", "|"),
    Key("left_curly_bracket", "resize(-1)", "lower panes smaller, larger", "messages", "{ }"),
    Key("right_curly_bracket", "resize(1)", "lower panes larger", "messages"),
    # details
    Key("a", "field_column", "show the field as a column", "details", "a"),
    Key("equals_sign", "field_filter('==')", "filter on the field, code, operation", "details", "= !"),
    Key("exclamation_mark", "field_filter('!=')", "filter it out", "details"),
    # ladder
    Key("s", "compress", "compress: no gaps, one lane less", "ladder", "s", "Compress", 7),
    Key("9", "preview(-4)", "narrower preview, wider", "ladder", "9 0"),
    Key("0", "preview(4)", "wider preview", "ladder"),
    # anomalies
    Key("minus", "severity(-1)", "minimum severity lower, higher", "anomalies", "- +", "Severity", 8),
    Key("plus", "severity(1)", "higher minimum severity", "anomalies"),
    Key("S", "suppress", "suppress the code, or for one device", "anomalies", "S", "Suppress", 7),
    Key("L", "limit", "only what the filter shows", "anomalies", "L", "Limit", 8),
    Key("b", "group", "group: code, session, time; command", "anomalies", "b", "Group", 7),
)

APPLICATION = ("everywhere", "messages", "details", "ladder", "anomalies")


def bindings(*where: str) -> list[dict[str, object]]:
    """The arguments of `textual.binding.Binding` for the keys of these places."""
    return [{"key": key, "action": one.action, "description": one.help, "show": False} for one in KEYS if one.where in where for key in one.keys.split(",")]


_OF_VIEW = {"messages": ("messages",), "ladder": ("messages", "ladder"), "pairs": ("pairs", "anomalies", "messages"), "anomalies": ("anomalies",)}
_LISTED = ("swap", "raw", "columns", "colour", "layout", "zoom", "resize(-1)", "field_column")
_NOT_IN = {"pairs": ("suppress", "limit", "severity(-1)", "fold", *_LISTED), "ladder": _LISTED, "anomalies": _LISTED}
"""keys of a view's group that mean nothing there"""


def help_rows(*where: str, view: str = "") -> list[tuple[str, str]]:
    """Keys and what they do, for the help screen: one row for each that is written out and means something in *view*."""
    return [(one.shown, one.help) for one in KEYS if one.where in where and one.shown and one.action not in _NOT_IN.get(view, ())]


def footer(width: int, view: str) -> list[tuple[str, str]]:
    """Keys and labels that fit into *width* cells in a view, in the order of the table, its own first where room is short."""
    own = _OF_VIEW.get(view, ())
    there = [one for one in KEYS if one.label and one.where in ("list", "everywhere", *own) and one.action not in _NOT_IN.get(view, ())]
    chosen = sorted(there, key=lambda one: one.order - (6 if one.where == view else 0))
    kept: list[Key] = []
    used = 0
    for one in chosen:
        size = len(one.shown.split(" ")[0]) + len(one.label) + 3
        if used + size <= width:
            kept.append(one)
            used += size
    return [(one.shown.split(" ")[0], one.label) for one in KEYS if one in kept]
