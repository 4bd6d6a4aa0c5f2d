"""From a claim to a job in a driver's hands: its plan, and what is stored of it already."""

from dataclasses import dataclass

from service.errors import EngineError, ServiceError
from service.jobs.driver.active import ActiveJob
from service.jobs.engines.engine import Engine
from service.jobs.engines.execution import describe
from service.jobs.kind import JobKind, KindTable
from service.jobs.progress import Cursor, shared_arrays
from service.jobs.seal import PlanChangedError
from service.jobs.store.drivers import DriverStore
from service.jobs.values import ClaimedJob, StepKind


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a claimed job cannot be driven, now or later."""

    kind: str
    detail: str


def restore(claim: ClaimedJob, table: KindTable, store: DriverStore, engine: Engine) -> ActiveJob | Refusal:
    """Take up a job where it stands, and share its arrays with the pool.

    Raises
    ------
    EngineError
        If the store is away; the claim then runs out by itself.
    """
    kind = table.get(claim.operation)
    if kind is None:
        return Refusal("UnknownOperation", "this server has no such operation")
    try:
        return _restored(claim, kind, store, engine)
    except EngineError:
        raise
    except ServiceError as error:
        return Refusal(type(error).__name__, error.detail)
    except PlanChangedError as error:
        return Refusal("PlanChanged", str(error))
    except Exception as error:  # noqa: BLE001 - a plan that raises must not take other jobs down
        return Refusal(type(error).__name__, describe(error)["detail"])


def _restored(claim: ClaimedJob, kind: JobKind, store: DriverStore, engine: Engine) -> ActiveJob:
    plan = kind.plan(claim.request)
    if claim.seal is not None:
        claim.seal.check(plan)
    cursor = Cursor(kind.name, plan)
    rounds = [step.payload for step in store.payloads(claim, StepKind.PLAN)]
    cursor.restore(store.steps(claim), rounds)
    shared = shared_arrays(plan)
    if shared is not None:
        engine.share(*shared)
    return ActiveJob(claim, kind, cursor, None if shared is None else shared[0])
