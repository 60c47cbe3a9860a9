"""Reads back what log-ingestion wrote, with readers that share no code with it.

    python read_all.py FOLDER DATA PROGRAM

FOLDER holds `ingested/NAME` with `NAME.status.json` beside it (what `status --json` said of that
folder) and `converted/CODEC`; DATA holds the files that were converted; PROGRAM archives a folder to
an S3 server. Prints a line for each check and closes with `interop: N passed, N failed`; the exit code
is 1 if any failed.
"""

import csv
import datetime
import json
import pathlib
import sys

import pyarrow
import pyarrow.parquet

import archived
import readers

# What pyarrow calls the codecs that it calls by another name.
CODECS = {"none": "UNCOMPRESSED", "compat": "SNAPPY"}
# Files that a log of these folders must have, else nothing is shown of files read together, or made into one.
FILES_MIN = {"demo": 2, "scattered": 4}
# A folder and a copy of it in which small files became few; and what a file says of itself that was made of others.
SCATTERED, COMPACTED = "scattered", "compacted"
MADE_OF = b"ingest.made_of"


class Checks:
    """Counts what held, and prints each check as it is made."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, problem):
        """A check failed if `problem` says something."""
        if problem is None:
            self.passed += 1
            print(f"ok      {name}")
        else:
            self.failed += 1
            print(f"FAILED  {name}: {problem}")

    def attempt(self, name, work):
        """A check whose work may raise: a reader that cannot read is a failed check."""
        try:
            problem = work()
        except Exception as error:  # every reader has errors of its own
            problem = f"{type(error).__name__}: {error}"
        self.check(name, problem)


def unless(holds, problem):
    return None if holds else problem


def same(values):
    """A problem unless all values of a dict are equal."""
    return unless(len(set(values.values())) <= 1, ", ".join(f"{k} {v}" for k, v in values.items()))


# --- one log ----------------------------------------------------------------------------------------


def check_log(checks, title, folder, status, files_min):
    """One `log=*` folder: counts, schema, times, values, statistics. Returns its rows."""
    pattern = f"{folder}/day=*/*.parquet"
    files = sorted(str(path) for path in folder.glob("day=*/*.parquet"))
    named = sum(int(pathlib.Path(file).stem.split("_")[2]) for file in files)
    checks.check(f"{title}: files", unless(len(files) >= files_min, f"{len(files)} of at least {files_min}"))
    if not files:
        return 0
    tables = {}
    for reader in readers.NAMES:
        def load(reader=reader):
            tables[reader] = readers.read(reader, pattern, files)
        checks.attempt(f"{title}: {reader} reads {len(files)} files", load)
    counts = {reader: table.num_rows for reader, table in tables.items()}
    checks.check(f"{title}: all count {named} rows, as the file names do", same({"names": named, **counts}))
    frame = lambda: unless(len(readers.folder_frame(folder)) == named, "another count")
    checks.attempt(f"{title}: pandas reads the folder", frame)
    if "pyarrow" in tables:
        check_status(checks, title, tables["pyarrow"], status)
        check_values(checks, title, tables)
        check_times(checks, title, folder, pattern, tables)
        hidden = {"log", "day"} & set(tables["pyarrow"].column_names)
        checks.check(f"{title}: no column hides behind a folder's name", unless(not hidden, f"{hidden}"))
        checks.attempt(f"{title}: rows lie in their file's span", lambda: spans(files))
    check_files(checks, title, files)
    return named


def check_status(checks, title, table, status):
    ids = set(table.column("_log_id").to_pylist())
    checks.check(f"{title}: one log id", unless(len(ids) == 1, f"{ids}"))
    stored = {log["id"]: log["stored"] for log in status}
    found = sum(stored.get(log_id, 0) for log_id in ids)
    checks.check(f"{title}: status says the same", same({"rows": table.num_rows, "stored": found}))


def check_values(checks, title, tables):
    reference = tables["pyarrow"]
    for reader in readers.NAMES[1:]:
        if reader in tables:
            name = f"{title}: {reader} sees the values of pyarrow in {reference.num_columns} columns"
            checks.attempt(name, lambda reader=reader: readers.difference(reference, tables[reader]))
    null = [field.name for table in tables.values() for field in table.schema if pyarrow.types.is_null(field.type)]
    checks.check(f"{title}: every column has a type", unless(not null, f"none: {sorted(set(null))}"))


def check_times(checks, title, folder, pattern, tables):
    zones = lambda: same({r: readers.zone(r, pattern, folder, "_time") for r in readers.NAMES} | {"right": "UTC"})
    checks.attempt(f"{title}: _time is UTC for all", zones)
    nulls = {reader: table.column("_time").null_count for reader, table in tables.items()}
    checks.check(f"{title}: _time is never null", same({**nulls, "right": 0}))


def spans(files):
    """A problem if a row was received outside the span or the day that its file's path says."""
    for file in map(pathlib.Path, files):
        start, end = (instant(text) for text in file.stem.split("_")[:2])
        received = pyarrow.parquet.read_table(file, columns=["_timestamp"], partitioning=None)["_timestamp"]
        for time in filter(None, received.to_pylist()):
            if not start <= time < end or f"day={time:%Y-%m-%d}" != file.parent.name:
                return f"{file.name} holds a row of {time}"
    return None


