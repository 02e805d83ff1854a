"""What the filter bar says where there is little room."""

from __future__ import annotations

import pytest

from tui.widgets.filter_bar import fitting

PROBLEM = "there is no field 3; the nearest is udp.port, `dissect protocols` lists them"


@pytest.mark.parametrize(
    ("room", "shown"),
    [(100, PROBLEM), (60, "the nearest is udp.port, `dissect protocols` lists them"), (44, "the nearest is udp.port")],
)
def test_what_is_wrong_is_cut_where_a_sentence_can_be(room: int, shown: str) -> None:
    assert fitting(PROBLEM, room) == shown
