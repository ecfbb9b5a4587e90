import errno
import os

import pytest

from rankmill.disk import storage
from rankmill.errors import StorageError


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "cannot be opened")],
)
def test_the_disks_own_errors_become_one_line(tmp_path, number, words):
    with pytest.raises(StorageError, match=words), storage(tmp_path):
        raise OSError(number, os.strerror(number))


def test_polars_tells_the_disks_number_in_words(tmp_path):
    with pytest.raises(StorageError, match="the disk is full"), storage(tmp_path):
        raise OSError("No space left on device (os error 28)")
