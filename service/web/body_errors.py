"""What can be wrong with a body before anything is known about its content; free of any framework."""

from service.errors import ServiceError


class BodyError(ServiceError):
    """The body cannot be read at all, before anything is known about its content."""


class MalformedBody(BodyError):
    """The body is not what its content type announces."""

    code = "malformed-body"


class BodyTooLarge(BodyError):
    """The body has more bytes than the server accepts."""

    code = "body-too-large"


class UnsupportedMediaType(BodyError):
    """The content type or encoding is none that the service reads."""

    code = "unsupported-media-type"