def instant(text):
    parsed = datetime.datetime.strptime(text, "%Y%m%dT%H%M%S%fZ")
    return parsed.replace(tzinfo=datetime.timezone.utc)


# --- files ------------------------------------------------------------------------------------------


def check_files(checks, title, files):
    """Schemas that fit together, and what engines need to skip: statistics and page indexes."""
    checks.attempt(f"{title}: one schema in all files", lambda: one_schema(files))
    checks.attempt(f"{title}: statistics of every column with values", lambda: each_chunk(files, lacks_statistics))
    checks.attempt(f"{title}: column and offset index of every column", lambda: each_chunk(files, lacks_index))


def one_schema(files):
    schemas = [pyarrow.parquet.read_schema(file) for file in files]
    for file, schema in zip(files, schemas):
        if schema.names != schemas[0].names:
            return f"{file} has other columns: {sorted(set(schema.names) ^ set(schemas[0].names))}"
        if len(set(name.lower() for name in schema.names)) != len(schema.names):
            return f"{file} has names that differ only in case"
        if any(pyarrow.types.is_null(field.type) for field in schema):
            return f"{file} has a column without a type"
    pyarrow.unify_schemas([schema.remove_metadata() for schema in schemas], promote_options="permissive")
    return None


def each_chunk(files, complaint):
    for file in files:
        metadata = pyarrow.parquet.read_metadata(file)
        for group in range(metadata.num_row_groups):
            for column in range(metadata.num_columns):
                chunk = metadata.row_group(group).column(column)
                if said := complaint(chunk):
                    return f"{file}, column {chunk.path_in_schema}: {said}"
    return None


def lacks_statistics(chunk):
    statistics = chunk.statistics
    if statistics is None or statistics.null_count is None:
        return "no statistics"
    has_values = statistics.null_count < chunk.num_values
    return "no least and greatest value" if has_values and not statistics.has_min_max else None


def lacks_index(chunk):
    return None if chunk.has_column_index and chunk.has_offset_index else "no page index"


# --- folders ----------------------------------------------------------------------------------------


def check_ingested(checks, folder, status):
    """A whole output folder: each of its logs, then all of them together."""
    total = 0
    for log in sorted(folder.glob("log=*")):
        total += check_log(checks, f"{folder.name}/{log.name}", log, status, FILES_MIN.get(folder.name, 1))
    stored = sum(log["stored"] for log in status)
    checks.check(f"{folder.name}: status counts all rows", unless(total == stored > 0, f"{total} and {stored}"))

    def together():
        options = "union_by_name=true, hive_partitioning=true"
        query = f"SELECT count(*), count(_time), count(DISTINCT log) FROM read_parquet(?, {options})"
        found = readers.connect().execute(query, [f"{folder}/log=*/day=*/*.parquet"]).fetchone()
        return unless(found == (total, total, len(status)), f"{found} instead of {(total, total, len(status))}")

    checks.attempt(f"{folder.name}: duckdb reads all {len(status)} logs together", together)


