"""What topics tell of devices, whatever their length (what is made of it is told in test_legs and test_pairing)."""

from __future__ import annotations

import time

import pytest

from dissect.pairing.topics import LONGEST, OTHER_DEVICE, SAME_DEVICE, UNKNOWN, covers_many, relation, stem

LONG = "/".join(f"q{number:x}" for number in range(12_000))


@pytest.mark.parametrize(("one", "other", "want"), [
    ("a/up", "a/up", SAME_DEVICE), ("p/dev1/up", "p/dev1/down", SAME_DEVICE), ("p/dev1/up", "p/dev2/up", OTHER_DEVICE), ("p/x", "y/z/v", UNKNOWN),
    ("p/x/y", "p/z", 1), (LONG, LONG, SAME_DEVICE), (LONG, f"{LONG}/up", UNKNOWN), (LONG, "q1", UNKNOWN),
])  # fmt: skip
def test_what_two_topics_say_of_each_other(one: str, other: str, want: int) -> None:
    assert relation(one, other) == relation(other, one) == want


@pytest.mark.parametrize(("topic_filter", "topic", "want"), [
    ("p/+/up", "p/dev1/up", True), ("p/#", "p/dev1/up", True), ("p/dev1/+", "p/dev1/up", False), ("p/dev1/up", "p/dev1/up", False), ("#", LONG, False),
    ("$share/g/p/+/up", "p/dev1/up", True),
])  # fmt: skip
def test_which_subscriptions_are_for_many(topic_filter: str, topic: str, want: bool) -> None:
    assert covers_many(topic_filter, topic) is want


def test_a_topic_of_thousands_of_levels_is_not_taken_apart() -> None:
    started = time.process_time()
    for number in range(200):
        topic = "/".join(["up"] * 8000) + LONG[:30_000] + str(number)
        assert stem(topic) == () and not covers_many("#", topic) and relation(topic, LONG) == UNKNOWN
    assert time.process_time() - started < 2
    assert stem("p/" + "x" * (LONGEST - 2)) == ("p", "x" * (LONGEST - 2))
