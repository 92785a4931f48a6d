"""Whether the client is still there, for handlers that wait on its behalf."""

from collections.abc import Callable


class ClientPresence:
    """Implements `queen.http.message.Client`.

    A client is gone when it has closed its side of the connection, half or whole: TCP does not tell
    the two apart until something is written.
    """

    __slots__ = ("_callbacks", "gone")

    def __init__(self) -> None:
        self.gone = False
        self._callbacks: dict[object, Callable[[], None]] = {}

    def on_gone(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` once when the client goes away, at once when it is gone already.

        Returns a function that takes this back; calling it later or twice does no harm.
        """
        if self.gone:
            callback()
            return _nothing
        key = object()
        self._callbacks[key] = callback

        def take_back() -> None:
            self._callbacks.pop(key, None)

        return take_back

    def leave(self) -> None:
        """The client is gone: tell those who asked."""
        self.gone = True
        callbacks, self._callbacks = self._callbacks, {}
        for callback in callbacks.values():
            callback()


def _nothing() -> None:
    return None
