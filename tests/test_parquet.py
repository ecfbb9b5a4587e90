import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rankmill.parquet import opened


@pytest.fixture
def long_file(tmp_path):
    """200 row groups of 10,000 random bytes each, which nothing compresses."""
    path = tmp_path / "long.parquet"
    chance = random.Random(3)
    schema = pa.schema({"text": pa.binary()})
    with pq.ParquetWriter(path, schema) as writer:
        for _ in range(200):
            writer.write_table(pa.table({"text": [chance.randbytes(10_000)]}, schema=schema))
    return path


def held(batches):
    """The most bytes that Arrow holds while batches are read and let go."""
    before = pa.total_allocated_bytes()
    return max(pa.total_allocated_bytes() - before for _ in batches)


def test_what_was_read_is_let_go_of(long_file):
    with opened(long_file) as file:
        little = held(file.iter_batches(1))
    with pq.ParquetFile(long_file) as file:
        everything = held(file.iter_batches(1))
    assert little < 200_000 < 1_000_000 < everything
