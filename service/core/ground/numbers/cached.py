"""Facts that an object computes when they are first asked for."""

import functools
from typing import TYPE_CHECKING, Any, TypeVar

Fact = TypeVar("Fact")

if TYPE_CHECKING:
    from functools import cached_property
else:

    class cached_property(functools.cached_property[Fact]):  # noqa: N801 - stands for the one of the library
        """The library's, without the lock that every first reading pays for until Python 3.12.

        Two threads that ask at the same moment may both compute the fact, which is the same.
        """

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            if instance is None:
                return self
            value = instance.__dict__[self.attrname] = self.func(instance)
            return value


__all__ = ["cached_property"]
