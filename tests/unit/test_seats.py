"""Which process of the pool gets the next task."""

from __future__ import annotations

from worker.pool.seats import Seats


def test_tasks_are_spread_evenly_until_all_seats_are_taken() -> None:
    up = {10, 11}
    seats = Seats(2, up=up)
    given = []
    while len(seats) < len(up):
        pipe = next(pipe for pipe in sorted(up) if pipe not in seats)
        seats.add(pipe)
        given.append(pipe)
    assert given == [10, 11, 10, 11]
    assert 10 in seats
    assert 11 in seats


def test_a_task_that_ends_frees_its_seat_and_no_other() -> None:
    seats = Seats(2, up={10})
    seats.add(10)
    seats.add(10)
    assert len(seats) == 1
    seats.release(10)
    assert 10 not in seats
    seats.add(10)
    assert 10 in seats


def test_a_process_that_is_gone_leaves_nothing_to_the_next_one_on_its_pipe() -> None:
    seats = Seats(1, up={10})
    seats.add(10)
    seats.leave(10)
    seats.discard(10)
    assert 10 not in seats
    # What the old one said last may be heard late.
    seats.release(10)
    seats.add(10)
    assert 10 in seats


def test_a_process_that_leaves_gets_no_more_and_keeps_none_from_the_others() -> None:
    seats = Seats(4, up={10, 11})
    seats.add(11)
    seats.leave(10)
    assert 10 in seats
    assert 11 not in seats
    assert len(seats) == 1


def test_tasks_that_celery_takes_back_keep_their_seats() -> None:
    """Their processes are at work on them all the same."""
    seats = Seats(1, up={10})
    seats.add(10)
    seats.intersection_update(set())
    assert 10 in seats
    seats.release(10)
    assert 10 not in seats
