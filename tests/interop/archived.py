"""Archives days of a log to an S3 server, as an operator would, and looks at the bucket with other clients."""

import contextlib
import os
import pathlib
import socket
import subprocess
import time

import boto3
import pyarrow.dataset
import pyarrow.fs
from moto.server import ThreadedMotoServer

BUCKET = "cold"
PREFIX = "logs/archive"
REGION = "eu-central-1"
# Three days that are long past, so that all but the last are old enough to be archived.
FROM, TO = "2026-02-09T00:00:00Z", "2026-02-12T00:00:00Z"
LINES = 900
# Seconds until a server of this machine must answer.
PATIENCE = 30


@contextlib.contextmanager
def server():
    """An S3 server in memory; gives the environment by which clients find it."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    moto.start()
    host, port = moto.get_host_and_port()
    reached = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "interop",
        "AWS_SECRET_ACCESS_KEY": "interop-secret",
        "AWS_REGION": REGION,
    }
    try:
        yield reached
    finally:
        moto.stop()


def client(reached):
    return boto3.client(
        "s3",
        endpoint_url=reached["AWS_ENDPOINT_URL"],
        aws_access_key_id=reached["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=reached["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )


def objects(s3, prefix=PREFIX):
    """Objects of the bucket below a prefix: name and bytes."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{prefix}/")
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    body = lambda key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return {key.removeprefix(f"{prefix}/"): body(key) for key in keys}


def run(program, folder, reached, *args):
    """Runs the program on an output folder; what it said, and how it ended."""
    environment = {**os.environ, **reached, "OUTPUT_DIR": str(folder)}
    done = subprocess.run([program, *args], env=environment, cwd=folder.parent, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.glob("log=*/day=*/*.parquet")}


def rows_by_pyarrow(reached):
    host = reached["AWS_ENDPOINT_URL"].removeprefix("http://")
    filesystem = pyarrow.fs.S3FileSystem(
        endpoint_override=host,
        scheme="http",
        access_key=reached["AWS_ACCESS_KEY_ID"],
        secret_key=reached["AWS_SECRET_ACCESS_KEY"],
        region=REGION,
    )
    total = 0
    for log in filesystem.get_file_info(pyarrow.fs.FileSelector(f"{BUCKET}/{PREFIX}")):
        if "/log=" in log.path:
            total += pyarrow.dataset.dataset(log.path, filesystem=filesystem, format="parquet").count_rows()
    return total


@contextlib.contextmanager
def account(program, folder):
    """A simulated account with three days of a log; gives the environment by which it is reached."""
    lines = folder.parent / "archived.csv"
    lines.write_text("".join(f"{n},host-{n % 7},word {n}\n" for n in range(LINES)), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = [program.with_name("rapid7-sim"), "serve", "--port", str(port), "--log", f"web=file:{lines}"]
    simulator = subprocess.Popen([*serve, "--from", FROM, "--to", TO], stdout=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield {"RAPID7_API_KEY": "sim-key", "RAPID7_API_ENDPOINT": f"http://127.0.0.1:{port}"}
    finally:
        simulator.terminate()
        simulator.wait()


def pull(program, folder, reached):
    """Pulls the three days into a folder."""
    code, said = run(program, folder, reached, "run", "--from", FROM, "--to", TO)
    if code != 0:
        raise RuntimeError(f"run: exit {code}: {said}")


def wait_for(port):
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def check(checks, program, scratch):
    """Copies, copies again, moves: each compared byte for byte with what lay in the folder."""
    folder = scratch / "archived"
    with server() as store:
        s3 = client(store)
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        with account(program, folder) as source:
            checks.attempt("archive: three days of a log", lambda: pull(program, folder, source))
            by_itself = lambda: archived_by_itself(program, scratch / "by-itself", {**store, **source}, s3)
            checks.attempt("archive: a run moves a day to the bucket by itself", by_itself)
        check_commands(checks, program, folder, store, s3)


def archived_by_itself(program, folder, reached, s3):
    """A problem unless a run with ARCHIVE_TO ends with one day in the bucket and the others in the folder."""
    pull(program, folder, {**reached, "ARCHIVE_TO": f"s3://{BUCKET}/by-itself"})
    there, here = objects(s3, "by-itself"), files(folder)
    days = lambda names: {pathlib.Path(name).parent.name for name in names}
    moved, kept = {"day=2026-02-09"}, {"day=2026-02-10", "day=2026-02-11"}
    return None if (days(there), days(here)) == (moved, kept) else f"{sorted(there)} there, {sorted(here)} here"


def check_commands(checks, program, folder, reached, s3):
    before = files(folder)
    url = f"s3://{BUCKET}/{PREFIX}"
    command = ("archive", "--to", url, "--older-than", "0s")

    def archive(*flags):
        code, said = run(program, folder, reached, *command, *flags)
        if code != 0:
            raise RuntimeError(f"exit {code}: {said}")
        return said

    def copied():
        archive("--copy")
        found = objects(s3)
        wrong = [name for name, body in found.items() if before.get(name) != body]
        if wrong or not found:
            return f"{len(found)} objects, of which wrong: {wrong}"
        return None if files(folder) == before else "the folder was changed"

    def copied_again():
        said = archive("--copy")
        return None if "Copied and verified: 0 files" in said else said

    def read_there():
        named = sum(int(pathlib.Path(name).stem.split("_")[2]) for name in objects(s3))
        found = rows_by_pyarrow(reached)
        return None if found == named > 0 else f"{found} rows instead of {named}"

    def refused():
        marked = {**reached, "AWS_SECRET_ACCESS_KEY": "canary-secret"}
        code, said = run(program, folder, marked, "archive", "--to", "s3://missing/logs", "--older-than", "0s")
        told = code == 1 and "s3://missing/logs" in said and "canary" not in said
        return None if told and files(folder) == before else f"exit {code}: {said}"

    def moved():
        archive()
        there, here = objects(s3), files(folder)
        if set(there) & set(here) or {**there, **here} != before:
            return f"{len(there)} there, {len(here)} here, {len(before)} before"
        code, said = run(program, folder, reached, "verify")
        return None if code == 0 else f"verify: exit {code}: {said}"

    checks.attempt("archive: every file of an old day is in the bucket, byte for byte", copied)
    checks.attempt("archive: nothing is sent twice", copied_again)
    checks.attempt("archive: pyarrow reads the bucket as a dataset", read_there)
    checks.attempt("archive: a bucket that is missing is said, no secret is, and nothing is removed", refused)
    checks.attempt("archive: what is moved is there, and no longer here", moved)
