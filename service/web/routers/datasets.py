"""`/v1/datasets`: upload once, reduced to a triangular factor, used in any problem."""

from typing import Annotated, Any, Final, TypeAlias

import orjson
from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from service.jobs.store.datasets import DatasetRecord
from service.operations.uploads.formats import FORMATS
from service.schemas.datasets import Dataset, DatasetList, DatasetSummary, UploadOptions
from service.web import documentation
from service.web.addresses import address
from service.web.answering.job_views import iso
from service.web.answering.jobs import jobs_of, stored
from service.web.bodies.reading import MULTIPART
from service.web.cursors import Cursor, Limit, cursor_of, link_next, position_of
from service.web.documentation import BODY_ERRORS, COMMON_ERRORS, DATA_ERRORS
from service.web.known_parameters import StrictRoute
from service.web.middleware import shapes
from service.web.openapi_headers import headers
from service.web.openapi_links import TO_A_DATASET
from service.web.preferences import tenant_of
from service.web.responses import json_response
from service.web.runtime import runtime_of
from service.web.uploads.datasets import CallerDatasets

DatasetId: TypeAlias = Annotated[str, Path(description="Id of the data set, as its upload and `/v1/datasets` give it.")]
router = APIRouter(prefix="/v1/datasets", tags=["datasets"], route_class=StrictRoute)

ERRORS: Final = ("invalid-input", *DATA_ERRORS, "engine-unavailable", *COMMON_ERRORS)
CSV: Final = "x1,x2,y\n1.0,2.0,0.5\n-1.0,0.5,1.5\n0.5,-1.5,2.0\n"
BINARY: Final[dict[str, Any]] = {"schema": {"type": "string", "format": "binary"}}
BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            FORMATS[0].media_types[0]: {"schema": {"type": "string"}, "examples": {"three samples": {"value": CSV}}},
            **{row.media_types[0]: BINARY for row in FORMATS[1:]},
            MULTIPART: {"schema": {"type": "object", "required": ["file"], "properties": {"file": BINARY["schema"]}}},
        },
    }
}


def _stored(description: str) -> dict[str, Any]:
    return {**documentation.answer(Dataset, description, *TO_A_DATASET)[200], "headers": headers("Location")}


@router.post(
    "",
    operation_id="upload_dataset",
    summary="Upload samples once, to be used in any problem",
    openapi_extra=BODY,
    responses={
        201: _stored("It was stored; `Location` leads to it."),
        200: _stored("The same content with the same options was there already."),
        **documentation.errors(*BODY_ERRORS, "engine-unavailable", *COMMON_ERRORS),
    },
    response_class=Response,
)
async def post_dataset(request: Request, options: Annotated[UploadOptions, Query()]) -> Response:
    """Reduce a file of samples to their triangular factor, in one pass and constant memory.

    The body is a csv, npy, npz (arrays `x` and `y`), Parquet, Feather, arff, svmlight or xlsx file, packed by gzip or
    zstandard or not, or a form with one as its part `file`.
    The id is the hash of the file and of the options as they were applied, which the answer reports.
    """
    runtime = runtime_of(request)
    read = await runtime.uploads.read(request, options)
    datasets = _datasets_of(request)
    limit = runtime.settings.max_datasets
    record, created = await stored(datasets.store.put, datasets.tenant, read.record, read.content, limit)
    shapes(request.scope, numbers=record.numbers)
    answer = json_response(_dataset(datasets, record))
    answer.status_code = 201 if created else 200
    answer.headers["Location"] = address(f"/v1/datasets/{record.id}")
    return answer


@router.get(
    "",
    operation_id="list_datasets",
    summary="Data sets, newest first",
    responses={
        **documentation.page(DatasetList, "One page.", "NextDatasets"),
        **documentation.errors("invalid-input", "engine-unavailable", *COMMON_ERRORS),
    },
    response_class=Response,
)
async def get_datasets(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """List the caller's data sets page by page."""
    datasets = _datasets_of(request)
    found = await stored(datasets.store.list, datasets.tenant, before=position_of(cursor), limit=limit + 1)
    page, more = found[:limit], len(found) > limit
    following = cursor_of(page[-1].created_at, page[-1].id) if more else None
    reasons = {} if more else {"next": "this is the last page"}
    described = [_summary(datasets, record) for record in page]
    answer = DatasetList(datasets=described, next=following, reasons=reasons)
    return link_next(request, json_response(answer), following)


@router.get(
    "/{dataset_id}",
    operation_id="get_dataset",
    summary="One data set with its columns",
    responses={**documentation.answer(Dataset, "The data set.", "ForgottenDataset"), **documentation.errors(*ERRORS)},
    response_class=Response,
)
async def get_dataset(request: Request, dataset_id: DatasetId) -> Response:
    """Tell what was kept of a file, and what was done to each column."""
    datasets = _datasets_of(request)
    return json_response(_dataset(datasets, await stored(datasets.store.get, datasets.tenant, dataset_id)))


@router.delete(
    "/{dataset_id}",
    operation_id="delete_dataset",
    summary="Forget a data set",
    status_code=204,
    responses={204: {"description": "Numbers and samples were removed."}, **documentation.errors(*ERRORS)},
    response_class=Response,
)
async def delete_dataset(request: Request, dataset_id: DatasetId) -> Response:
    """Remove a data set; its id answers 410 from now on, unless the same file is uploaded again.

    Jobs that were accepted before have their numbers and go on.
    """
    datasets = _datasets_of(request)
    await stored(datasets.store.delete, datasets.tenant, dataset_id)
    return Response(status_code=204)


def _datasets_of(request: Request) -> CallerDatasets:
    return CallerDatasets(jobs_of(request).datasets, tenant_of(request))


def _summary(datasets: CallerDatasets, record: DatasetRecord) -> DatasetSummary:
    return DatasetSummary(**_times(datasets, record), **orjson.loads(record.summary))


def _dataset(datasets: CallerDatasets, record: DatasetRecord) -> Dataset:
    described = {**orjson.loads(record.summary), **orjson.loads(record.columns)}
    return Dataset(**_times(datasets, record), **described)


def _times(datasets: CallerDatasets, record: DatasetRecord) -> dict[str, Any]:
    return {
        "created_at": iso(record.created_at) or "",
        "expires_at": iso(datasets.store.expires_at(record)) or "",
    }
