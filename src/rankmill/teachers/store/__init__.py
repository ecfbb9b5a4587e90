"""The reply store: every answer of a teacher, on disk before it is used."""

from rankmill.teachers.store.compaction import Compacted, compact
from rankmill.teachers.store.keys import key_of
from rankmill.teachers.store.replies import ReplyStore

__all__ = ["Compacted", "ReplyStore", "compact", "key_of"]
