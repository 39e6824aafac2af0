"""Teams: what a template adds, and when a training is overdue."""

from collections import Counter
from datetime import date, timedelta
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.roster.model import TEMPLATE, Title, Training, vacant_of_template
from shared.random_ids import random_id

TITLES = st.lists(st.sampled_from(get_args(Title)), max_size=12)
DAYS = st.dates(date(2020, 1, 1), date(2040, 1, 1))


@given(TITLES)
def test_with_what_a_template_adds_a_team_has_all_of_it_and_nothing_twice(
    have: list[Title],
) -> None:
    added = vacant_of_template(have)
    whole = Counter(have) + Counter(added)
    assert all(whole[title] >= wanted for title, wanted in Counter(TEMPLATE).items())
    assert all(
        whole[title] <= max(Counter(TEMPLATE)[title], Counter(have)[title]) for title in whole
    )
    assert vacant_of_template([*have, *added]) == []


@given(DAYS, DAYS)
def test_a_training_is_overdue_from_the_day_after_its_last(due: date, today: date) -> None:
    training = Training(random_id(), random_id(), "Refunds", due, None)
    assert training.overdue(today) == (today - due >= timedelta(days=1))
    passed = Training(random_id(), random_id(), "Refunds", due, today)
    assert not passed.overdue(today)
