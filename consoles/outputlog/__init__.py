"""The output log: every byte a program printed, once, in order. The only package that touches ``OutputChunk``."""

from consoles.outputlog.batch import Ticket
from consoles.outputlog.merged import Merged, read_merged
from consoles.outputlog.reading import MAX_CHUNK, read, size, stream
from consoles.outputlog.whole import read_whole
from consoles.outputlog.writing import Fenced, LogWriter

__all__ = [
    "MAX_CHUNK",
    "Fenced",
    "LogWriter",
    "Merged",
    "Ticket",
    "read",
    "read_merged",
    "read_whole",
    "size",
    "stream",
]
