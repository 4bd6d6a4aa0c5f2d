"""Uploaded data sets over HTTP, over SQLite and PostgreSQL: stored, used by every analysis, deleted."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alembic import command
from alembic.config import Config
from pydantic import SecretStr
from sqlalchemy import select, update

from service.core.ground.numbers.factor import factor_of_samples
from service.errors import DatasetError, LimitExceeded
from service.jobs.codec import encode
from service.jobs.store import migrations
from service.jobs.store.database import Database
from service.jobs.store.datasets import DatasetRecord, DatasetStore
from service.jobs.store.retention import Janitor
from service.jobs.store.tables import datasets
from service.jobs.values import Payload
from service.settings import Settings
from service.web.preferences import ANONYMOUS
from tests.serving import Reply, call, serving
from tests.support.job_stacks import until

DATASETS = "/v1/datasets"
CSV = {"content-type": "text/csv"}
NPZ = {"content-type": "application/x-npz"}
RNG = np.random.default_rng(3)
X = RNG.normal(size=(40, 3))
Y = X @ RNG.normal(size=(3, 1)) + 0.1 * RNG.normal(size=(40, 1))
LABELS = (Y[:, 0] > 0.0).astype(int)


def as_csv(rows: Any) -> bytes:
    return "\n".join(",".join(map(repr, row)) for row in np.asarray(rows).tolist()).encode()


def as_npz(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


REGRESSION = as_csv(np.hstack([X, Y]))
CLASSES = as_npz(x=X, y=LABELS)


def problem(data: dict[str, Any], width: int = 1) -> dict[str, Any]:
    layers = [{"width": 4, "weight_decay": 0.05}, {"width": width, "weight_decay": 0.05}]
    return {"network": {"layers": layers}, "data": data}


def reference(identity: str, **more: Any) -> dict[str, Any]:
    return {"kind": "dataset", "id": identity, **more}


def upload(base: str, content: bytes, query: str = "", **headers: str) -> Reply:
    return call(base, "POST", f"{DATASETS}?{query}", content, headers or CSV)


@pytest.fixture
def store(database: Database) -> DatasetStore:
    return DatasetStore(database)


def record(number: int) -> DatasetRecord:
    return DatasetRecord(f"{number:032x}", '{"n": 1}', "{}", 12, 0)


CONTENT = Payload("application/json", b"{}")


def test_what_is_put_is_there_once_until_it_is_deleted(store: DatasetStore) -> None:
    stored, created = store.put("one", record(1), CONTENT, 2)
    assert created
    assert stored.created_at > 1.7e9
    assert stored.used_at == pytest.approx(stored.created_at, abs=1.0)
    assert replace(stored, created_at=0.0, used_at=0.0) == record(1)
    assert store.put("one", record(1), CONTENT, 2) == (stored, False)
    assert store.content("one", record(1).id) == CONTENT
    for use in (store.get, store.content, store.delete):
        for tenant, identity in (("other", record(1).id), ("one", record(9).id), ("one", "\x00"), ("one", "x" * 10**5)):
            with pytest.raises(DatasetError) as caught:
                use(tenant, identity)
            assert caught.value.code == "not-found"
    store.put("one", record(2), CONTENT, 2)
    with pytest.raises(LimitExceeded, match="max_datasets = 2"):
        store.put("one", record(3), CONTENT, 2)
    store.put("other", record(3), CONTENT, 2)
    store.delete("one", record(1).id)
    for use in (store.get, store.content, store.delete):
        with pytest.raises(DatasetError) as caught:
            use("one", record(1).id)
        assert caught.value.code == "dataset-deleted"
    assert [found.id for found in store.list("one")] == [record(2).id]
    assert store.put("one", record(1), CONTENT, 2)[1]
    assert store.get("one", record(1).id).created_at > stored.created_at


def test_what_nobody_uses_expires(database: Database) -> None:
    store, janitor = DatasetStore(database, 100.0), Janitor(database, 100.0, dataset_retention_s=100.0)

    def age(seconds: float) -> None:
        with database.writing() as connection:
            change = {"used_at": datasets.c.used_at - seconds, "deleted_at": datasets.c.deleted_at - seconds}
            connection.execute(update(datasets).values(**change))

    for number in range(4):
        store.put("one", record(number), CONTENT, 9)
    store.delete("one", record(3).id)
    age(60.0)
    assert janitor.collect() == 0
    store.content("one", record(1).id)
    again, created = store.put("one", record(2), CONTENT, 9)
    assert (created, again.used_at > again.created_at) == (False, True)
    assert store.expires_at(again) == again.used_at + 100.0
    store.get("one", record(0).id)
    age(60.0)
    assert janitor.collect() == 1
    assert {found.id for found in store.list("one")} == {record(1).id, record(2).id}
    for use in (store.get, store.content, store.delete):
        with pytest.raises(DatasetError, match="expired") as caught:
            use("one", record(0).id)
        assert caught.value.code == "dataset-deleted"
    with pytest.raises(DatasetError, match="was deleted"):
        store.get("one", record(3).id)
    assert store.put("one", record(0), CONTENT, 9)[1]
    assert store.content("one", record(0).id) == CONTENT
    # the traces of what was deleted are buried in the end
    age(300.0)
    assert janitor.collect() == 3 + 1
    with pytest.raises(DatasetError) as caught:
        store.get("one", record(3).id)
    assert caught.value.code == "not-found"


def moved(database: Database, to: str, move: Callable[[Config, str], None]) -> None:
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with database.writing() as connection:
        configuration.attributes["connection"] = connection
        move(configuration, to)


def test_data_sets_that_were_kept_as_moments_are_outdated(database: Database) -> None:
    """What an older version stored: its numbers go unless there are samples to reduce anew."""
    store = DatasetStore(database)
    kept = replace(record(1), sample_numbers=30)
    for each in (kept, record(2), record(3)):
        store.put("one", each, CONTENT, 9)
    store.delete("one", record(3).id)
    moved(database, "0004", command.downgrade)
    moved(database, "head", command.upgrade)
    assert store.content("one", kept.id) == CONTENT
    assert [found.id for found in store.list("one")] == [kept.id]
    for use in (store.get, store.content, store.delete):
        with pytest.raises(DatasetError, match="upload the file again") as caught:
            use("one", record(2).id)
        assert caught.value.code == "dataset-outdated"
        with pytest.raises(DatasetError) as caught:
            use("one", record(3).id)
        assert caught.value.code == "dataset-deleted"
    with database.reading() as connection:
        query = select(datasets.c.body).where(datasets.c.id == record(2).id)
        assert connection.execute(query).scalar_one() is None
    # the same content, reduced by this version, takes its place
    assert store.put("one", record(2), CONTENT, 9)[1]
    assert store.content("one", record(2).id) == CONTENT


def test_pages_of_a_list_meet_without_a_gap(store: DatasetStore) -> None:
    for number in range(5):
        store.put("one", record(number), CONTENT, 10)
    seen: list[DatasetRecord] = []
    while page := store.list("one", before=(seen[-1].created_at, seen[-1].id) if seen else None, limit=2):
        seen += page
    assert {found.id for found in seen} == {record(number).id for number in range(5)}
    assert [found.created_at for found in seen] == sorted((found.created_at for found in seen), reverse=True)


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    url = f"sqlite:///{tmp_path_factory.mktemp('light')}/jobs.db"
    with serving(Settings(database_url=url, workers=0, log_level="error")) as address:
        yield address


@pytest.fixture
def base(database_url: str) -> Iterator[str]:
    with serving(Settings(database_url=database_url, workers=1, lease_s=10.0, log_level="error")) as address:
        yield address


def test_a_data_set_is_answered_as_its_samples(base: str) -> None:
    """Upload, every analysis, a job, and deletion, as one user meets them."""
    reply = upload(base, REGRESSION)
    assert reply.status == 201, reply.content
    identity = reply.json["id"]
    assert reply.headers["location"] == f"{DATASETS}/{identity}"
    assert call(base, "GET", f"{DATASETS}/{identity}").json == reply.json
    assert (reply.json["samples"], reply.json["inputs"], reply.json["outputs"]) == (40, 3, 1)
    assert reply.json["options"]["header"] == "absent"
    again = upload(base, REGRESSION, "header=absent")
    assert (again.status, again.json) == (200, reply.json)
    form = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + REGRESSION + b"\r\n--b--\r\n"
    )
    sent = call(base, "POST", DATASETS, form, {"content-type": "multipart/form-data; boundary=b"})
    assert (sent.status, sent.json) == (200, reply.json)

    samples = {"kind": "samples", "x": X.tolist(), "y": Y.tolist()}
    for path in ("/v1/minima", "/v1/landscape", "/v1/ranks"):
        found = call(base, "POST", path, problem(reference(identity)))
        assert found.status == 200, found.content
    answer = call(base, "POST", "/v1/minima", problem(reference(identity))).json
    expected = call(base, "POST", "/v1/minima", problem(samples)).json
    assert answer["global_minimum"]["loss"] == pytest.approx(expected["global_minimum"]["loss"], rel=1e-12)
    biased = problem(reference(identity, evaluation=reference(identity)))
    biased["network"]["bias"] = "output"
    found = call(base, "POST", "/v1/minima", biased).json["global_minimum"]
    assert found["evaluation_fit"] == pytest.approx(found["terms"]["fit"], rel=1e-9)
    listed = call(
        base, "POST", "/v1/minima/batch", {"problems": [problem(samples), {"problem": problem(reference(identity))}]}
    )
    losses = [each["global_minimum"]["loss"] for each in listed.json["answers"]]
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)
    weights = [np.zeros((4, 3)).tolist(), np.zeros((1, 4)).tolist()]
    diagnosed = call(base, "POST", "/v1/diagnose", {"problem": problem(reference(identity)), "weights": weights})
    assert diagnosed.json["loss"] == pytest.approx(float((Y**2).mean()), rel=1e-12)
    swept = call(base, "POST", "/v1/sweeps", {"problem": problem(reference(identity)), "axes": [AXIS]})
    assert swept.status == 200, swept.content

    ahead = call(base, "POST", "/v1/minima", problem(reference(identity)), {"Prefer": "wait=60"})
    assert (ahead.status, ahead.json) == (200, answer)
    other = upload(base, REGRESSION, "centre=true").json["id"]
    assert other != identity
    second = call(base, "POST", "/v1/minima", problem(reference(other)), {"Prefer": "respond-async"})
    assert second.headers["location"] != ahead.headers["location"]

    assert call(base, "DELETE", f"{DATASETS}/{identity}").status == 204
    asked = {"problem": problem(reference(identity))}
    uses: list[tuple[str, str, Any, dict[str, str]]] = [
        (method, f"{DATASETS}/{identity}", None, {}) for method in ("GET", "DELETE")
    ]
    uses += [("POST", path, asked, {}) for path in ("/v1/minima", "/v1/landscape", "/v1/sweeps", "/v1/races")]
    uses += [("POST", "/v1/minima", asked, {"Prefer": "respond-async"})]
    for method, path, body, headers in uses:
        gone = call(base, method, path, body, headers)
        assert (gone.status, gone.json["type"]) == (410, "/problems/dataset-deleted")
        if body:
            assert gone.json["errors"][0]["pointer"] == "/problem/data/id"
    # the job was accepted before, and has its moments
    until(lambda: call(base, "GET", second.headers["location"]).json["state"] == "successful")


AXIS = {"parameter": "decay_scale", "from": 0.1, "to": 10, "points": 5}


def test_a_selection_has_the_folds_of_an_upload(light: str) -> None:
    asked = {"vary": "weight_decay", "grid": {"from": 0.01, "to": 1.0, "points": 5}}
    numbers: dict[str, Any] = {"x": X.tolist(), "y": Y.tolist()}
    labels: dict[str, Any] = {"x": X.tolist(), "y": LABELS.tolist(), "task": "classification"}
    for query, content, headers, data, width in (
        ("folds=4", REGRESSION, CSV, numbers, 1),
        ("folds=4&one_hot=true", CLASSES, NPZ, labels, 1),
        ("folds=4&one_hot=true", CLASSES, NPZ, labels, 2),
    ):
        stored = upload(light, content, query, **headers).json
        assert stored["options"]["folds"] == 4
        by_samples = call(
            light,
            "POST",
            "/v1/selection",
            {"problem": problem({"kind": "samples", **data}, width), "folds": 4, **asked},
        ).json
        by_folds = {"problem": problem(reference(stored["id"]), width), **asked}
        found = call(light, "POST", "/v1/selection", by_folds).json
        assert found["kfold"]["mean"] == pytest.approx(by_samples["kfold"]["mean"], rel=1e-7 if width > 1 else 1e-10)
        assert found["kfold"]["sizes"] == [10, 10, 10, 10]
        assert found["loo"] is None
        wrong = call(light, "POST", "/v1/selection", {**by_folds, "folds": 5})
        assert (wrong.status, wrong.json["errors"][0]["pointer"]) == (422, "/folds")
    # other operations read the same data set as one without folds, whose id it does not share
    plain = upload(light, REGRESSION, **CSV).json
    minima = call(light, "POST", "/v1/minima", problem(reference(plain["id"]))).json
    folded = upload(light, REGRESSION, "folds=4", **CSV).json
    assert folded["id"] != plain["id"]
    assert call(light, "POST", "/v1/minima", problem(reference(folded["id"]))).json == minima
    kept = upload(light, REGRESSION, "folds=4&keep_samples=true", **CSV).json
    sampled = {"problem": problem(reference(kept["id"])), "folds": 5, **asked}
    assert call(light, "POST", "/v1/selection", sampled).json["loo"] is not None
    many = upload(light, REGRESSION, "folds=41", **CSV)
    assert (many.status, many.json["errors"][0]["parameter"]) == (422, "folds")


def test_classes_moments_and_samples(light: str) -> None:
    moments = upload(light, CLASSES, "one_hot=true", **NPZ).json
    kept = upload(light, CLASSES, "one_hot=true&keep_samples=true", **NPZ).json
    assert (moments["classes"], moments["task"], moments["samples_kept"]) == ([0, 1], "classification", False)
    assert kept["id"] != moments["id"]
    samples = {"kind": "samples", "x": X.tolist(), "y": LABELS.tolist(), "task": "classification"}
    for width in (1, 2):
        expected = call(light, "POST", "/v1/minima", problem(samples, width)).json["global_minimum"]["loss"]
        for found in (moments, kept):
            answer = call(light, "POST", "/v1/minima", problem(reference(found["id"]), width)).json
            assert answer["global_minimum"]["loss"] == pytest.approx(expected, rel=1e-8)
    separable = {}
    for name, data in (("samples", samples), ("kept", reference(kept["id"])), ("moments", reference(moments["id"]))):
        body = {**problem(data), "objective": {"loss": "exponential"}}
        separable[name] = call(light, "POST", "/v1/ranks", body).json["separability"]
    assert separable["kept"] == separable["samples"]
    assert separable["kept"]["separable"] is not None
    assert separable["moments"]["separable"] is None
    assert "samples" in str(separable["moments"])


def test_what_an_older_version_stored_is_reduced_anew_or_told(tmp_path: Path) -> None:
    """Moments without samples are never read as if they were a factor."""
    old = {
        "xx": X.T @ X / 40,
        "xy": X.T @ Y / 40,
        "yy": 1.0,
        "n": 40,
        "x_mean": X.mean(axis=0),
        "y_mean": Y.mean(axis=0),
    }
    labelled = {**old, "classes": [0, 1], "x": X, "y": LABELS[:, np.newaxis].astype(float)}
    url = f"sqlite:///{tmp_path}/jobs.db"
    with serving(Settings(database_url=url, workers=0, log_level="error")) as address:
        upload(address, REGRESSION)
        store = DatasetStore(Database(url))
        for number, content in enumerate(
            [{**old, "classes": None, "x": X, "y": Y}, labelled, {**old, "classes": None}]
        ):
            each = replace(record(number), sample_numbers=0 if number == 2 else 160)
            store.put(ANONYMOUS, each, encode(content), 9)
        samples: dict[str, Any] = {"kind": "samples", "x": X.tolist()}
        for number, data, width in (
            (0, {**samples, "y": Y.tolist()}, 1),
            (1, {**samples, "y": LABELS.tolist(), "task": "classification"}, 2),
        ):
            found = call(address, "POST", "/v1/minima", problem(reference(record(number).id), width))
            expected = call(address, "POST", "/v1/minima", problem(data, width)).json["global_minimum"]
            assert found.json["global_minimum"]["loss"] == pytest.approx(expected["loss"], rel=1e-12)
        gone = call(address, "POST", "/v1/minima", problem(reference(record(2).id)))
        assert (gone.status, gone.json["type"]) == (410, "/problems/dataset-outdated")
        assert gone.json["errors"][0]["pointer"] == "/data/id"


def test_held_out_labels_beside_classes_that_were_uploaded(light: str) -> None:
    identity = upload(light, CLASSES, "one_hot=true", **NPZ).json["id"]
    held_out = {"kind": "samples", "x": X[:9].tolist(), "y": LABELS[:9].tolist()}
    other = upload(light, as_npz(x=X[:9], y=LABELS[:9]), "one_hot=true", **NPZ).json["id"]
    samples = {"kind": "samples", "x": X.tolist(), "y": LABELS.tolist(), "task": "classification"}
    for width in (1, 2):
        fits = [
            call(light, "POST", "/v1/minima", problem({**data, "evaluation": evaluation}, width)).json
            for data in (samples, reference(identity))
            for evaluation in (held_out, reference(other))
        ]
        assert fits[2]["classes"] == [0, 1]
        found = [each["global_minimum"]["evaluation_fit"] for each in fits]
        np.testing.assert_allclose(found, found[0], rtol=1e-12)


def test_a_problem_that_is_returned_holds_the_factor(light: str) -> None:
    shifted = np.hstack([X + 1.7e9, Y])
    identity = upload(light, as_csv(shifted)).json["id"]
    asked = {"problem": problem(reference(identity)), "return": {"problem": True}}
    answer = call(light, "POST", "/v1/minima", asked).json
    factor = factor_of_samples(shifted[:, :3], shifted[:, 3:])
    data = answer["problem"]["data"]
    assert (data["kind"], data["n"]) == ("factor", 40)
    np.testing.assert_array_equal(data["r"], factor.r)
    np.testing.assert_array_equal(data["scale"], factor.scale)
    again = call(light, "POST", "/v1/minima", answer["problem"]).json
    assert (again["problem_hash"], again["global_minimum"]) == (answer["problem_hash"], answer["global_minimum"])
    arrays = {f"data.{name}": np.array(data.pop(name)) for name in ("x_mean", "y_mean", "scale", "r")}
    binary = as_npz(request=np.array(json.dumps(answer["problem"])), **arrays)
    assert call(light, "POST", "/v1/minima", binary, NPZ).json["problem_hash"] == answer["problem_hash"]


def test_names_of_classes(light: str) -> None:
    """A table as people have it: a number nobody needs, measurements, and what each flower is called."""
    numbers = as_csv(np.column_stack([X, LABELS])).decode().split("\n")
    rows = [f"{at},{row[:-3]}{'tulip' if row.endswith('1.0') else 'rose'}" for at, row in enumerate(numbers)]
    content = "\n".join(["Id,a,b,c,Species", *rows]).encode()
    told = upload(light, content).json
    assert (told["options"]["one_hot"], told["file_columns"][-1]["kind"]) == (True, "category")
    found = upload(light, content, "one_hot=true&ignore=Id").json
    assert (found["classes"], found["class_names"], "class_names" in found["reasons"]) == (
        [0, 1],
        ["rose", "tulip"],
        False,
    )
    expected = upload(light, CLASSES, "one_hot=true", **NPZ).json
    assert (expected["class_names"], expected["reasons"]["class_names"]) == (None, "the labels are not texts")
    losses = [
        call(light, "POST", "/v1/minima", problem(reference(each["id"]), 2)).json["global_minimum"]["loss"]
        for each in (found, expected)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)


def test_lists_have_pages(light: str) -> None:
    before = len(call(light, "GET", DATASETS).json["datasets"])
    identities = [upload(light, as_csv([[1, number], [2, 3]])).json["id"] for number in range(3)]
    first = call(light, "GET", f"{DATASETS}?limit=2")
    assert [each["id"] for each in first.json["datasets"]] == identities[:0:-1]
    path = first.headers["link"].partition(">")[0].removeprefix("<")
    last = call(light, "GET", path.replace("limit=2", "limit=50")).json
    assert [each["id"] for each in last["datasets"]][:1] == identities[:1]
    assert len(last["datasets"]) == before + 1
    assert (last["next"], last["reasons"]["next"]) == (None, "this is the last page")
    assert call(light, "GET", f"{DATASETS}?cursor=x").status == 422


def test_what_is_refused_before_a_file_is_read(tmp_path: Any) -> None:
    settings = Settings(
        database_url=f"sqlite:///{tmp_path}/jobs.db",
        workers=0,
        max_upload_bytes=1000,
        upload_folder=str(tmp_path),
        api_keys=(SecretStr("a"), SecretStr("b")),
        log_level="error",
    )
    key = {"x-api-key": "a"}
    boundary = {"content-type": "multipart/form-data; boundary=b", **key}
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.%s"\r\n\r\n1,2\r\n'
    cases: list[tuple[str, bytes, dict[str, str], int, str]] = [
        ("", b"1,2\n" * 251, {**CSV, **key}, 413, "max_upload_bytes = 1000"),
        ("", b"1,2\n3,4\n", {"content-type": "text/html", **key}, 415, "application/x-npy"),
        ("", b"1,2\n3,4\n", {**CSV, "content-encoding": "br", **key}, 415, "content encoding but gzip or zstd"),
        ("standardize=true", b"1,2\n3,4\n", {**CSV, **key}, 422, "did you mean `standardise`"),
        ("one_hot=perhaps", b"1,2\n3,4\n", {**CSV, **key}, 422, "true or false"),
        ("", part % b"csv", boundary, 400, "ends early"),
        ("", part % b"doc" + b"--b--\r\n", boundary, 415, "application/x-npy"),
        ("", (part % b"csv").replace(b'"file"', b'"data"') + b"--b--\r\n", boundary, 400, "one part, named file"),
        ("", part % b"csv" + part % b"csv" + b"--b--\r\n", boundary, 400, "one part, named file"),
        ("", b"no form", boundary, 400, "not a readable multipart"),
        ("", b"x", {"content-type": "multipart/form-data", **key}, 400, "boundary"),
        ("", b"1,2\n3,4\n", CSV, 401, "key"),
        ("", part % b"csv" + b"--b--\r\n", boundary, 201, ""),
    ]
    with serving(settings) as address:
        for query, content, headers, status, says in cases:
            reply = call(address, "POST", f"{DATASETS}?{query}", content, headers)
            assert reply.status == status, (headers, reply.content)
            assert says in reply.json.get("detail", "")
        mine = call(address, "POST", DATASETS, b"1,2\n", {**CSV, **key}).json["id"]
        assert call(address, "GET", f"{DATASETS}/{mine}", headers=key).status == 200
        assert call(address, "GET", f"{DATASETS}/{mine}", headers={"x-api-key": "b"}).status == 404
    with serving(settings.model_copy(update={"upload_folder": str(tmp_path / "nowhere")})) as address:
        reply = call(address, "POST", DATASETS, b"1,2\n", {**CSV, **key})
        assert (reply.status, reply.headers["retry-after"]) == (503, "1")
    # what was received is gone from the disk, whatever came of it
    assert not list(tmp_path.glob("minima-upload-*"))
