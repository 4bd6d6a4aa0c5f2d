"""The former place of `service.core.losses.scalar_losses`."""

from service.core.losses.scalar_losses import *  # noqa: F403 - removed once nothing imports it from here
