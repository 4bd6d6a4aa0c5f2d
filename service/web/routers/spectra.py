"""`/v1/spectra`: spectrum of the Hessian at a point of the landscape."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.schemas.spectra import SpectraAnswer, SpectraRequest
from service.web import documentation, examples
from service.web.answering.posting import answer
from service.web.bodies.reading import NPZ
from service.web.documentation import BODY_ERRORS, COMMON_ERRORS, PICTURE_ERRORS
from service.web.drawing import PNG, SVG

router = APIRouter(prefix="/v1/spectra", tags=["heavy"])


@router.post(
    "",
    operation_id="spectra",
    summary="Spectrum of the Hessian at a point of the landscape",
    openapi_extra=documentation.body((SpectraRequest,), examples.SPECTRA),
    responses={
        **documentation.answers((SpectraAnswer,), "Ends, trace, signs and density of the spectrum.", NPZ, SVG, PNG),
        **documentation.job(heavy=True),
        **documentation.errors(*BODY_ERRORS, *PICTURE_ERRORS, "queue-full", *COMMON_ERRORS),
    },
    response_class=Response,
)
async def post_spectra(request: Request) -> Response:
    """Find all eigenvalues, or by products with the Hessian alone the ends and the density of the spectrum.

    What is estimated to take long becomes a job; the same seed gives the same answer.

    With `accept: image/svg+xml` or `image/png` the answer, or the result of the job, is a picture.
    """
    return await answer(request, "spectra")
