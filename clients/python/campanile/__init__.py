"""The client of a Campanile notification hub for back ends: publish, users, tokens, and a stream that resumes after everything."""

from ._async import AsyncCampanile
from ._core import Event, FileCursor, HubError
from ._sync import Campanile

__all__ = ["AsyncCampanile", "Campanile", "Event", "FileCursor", "HubError"]
