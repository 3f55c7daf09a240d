"""Visitors by Streamlit's protocol: a connection, uploads, and what the page shows, without a browser."""

from __future__ import annotations

import http.client
import http.cookies
import re
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect

_UPLOADER = "A photo of a face"
_BOUNDARY = "photo"
_BEST = re.compile(r"<h2>1\. (?:<bdi>)?(.*?)(?:</bdi>)?</h2>")
_SECONDS_MAX = 120.0


class Visitor:
    """A session of the app at ``address``, host and port. Raises TimeoutError where an answer takes two minutes."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._cookie = self._ask("GET", "/_stcore/health")
        self._socket = connect(
            f"ws://{address}/_stcore/stream",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            max_size=None,
            compression=None,
            open_timeout=_SECONDS_MAX,
            ping_interval=None,
        )
        self._uploader = ""
        self._errors: list[str] = []
        self._best = ""
        self._run()

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Close the connection."""
        self._socket.close()

    def look(self, photo: bytes) -> str:
        """Give a photo and wait for the result. Returns the name of the most similar person, or what went wrong."""
        self._run(self.upload(photo))
        return " ".join(self._errors) or self._best

    def begin_look(self, photo: bytes) -> None:
        """Give a photo and wait for nothing."""
        self._send(rerun=[self.upload(photo)])

    def send(self, data: bytes) -> None:
        """Send any bytes."""
        self._socket.send(data)

    def upload(self, photo: bytes) -> WidgetState:
        """Upload a photo. Returns the state of the uploader that has it."""
        urls = self._file_urls()
        self._ask("PUT", urls.upload_url, _form(photo))
        state = WidgetState(id=self._uploader)
        file = state.file_uploader_state_value.uploaded_file_info.add()
        file.file_id, file.name, file.size = urls.file_id, "photo.jpg", len(photo)
        file.file_urls.CopyFrom(urls)
        return state

    def upload_half(self, photo: bytes) -> None:
        """Begin an upload and close the connection in the middle of it."""
        urls = self._file_urls()
        connection = http.client.HTTPConnection(self._address, timeout=_SECONDS_MAX)
        connection.putrequest("PUT", urls.upload_url)
        form = _form(photo)
        for name, value in {**self._headers(), "Content-Length": str(len(form))}.items():
            connection.putheader(name, value)
        connection.endheaders(form[: len(form) // 2])
        connection.close()

    def _file_urls(self) -> Any:
        request = BackMsg()
        request.file_urls_request.request_id = uuid4().hex
        request.file_urls_request.file_names.append("photo.jpg")
        self._socket.send(request.SerializeToString())
        for message in self._messages():
            if message.WhichOneof("type") == "file_urls_response":
                (urls,) = message.file_urls_response.file_urls
                return urls
        raise AssertionError

    def _run(self, *states: WidgetState) -> None:
        """Let the page run with these states of its widgets, until it has ended."""
        self._send(rerun=list(states))
        self._errors, self._best = [], ""
        for message in self._messages():
            kind = message.WhichOneof("type")
            if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                self._see(message.delta.new_element)
            elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                return

    def _send(self, *, rerun: list[WidgetState]) -> None:
        request = BackMsg()
        request.rerun_script.query_string = ""
        request.rerun_script.widget_states.widgets.extend(rerun)
        self._socket.send(request.SerializeToString())

    def _see(self, element: Any) -> None:
        kind = element.WhichOneof("type")
        if kind == "file_uploader" and element.file_uploader.label == _UPLOADER:
            self._uploader = element.file_uploader.id
        elif kind == "html" and (best := _BEST.search(element.html.body)):
            self._best = best[1]
        elif kind == "exception":
            self._errors.append(f"exception: {element.exception.message}")
        elif kind == "alert":
            self._errors.append(f"alert: {element.alert.body}")

    def _messages(self) -> Iterator[ForwardMsg]:
        end = time.monotonic() + _SECONDS_MAX
        while True:
            message = ForwardMsg()
            message.ParseFromString(self._socket.recv(timeout=end - time.monotonic()))
            yield message

    def _headers(self) -> dict[str, str]:
        return {
            "Cookie": f"_streamlit_xsrf={self._cookie}",
            "X-Xsrftoken": self._cookie,
            "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
        }

    def _ask(self, method: str, path: str, body: bytes | None = None) -> str:
        """Ask the server. Returns the cookie that it sets, if it does. Raises OSError where it refuses."""
        connection = http.client.HTTPConnection(self._address, timeout=_SECONDS_MAX)
        try:
            connection.request(method, path, body, self._headers() if body is not None else {})
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise OSError(f"{method} {path}: {answer.status}")
        cookies = http.cookies.SimpleCookie(answer.getheader("Set-Cookie", ""))
        return cookies["_streamlit_xsrf"].value if "_streamlit_xsrf" in cookies else ""


def _form(photo: bytes) -> bytes:
    """A form with a file."""
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="photo.jpg"; filename="photo.jpg"\r\n'
    return f"{head}Content-Type: image/jpeg\r\n\r\n".encode() + photo + f"\r\n--{_BOUNDARY}--\r\n".encode()