def check_compacted(checks, before, after):
    """Each log of a compacted folder against the same log before: fewer files, and the same rows for every reader."""
    for log in sorted(before.glob("log=*")):
        title = f"{after.name}/{log.name}"
        files = {folder: sorted(str(path) for path in (folder / log.name).glob("day=*/*.parquet")) for folder in (before, after)}
        made = [file for file in files[after] if MADE_OF in pyarrow.parquet.read_schema(file).metadata]
        counts = f"{len(files[before])} files became {len(files[after])}, {len(made)} of them made of others"
        checks.check(f"{title}: {counts}", unless(made and len(files[after]) < len(files[before]), "none did"))

        def read(reader):
            tables = [readers.read(reader, f"{folder / log.name}/day=*/*.parquet", files[folder]) for folder in files]
            return readers.difference(*tables)

        for reader in readers.NAMES:
            checks.attempt(f"{title}: {reader} sees the rows of before", lambda reader=reader: read(reader))


def check_converted(checks, folder, data):
    """What `convert` wrote with one codec: read by all, and the same with each codec."""
    codec = CODECS.get(folder.name, folder.name.upper())
    other_codec = lambda chunk: unless(chunk.compression == codec, chunk.compression)
    for source in sorted(data.iterdir()):
        file = folder / f"{source.stem}.parquet"
        title = f"convert {folder.name}: {source.name}"
        checks.attempt(f"{title}: every column is {codec}", lambda: each_chunk([file], other_codec))
        reference = folder.parent / "none" / file.name

        def read(reader):
            table = readers.read(reader, str(file), [str(file)])
            return readers.difference(readers.read("pyarrow", "", [str(reference)]), table)

        for reader in readers.NAMES:
            checks.attempt(f"{title}: {reader} sees the values", lambda reader=reader: read(reader))
        check_files(checks, title, [str(file)])
        if source.suffix == ".csv":
            checks.attempt(f"{title}: says what the source says", lambda: as_written(source, file))


def as_written(source, file):
    """A problem if a value of a CSV file is not in the Parquet file as it was written."""
    with open(source, newline="", encoding="utf-8") as lines:
        written = list(csv.DictReader(lines))
    table = pyarrow.parquet.read_table(file, partitioning=None)
    if len(written) != table.num_rows:
        return f"{len(written)} records and {table.num_rows} rows"
    for record, row in zip(written, table.to_pylist()):
        for name, text in record.items():
            if meaning(text, row[name]) != row[name]:
                return f"{name}: {text!r} became {row[name]!r}"
    return None


def meaning(text, value):
    """What a text means, in the type that it was given."""
    if value is None:
        return text or None
    if isinstance(value, bool):
        return {"true": True, "false": False}[text.lower()]
    if isinstance(value, (datetime.date, datetime.time)):
        return type(value).fromisoformat(text)
    return type(value)(text)


def main(folder, data, program):
    checks = Checks()
    for ingested in sorted((folder / "ingested").iterdir()):
        status = json.loads((folder / f"{ingested.name}.status.json").read_text(encoding="utf-8"))
        check_ingested(checks, ingested, status)
    check_compacted(checks, folder / "ingested" / SCATTERED, folder / "ingested" / COMPACTED)
    for converted in sorted((folder / "converted").iterdir()):
        check_converted(checks, converted, data)
    archived.check(checks, program, folder)
    print(f"interop: {checks.passed} passed, {checks.failed} failed")
    return 0 if checks.failed == 0 and checks.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main(*(pathlib.Path(argument).resolve() for argument in sys.argv[1:4])))
