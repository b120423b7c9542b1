"""Every error that a client may see.

ServingError
├── BadInput          400  INVALID_ARGUMENT
├── Unauthorized      401  UNAUTHENTICATED
├── Forbidden         403  PERMISSION_DENIED
├── NotFound          404  NOT_FOUND
├── NotAllowed        405  UNIMPLEMENTED
├── TooLarge          413  RESOURCE_EXHAUSTED
├── Internal          500  INTERNAL
├── BadGateway        502  UNAVAILABLE
├── Unavailable       503  UNAVAILABLE          (with Retry-After)
│   └── Overloaded    503  RESOURCE_EXHAUSTED
└── DeadlineExceeded  504  DEADLINE_EXCEEDED

They are gRPC exceptions too, so that kserve's gRPC interceptor answers with their status.
"""

import traceback
from typing import ClassVar

from grpc import StatusCode
from grpc_interceptor.exceptions import GrpcException


class ServingError(GrpcException):
    """An error whose sentence may be shown to the client: what was got, what was expected, and the choices."""

    http_status: ClassVar[int] = 500
    retry_after_seconds: ClassVar[int | None] = None
    status_code = StatusCode.INTERNAL

    def __init__(self, sentence: str) -> None:
        super().__init__(details=sentence)
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence

    @property
    def headers(self) -> dict[str, str]:
        """The response's headers: Retry-After where a later try may work."""
        return {} if self.retry_after_seconds is None else {"Retry-After": str(self.retry_after_seconds)}


class BadInput(ServingError):
    """The request itself is wrong: sending it again cannot help."""

    http_status = 400
    status_code = StatusCode.INVALID_ARGUMENT


class Unauthorized(ServingError):
    """The predictor needs credentials, and did not accept those that it got."""

    http_status = 401
    status_code = StatusCode.UNAUTHENTICATED


class Forbidden(ServingError):
    """The server does not offer this operation, to anyone or without its key."""

    http_status = 403
    status_code = StatusCode.PERMISSION_DENIED


class NotFound(ServingError):
    """No such model, or no such path."""

    http_status = 404
    status_code = StatusCode.NOT_FOUND


class NotAllowed(ServingError):
    """The path exists, its method does not; the response's Allow says which do."""

    http_status = 405
    status_code = StatusCode.UNIMPLEMENTED

    def __init__(self, sentence: str, allowed: str = "") -> None:
        super().__init__(sentence)
        self.allowed = allowed

    @property
    def headers(self) -> dict[str, str]:
        """Allow, which RFC 9110 demands."""
        return {"Allow": self.allowed}


class TooLarge(ServingError):
    """The body or the batch is over one of the server's limits."""

    http_status = 413
    status_code = StatusCode.RESOURCE_EXHAUSTED


class Internal(ServingError):
    """A defect of ours: the log says more than the client is told."""


class BadGateway(ServingError):
    """The predictor's answer is wrong or breaks the protocol."""

    http_status = 502
    status_code = StatusCode.UNAVAILABLE


class Unavailable(ServingError):
    """It may work again in a moment."""

    http_status = 503
    retry_after_seconds = 1
    status_code = StatusCode.UNAVAILABLE


class Overloaded(Unavailable):
    """The queue is full."""

    status_code = StatusCode.RESOURCE_EXHAUSTED


class DeadlineExceeded(ServingError):
    """The answer would have come too late."""

    http_status = 504
    status_code = StatusCode.DEADLINE_EXCEEDED


def release_frames(error: BaseException) -> None:
    """Clear the local variables of the frames that an error and its causes have left.

    A frame that holds its own error, or a future with it, makes a ring. The ring would keep the request and all that
    was made of it until the garbage collector comes, and gigabytes of documents may wait for that. The lines stay for
    the log, but for a refusal, which is not logged: a closure's variables cannot be cleared.
    """
    chain: list[BaseException | None] = [error]
    seen: set[int] = set()
    while chain:
        each = chain.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            traceback.clear_frames(each.__traceback__)
            if isinstance(each, ServingError):
                each.__traceback__ = None
            chain += [each.__cause__, each.__context__]


def describe_error(error: BaseException) -> str:
    """Say an exception's type and the first line of its message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
