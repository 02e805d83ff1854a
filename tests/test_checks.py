"""What can be wrong with one message by itself, where what is told of it must not grow beyond the message."""

from __future__ import annotations

from dissect.engine.checks import PATH_SHOWN, check_text


def test_a_long_name_is_kept_once_and_not_with_each_member_below_it() -> None:
    inner = {str(number): "\x01" for number in range(2000)}
    (finding,) = check_text({"n" * 4000: inner}, None)
    assert len(finding.text) <= PATH_SHOWN + 80


def test_members_are_told_apart_by_their_places() -> None:
    found = [one.text.rpartition(" ")[2] for one in check_text({"a": "\x01", "b": {"c": ["\x02"]}, "d": "plain"}, {"e": "\u202e"})]
    assert found == ["a", "b.c", "data.e"]
