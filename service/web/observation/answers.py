"""Answers for Prometheus: how many and how fast, by operation and solver; their gaps; and which became jobs."""

from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from service.web.observation.solved import Solved

SECONDS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
GAPS: Final = (1e-15, 1e-12, 1e-9, 1e-6, 1e-4, 1e-2, 0.1, 1.0)


class AnswerMetrics:
    """Counts of answers to questions that compute.

    What is counted is looked up by its labels once: they are few, and not the caller's words.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._answers = cache(
            Counter(
                "minima_answers",
                "Answers computed while the caller waited.",
                ("operation", "solver", "status"),
                registry=registry,
            ).labels
        )
        self._seconds = cache(
            Histogram(
                "minima_answer_seconds",
                "Time from a body that was read to its answer, waiting included.",
                ("operation", "solver"),
                buckets=SECONDS,
                registry=registry,
            ).labels
        )
        self._gaps = cache(
            Histogram(
                "minima_relative_gap",
                "Relative gaps of certificates in answers.",
                ("solver",),
                buckets=GAPS,
                registry=registry,
            ).labels
        )
        self._jobs = Counter(
            "minima_job_requests",
            "Questions that a job answers, by what was there already.",
            ("operation", "found"),
            registry=registry,
        )

    def answered(self, operation: str, seen: Solved, seconds: float) -> None:
        """Count an answer that was computed while its caller waited."""
        self._answers(operation, seen.solver, seen.status).inc()
        self._seconds(operation, seen.solver).observe(seconds)
        for solver, gap in seen.gaps:
            self._gaps(solver).observe(gap)

    def stored(self, operation: str, *, begun: bool, known: bool) -> None:
        """Count a question that a job answers: one that began, one that was on its way, or a stored result."""
        self._jobs.labels(operation, "nothing" if begun else "result" if known else "job").inc()
