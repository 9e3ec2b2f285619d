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
        self._places: dict[str, _Sockets] = {}

    def note(self, url: str, descriptor: int) -> None:
        """The exchange with `url` has left this socket; -1 where it left none."""
        if descriptor >= 0:
            self._places.setdefault(_place(url), _Sockets()).add(descriptor)

    def any_closed(self, url: str) -> bool:
        """Whether libcurl might use a connection for `url` that the other side has closed.

        A descriptor may have become another connection's by now: then the answer may be a needless
        yes, which costs a handshake.
        """
        sockets = self._places.get(_place(url))
        return sockets is not None and sockets.any_closed()


class _Sockets:
    """Those of one host and port; asked about at every attempt, and changed seldom."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._known: set[int] = set()

    def add(self, descriptor: int) -> None:
        if descriptor not in self._known:
            self._known.add(descriptor)
            self._poll.register(descriptor, CLOSED)

    def any_closed(self) -> bool:
        closed = False
        for descriptor, event in self._poll.poll(0):
            if event & select.POLLNVAL:  # closed on this side too, by libcurl
                self._known.remove(descriptor)
                self._poll.unregister(descriptor)
            else:
                closed = True
        return closed


def _place(url: str) -> str:
    """The host and port of a URL; never fails."""
    return url.partition("://")[2].partition("/")[0].lower()
