"""One message on several legs of a broker, where many are alike."""

from __future__ import annotations

from dissect.pairing.legs import ALIKE, BrokerLegs


def test_thousands_of_messages_alike_are_compared_with_the_latest() -> None:
    legs = BrokerLegs()
    for uid in range(1, 3 * ALIKE):
        assert legs.earlier("t", b"x", uid, True, 1) is None
        legs.remember("t", b"x", uid, uid, True, 1, None, None)
    (sightings,) = legs._sightings.values()
    assert len(sightings) == ALIKE
    seen = legs.earlier("t", b"x", uid + 1, False, 2)
    assert seen is not None and seen.uid == uid - ALIKE + 1
