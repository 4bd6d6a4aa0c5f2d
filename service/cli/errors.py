"""Errors of the command line itself."""

from service.errors import InputError, ServiceError


class CommandError(ServiceError):
    """A file, port or option that cannot be used."""

    code = InputError.code
