"""Loads one table into Parquet files with dlt: load_dlt.py TABLE DIR BACKEND."""

import os
import sys

table, folder, backend = sys.argv[1:]
os.environ.update({
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "DLT_DATA_DIR": os.path.join(folder, "dlt"),
    # Its files would otherwise hold a whole table in one piece until the end.
    "DATA_WRITER__FILE_MAX_ITEMS": "500000",
})
import dlt  # noqa: E402
from dlt.sources.sql_database import sql_table  # noqa: E402

address = os.environ["BENCH_URL"].replace("postgres://", "postgresql+psycopg2://", 1)
rows = sql_table(credentials=address, table=table, backend=backend, chunk_size=50_000, reflection_level="full_with_precision")
pipeline = dlt.pipeline(
    "bench", pipelines_dir=os.path.join(folder, "dlt"), dataset_name="bench",
    destination=dlt.destinations.filesystem(bucket_url="file://" + os.path.join(folder, "result")),
)
pipeline.run(rows, loader_file_format="parquet", write_disposition="replace").raise_on_failed_jobs()
