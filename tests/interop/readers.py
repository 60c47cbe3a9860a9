"""Four readers of Parquet, each asked for the same: a table, in the order of the files.

DuckDB, pyarrow, pandas and Polars share no code with the writer, and little with each other. Each
gives an Arrow table, so that values can be compared; how each one sees types by itself is in `zone`.
"""

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.compute
import pyarrow.dataset

NAMES = ("pyarrow", "duckdb", "polars", "pandas")


def connect():
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def read(reader, pattern, files):
    """All rows of some files, through the way in that a user of that reader takes: a glob, or the files of it."""
    if reader == "pyarrow":
        return pyarrow.dataset.dataset(files, format="parquet").to_table()
    if reader == "duckdb":
        query = "SELECT * FROM read_parquet(?, hive_partitioning=false)"
        return connect().execute(query, [pattern]).to_arrow_table()
    if reader == "polars":
        return polars.scan_parquet(pattern, hive_partitioning=False).collect().to_arrow()
    frames = [pandas.read_parquet(file, dtype_backend="pyarrow", partitioning=None) for file in files]
    return pyarrow.Table.from_pandas(pandas.concat(frames), preserve_index=False)


def folder_frame(folder):
    """A folder as pandas reads it when nothing is said about types, its partition among the columns."""
    return pandas.read_parquet(folder)


def zone(reader, pattern, folder, column):
    """The time zone that a reader sees on a column; None if it sees none or no timestamp."""
    if reader == "pyarrow":
        kind = pyarrow.dataset.dataset(folder, format="parquet").schema.field(column).type
        return kind.tz if pyarrow.types.is_timestamp(kind) else None
    if reader == "duckdb":
        query = f'SELECT any_value(typeof("{column}")) FROM read_parquet(?)'
        kind = connect().execute(query, [pattern]).fetchone()[0]
        return "UTC" if kind == "TIMESTAMP WITH TIME ZONE" else None
    if reader == "polars":
        kind = polars.scan_parquet(pattern).collect_schema()[column]
        return kind.time_zone if isinstance(kind, polars.Datetime) else None
    zone_of = getattr(folder_frame(folder).dtypes[column], "tz", None)
    return None if zone_of is None else str(zone_of)


def difference(reference, other):
    """What differs between two tables, said for the first column that does; None if they are the same."""
    if reference.column_names != other.column_names:
        return f"columns {reference.column_names} and {other.column_names}"
    if reference.num_rows != other.num_rows:
        return f"{reference.num_rows} rows and {other.num_rows} rows"
    for name in reference.column_names:
        left, right = reference.column(name), other.column(name)
        try:
            if left.equals(right.cast(left.type)):
                continue
        except pyarrow.ArrowInvalid as error:
            return f"column {name}: {left.type} and {right.type}: {error}"
        for row, (a, b) in enumerate(zip(left.to_pylist(), right.to_pylist())):
            if canonical(a) != canonical(b):
                return f"column {name}, row {row}: {a!r} and {b!r}"
    return None


def canonical(value):
    """A value as text: equal texts are equal values, NaN among them."""
    return f"{type(value).__name__} {value!r}"
