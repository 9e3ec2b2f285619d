"""The connections that libcurl keeps, and whether the other side has closed one meanwhile.

libcurl looks for closed connections once a second, and uses one until then: the request is lost,
and it would send it again by itself, without knowing whether it was taken (`Exchange._give_body`).
So it is looked before an attempt begins, and what was closed by then costs no attempt.
"""

import select

# The other side will send no more, whatever is unread (Linux); the connection is broken.
CLOSED = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR


class Kept:
    """Sockets by host and port, as libcurl tells of them at the end of an exchange."""

    def __init__(self) -> None:
        self._sockets: dict[str, set[int]] = {}

    def note(self, url: str, descriptor: int) -> None:
        """The exchange with `url` has left this socket; -1 where it left none."""
        if descriptor >= 0:
            self._sockets.setdefault(_place(url), set()).add(descriptor)

    def any_closed(self, url: str) -> bool:
        """Whether libcurl might use a connection for `url` that the other side has closed.

        A descriptor may have become another connection's by now: then the answer may be a needless
        yes, which costs a handshake.
        """
        sockets = self._sockets.get(_place(url))
        if not sockets:
            return False
        poll = select.poll()
        for descriptor in sockets:
            poll.register(descriptor, CLOSED)
        seen = poll.poll(0)
        sockets.difference_update(found for found, event in seen if event & select.POLLNVAL)
        return any(event & CLOSED for _, event in seen)


def _place(url: str) -> str:
    """The host and port of a URL; never fails."""
    return url.partition("://")[2].partition("/")[0].lower()
