"""What a client is told when a request fails: problem documents, by RFC 9457."""

from __future__ import annotations

from typing import Any


class ProblemError(Exception):
    """A request that can't be answered as it is.

    Attributes:
        status: The HTTP status.
        code: A short name for programs; the last part of the problem's ``type``.
        detail: What is wrong, what was expected, and how to mend it. It never holds a value of an event or a secret.
        headers: Further headers of the answer, such as ``Retry-After``.
        more: Further members of the document.
    """

    def __init__(
        self, status: int, code: str, detail: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(status, code, detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}
        self.more = more

    def document(self) -> dict[str, Any]:
        """Return the problem document."""
        title = self.code.replace("-", " ").capitalize()
        kind = f"urn:adi-analytics:problem:{self.code}"
        return {"type": kind, "title": title, "status": self.status, "detail": self.detail, **self.more}
