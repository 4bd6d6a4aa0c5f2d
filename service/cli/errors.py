"""Errors of the command line itself."""

from service.errors import ServiceError


class CommandError(ServiceError):
    """A file, port or option that cannot be used."""

    code = "command-error"
    title = "The command failed"
