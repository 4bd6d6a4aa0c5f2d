"""Integrators of gradient flow: a stiff solver where the flow is smooth, floored Heun steps where it has kinks."""

from typing import Final

import numpy as np
from scipy.integrate import LSODA

from service.core.dynamics.flow_rates import Rates
from service.core.ground.numbers.arrays import FloatArray
from service.core.ground.numbers.bracketed import bracketed_root
from service.vocabulary import FlowTime

RELATIVE: Final = 1e-9
ABSOLUTE: Final = 1e-11
NEAR: Final = 0.1
"""Relative distance of the log loss from that asked for within which every step is looked at."""

STEP: Final = 0.2
"""Log-norm time of a step over kinks, times ``1 + |log L|``: in it the log loss changes by about that much."""

STEP_ERROR: Final = 1e-5
INSTANT: Final = 2e-12
"""Time to which the moment is found at which a loss is reached."""

MAX_EVALUATIONS: Final = 40_000
"""Gradients in one segment, after which the next one goes on."""


def smooth_steps(
    rates: Rates, theta: FloatArray, length: float, log_loss: float, most: int
) -> tuple[FloatArray, float, int]:
    """Integrate for ``length``, until the log loss is reached, or for ``most`` gradients.

    Returns
    -------
    theta : (P,) array
    elapsed : float
    evaluations : int
    """
    is_log_norm = rates.time is FlowTime.LOG_NORM
    seen = [np.inf]

    def speed(_time: float, at: FloatArray) -> FloatArray:
        if not is_log_norm:
            return rates.plain_speed(at)
        value, gradient = rates.log_loss(at)
        seen[0] = value
        return rates.turned(at, gradient)

    scale = max(float(np.linalg.norm(theta)), 1e-8)
    jacobian = (rates.log_norm_jacobian if is_log_norm else rates.plain_jacobian) if rates.is_chain else None
    solver = LSODA(
        speed,
        0.0,
        theta,
        length,
        rtol=RELATIVE,
        atol=ABSOLUTE * scale,
        jac=None if jacobian is None else lambda _time, at: jacobian(at),
    )
    while solver.status == "running" and solver.nfev < most:
        solver.step()
        # the last gradient was taken close to where the step ended: only near the goal it is worth another one
        is_near = is_log_norm and seen[0] <= log_loss + NEAR * (1.0 + abs(log_loss))
        if is_near and rates.log_loss(solver.y)[0] <= log_loss:
            return _at_log_loss(rates, solver, log_loss)
    return solver.y, float(solver.t), int(solver.nfev)


def _at_log_loss(rates: Rates, solver: LSODA, log_loss: float) -> tuple[FloatArray, float, int]:
    """The point of the last step where the log loss is reached."""
    path, before = solver.dense_output(), solver.t_old or 0.0

    def above_target(time: float) -> float:
        return rates.log_loss(path(time))[0] - log_loss

    if above_target(before) > 0.0 > above_target(solver.t):
        at = bracketed_root(above_target, before, solver.t, rounding=0.0, absolute=INSTANT)
        return path(at), at, int(solver.nfev)
    return solver.y, float(solver.t), int(solver.nfev)


def stepped_over_kinks(
    rates: Rates, theta: FloatArray, length: float, log_loss: float, most: int
) -> tuple[FloatArray, float, int]:
    """Heun steps from parameters (P,), their size kept between a cap and a floor so that a kink cannot stall them."""
    if rates.time is FlowTime.PLAIN:
        return _plain_heun(rates, theta, length, most)
    elapsed, evaluations, step = 0.0, 0, STEP
    value, slope = rates.log_loss(theta)
    while elapsed < length and value > log_loss and evaluations < most:
        cap = STEP / (1.0 + abs(value))
        step = min(max(step, cap / 4.0), cap, length - elapsed + 1e-12)
        speed = _speed(theta, slope)
        ahead = theta + step * speed
        _, ahead_slope = rates.log_loss(ahead)
        ahead_speed = _speed(ahead, ahead_slope)
        error = 0.5 * step * float(np.linalg.norm(ahead_speed - speed)) / max(float(np.linalg.norm(theta)), 1e-300)
        evaluations += 1
        if error > STEP_ERROR and step > cap / 4.0 * (1.0 + 1e-9):
            step *= 0.5
            continue
        theta = theta + 0.5 * step * (speed + ahead_speed)
        elapsed += step
        value, slope = rates.log_loss(theta)
        evaluations += 1
        step *= 2.0 if error < 0.25 * STEP_ERROR else 1.0
        if not np.any(slope):
            break
    return theta, elapsed, evaluations


def _plain_heun(rates: Rates, theta: FloatArray, length: float, most: int) -> tuple[FloatArray, float, int]:
    """Heun in plain time; the floor is a thousandth of the time in which the weights would move by their own size."""
    elapsed, evaluations = 0.0, 0
    step = length
    while elapsed < length and evaluations < most:
        speed = rates.plain_speed(theta)
        size, pace = max(float(np.linalg.norm(theta)), 1e-8), float(np.linalg.norm(speed))
        floor = 1e-3 * size / max(pace, 1e-300)
        step = min(max(step, floor), length - elapsed)
        while True:
            ahead_speed = rates.plain_speed(theta + step * speed)
            evaluations += 1
            error = 0.5 * step * float(np.linalg.norm(ahead_speed - speed)) / size
            if error <= STEP_ERROR or step <= floor:
                break
            step = max(0.5 * step, floor)
        theta = theta + 0.5 * step * (speed + ahead_speed)
        elapsed += step
        evaluations += 1
        step *= 2.0 if error < 0.25 * STEP_ERROR else 1.0
    return theta, elapsed, evaluations


def _speed(theta: FloatArray, slope: FloatArray) -> FloatArray:
    length = float(np.linalg.norm(slope))
    if length == 0.0:
        return np.zeros_like(theta)
    speed: FloatArray = (-float(np.linalg.norm(theta)) / length) * slope
    return speed
