"""Logarithms of classification losses, which stay numbers long after the losses themselves vanish."""

import math

import numpy as np

from service.core.ground.numbers.arrays import FloatArray, IntArray
from service.vocabulary import Loss

TINY_LOG = -30.0
"""Below it ``log(1 + e^u) = e^u`` to double precision, so its logarithm is u."""


def chance_loss(loss: Loss, outputs: int) -> float:
    """Loss of one sample under the zero function."""
    if loss is Loss.EXPONENTIAL:
        return 1.0
    return math.log(2.0) if loss is Loss.LOGISTIC else math.log(max(outputs, 2))


def log_sum_exp(values: FloatArray, axis: int) -> FloatArray:
    """``log sum exp`` along an axis (any shape) with at least one finite entry; less general than the library's."""
    largest = values.max(axis=axis, keepdims=True)
    total: FloatArray = np.log(np.exp(values - largest).sum(axis=axis)) + largest.squeeze(axis)
    return total


def log_sample_losses(loss: Loss, prediction: FloatArray, classes: IntArray) -> FloatArray:
    """Log of the loss of each sample.

    Parameters
    ----------
    loss : Loss
        ``exponential``, ``logistic`` or ``cross_entropy``.
    prediction : (n, k) array
    classes : (n,) array of int

    Returns
    -------
    (n,) array
    """
    if loss is Loss.CROSS_ENTROPY:
        n = len(prediction)
        others = prediction.copy()
        others[np.arange(n), classes] = -np.inf
        return _log_log1p_exp(log_sum_exp(others, axis=1) - prediction[np.arange(n), classes])
    negative_margin = -(2.0 * classes - 1.0) * prediction[:, 0]
    return negative_margin if loss is Loss.EXPONENTIAL else _log_log1p_exp(negative_margin)


def log_loss(loss: Loss, prediction: FloatArray, classes: IntArray) -> float:
    """Log of the loss of predictions (n, k) summed over the samples."""
    return float(log_sum_exp(log_sample_losses(loss, prediction, classes), axis=0))


def log_loss_gradient(loss: Loss, prediction: FloatArray, classes: IntArray) -> tuple[float, FloatArray]:
    """Log of the summed loss, and its gradient with respect to the prediction, shape (n, k).

    Every term is a share of the loss times a bounded factor, so nothing underflows.
    """
    logs = log_sample_losses(loss, prediction, classes)
    total = float(log_sum_exp(logs, axis=0))
    n = len(prediction)
    gradient = np.zeros_like(prediction)
    if loss is Loss.CROSS_ENTROPY:
        log_probabilities = prediction - log_sum_exp(prediction, axis=1)[:, np.newaxis]
        log_probabilities[np.arange(n), classes] = -np.inf
        gradient = np.exp(log_probabilities - total)
        gradient[np.arange(n), classes] = -gradient.sum(axis=1)
        return total, gradient
    signs = 2.0 * classes - 1.0
    if loss is Loss.EXPONENTIAL:
        gradient[:, 0] = -signs * np.exp(logs - total)
        return total, gradient
    margins = signs * prediction[:, 0]
    # d log(1 + e^-m) / dm = -1 / (1 + e^m), whose log is -(m + log(1 + e^-m))
    gradient[:, 0] = -signs * np.exp(-np.logaddexp(0.0, margins) - total)
    return total, gradient


def curvatures(loss: Loss, prediction: FloatArray, log_total: float) -> FloatArray:
    """Second derivatives of the loss of each sample by its outputs, over the summed loss; shape (n, k, k).

    Parameters
    ----------
    loss : Loss
        ``logistic`` or ``cross_entropy``; of the exponential loss it is the share of the sample.
    prediction : (n, k) array
    log_total : float
        Log of the summed loss.
    """
    if loss is Loss.CROSS_ENTROPY:
        logs = prediction - log_sum_exp(prediction, axis=1)[:, np.newaxis]
        pairs = logs[:, :, np.newaxis] + logs[:, np.newaxis, :] - log_total
        places = np.arange(prediction.shape[1])
        pairs[:, places, places] = -np.inf
        found: FloatArray = -np.exp(pairs)
        found[:, places, places] = -found.sum(axis=2)
        return found
    output = prediction[:, 0]
    logistic: FloatArray = np.exp(-np.logaddexp(0.0, output) - np.logaddexp(0.0, -output) - log_total)
    return logistic[:, np.newaxis, np.newaxis]


def _log_log1p_exp(u: FloatArray) -> FloatArray:
    """``log(log(1 + e^u))`` without overflow or underflow."""
    bounded = np.maximum(u, TINY_LOG)
    result: FloatArray = np.where(u < TINY_LOG, u, np.log(np.logaddexp(0.0, bounded)))
    return result
