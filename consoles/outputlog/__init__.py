"""The output log: every byte a program printed, once, in order. The only package that touches ``OutputChunk``."""

from consoles.outputlog.reading import MAX_CHUNK, read, size, stream
from consoles.outputlog.writing import Fenced, LogWriter, Ticket

__all__ = ["MAX_CHUNK", "Fenced", "LogWriter", "Ticket", "read", "size", "stream"]
