"""What anybody may ask for is taken note of so often, and no more."""

from services.shared.rate import Rate


def test_so_many_are_admitted_in_each_second_and_no_more() -> None:
    now = 100.0
    rate = Rate(2, clock=lambda: now)
    assert [rate.admits() for _ in range(4)] == [True, True, False, False]
    now = 100.9
    assert not rate.admits()
    now = 101.0
    assert [rate.admits() for _ in range(3)] == [True, True, False]
