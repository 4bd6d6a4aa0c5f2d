"""What holds of every problem, whatever its data."""

from dataclasses import replace

from service.core.ground.problems import Problem
from service.core.one_output.reduced import reduced_of
from tests.support import one_output_cases as cases


def test_a_changed_problem_starts_without_the_facts_of_the_old_one() -> None:
    base: Problem = cases.problem(2)
    reduced_of(base)
    louder = replace(base, moments=cases.diagonal(base.data.yy * cases.TWO_INPUTS.xx.diagonal(), base.data.xy[:, 0]))
    assert base.memo
    assert not louder.memo
    assert reduced_of(louder).spectrum is not reduced_of(base).spectrum
