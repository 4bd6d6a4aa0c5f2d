"""What a row of the table of operations says.

A row names functions and models by their place, ``module:name``, and not by themselves: the command line reads the
table before it knows which operation is wanted, and must not wait for the mathematics of all of them.
`service.operations.loaded` finds what is named; `service.operations.checks` compares each row with it.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Place: TypeAlias = str
"""``module:name`` below ``service.operations`` or ``service.schemas``."""


@dataclass(frozen=True, slots=True)
class Command:
    """How an operation is asked for on the command line: the name, and what ``minima --help`` says of it."""

    name: str
    help: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operation:
    """One use case.  Everything that lists operations reads these rows.

    Attributes
    ----------
    name : str
        Of its job, in the log, and as the id of its route.
    route : tuple of str or None
        Method and path over HTTP.  What is posted has a route made from this row; what is only looked up has one
        written by hand.
    tag, summary, returns : str
        Of the route, in the OpenAPI document: its section, what it does, what a success holds.
    description : Place
        Text on what the body may be, and what comes back.
    examples : Place
        Title to body; each is answered.
    requests : tuple of Place
        Models of a body.  Of two, the first is a problem as it is and the second wraps it, unless ``parse`` reads.
    answers : tuple of Place
        Models of an answer.
    function : Place or None
        Answers a request: ``function(request, limits, problem_at)``.  A look-up has parameters of its own.
    work : Place or None
        A `Work` that cuts a request into chunks.  An operation without ``function`` runs by it inline, too.
    cost : Place or None
        ``cost(request)``, seconds of one core that ``function`` takes, to within a small factor.
    parse : Place or None
        ``parse(body, limits)``, where ``requests`` do not say all about a body.
    job : bool
        Whether it may run as a job: if the caller prefers one, or where there is only ``work``, if it costs much.
    refuses : bool
        Whether a problem may be refused because no theorem covers it.
    moments_suffice : bool
        Whether moments say all about squared loss, so that an uploaded data set need not be read sample by sample.
    takes_folds : bool
        Whether a request may bring the data of folds, as uploaded data sets keep them.
    draw : Place or None
        ``draw(figure, answer)`` for answers that can be pictures.
    model : {"", "point", "snapshot", "layers"}
        What the file of a model beside a request becomes: its weights, one of its snapshots, or its layers, each alone;
        empty: none is read.
    archive : bool
        Whether the answer can be ``.npz``.
    tensors : Place or None
        ``tensors(answer)``, bytes of a safetensors file, for answers whose arrays take the place of weights.
    logged : tuple of str
        Fields of the request whose sizes go into the log line; never data.
    command : Command or None
        On the command line.
    """

    name: str
    answers: tuple[Place, ...]
    function: Place | None = None
    work: Place | None = None
    route: tuple[str, str] | None = None
    tag: str = ""
    summary: str = ""
    returns: str = ""
    description: Place | None = None
    examples: Place | None = None
    requests: tuple[Place, ...] = ()
    cost: Place | None = None
    parse: Place | None = None
    job: bool = False
    refuses: bool = False
    moments_suffice: bool = False
    takes_folds: bool = False
    draw: Place | None = None
    model: Literal["", "point", "snapshot", "layers"] = ""
    archive: bool = False
    tensors: Place | None = None
    logged: tuple[str, ...] = ()
    command: Command | None = None

    @property
    def is_posted(self) -> bool:
        """Whether a body asks for it, so that its route is made from the row."""
        return bool(self.requests) and self.route is not None
