"""The settings of an ONNX model: a JSON file beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.errors import WeightsError
from pipeline.settings import Rule, decimal, is_number, one_of, problem, setting, yes_or_no

Points = tuple[tuple[float, float], ...]
# One number, or one each for red, green and blue.
Channels = float | tuple[float, float, float]

_POINTS = 5
# Closer together, the landmarks leave the scale of the face to chance.
_SPREAD_MIN = 0.1
_INVALID = "The settings of the ONNX model are invalid:"


def _are_points(value: Any) -> bool:
    return isinstance(value, tuple) and all(
        isinstance(point, tuple) and len(point) == 2 and all(map(is_number, point)) for point in value
    )


def _are_channels(value: Any) -> bool:
    return is_number(value) or (isinstance(value, tuple) and len(value) == 3 and all(map(is_number, value)))


_LANDMARKS = Rule("a list of five points [x, y]", lambda value: _are_points(value) and len(value) in (0, _POINTS))
_MEAN = Rule("a number, or three for red, green and blue", _are_channels)
_STD = Rule(
    "a number above 0, or three for red, green and blue",
    lambda value: _are_channels(value) and min(value if isinstance(value, tuple) else (value,)) > 0,
)


@dataclass(frozen=True)
class OnnxSettings:
    """What the JSON file beside an ONNX model says about its input.

    landmarks: five points (x, y) in pixels of the crop, where eyes, nose and corners of the mouth belong, as in
        ArcFace's template. Without them, the crop is a box around the face:
    squareness, margin_ratio: of that box (:class:`pipeline.faces.geometry.View`).
    mirrored: whether the rows of the crop and its mirror image are averaged.
    mean, std: subtracted from the pixels, 0..255; divisor afterwards. Three numbers are those of red, green and blue,
        whatever the order of ``channels``.
    channels: the order in which the model takes them, "rgb" or "bgr".

    Raises WeightsError for a value that makes no sense.
    """

    landmarks: Points = setting((), _LANDMARKS)
    squareness: float = setting(1.0, decimal(0, 1))
    margin_ratio: float = setting(0.1, decimal(-0.4, 3))
    mirrored: bool = setting(True, yes_or_no())
    mean: Channels = setting(127.5, _MEAN)
    std: Channels = setting(127.5, _STD)
    channels: str = setting("rgb", one_of("rgb", "bgr"))

    def __post_init__(self) -> None:
        found = problem(self)
        if found:
            raise WeightsError(f"{_INVALID} {found}")

    def check_landmarks(self, size: tuple[int, int]) -> None:
        """Raises WeightsError for landmarks that do not lie as a face in a crop of ``size`` (width, height)."""
        if not self.landmarks:
            return
        (left, right, _, *mouth), (width, height) = self.landmarks, size
        inside = all(0 <= x <= width and 0 <= y <= height for x, y in self.landmarks)
        wide = right[0] - left[0] >= _SPREAD_MIN * width
        high = min(y for _, y in mouth) - max(left[1], right[1]) >= _SPREAD_MIN * height
        if not (inside and wide and high):
            raise WeightsError(
                f"{_INVALID} the landmarks do not lie as a face in a crop of {width} x {height} pixels. They must be "
                "the eye on the left, the eye on the right, the nose, and both corners of the mouth."
            )


def read_onnx_settings(path: Path, *, defaults: OnnxSettings = OnnxSettings()) -> OnnxSettings:
    """The settings in a JSON file, with ``defaults`` for those that it does not name. Raises WeightsError."""
    try:
        # Editors on Windows put a byte order mark first.
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(
            f"The settings of the ONNX model cannot be read: {path.name} is not valid JSON."
        ) from error
    return onnx_settings(values, defaults=defaults)


def onnx_settings(values: Any, *, defaults: OnnxSettings = OnnxSettings()) -> OnnxSettings:
    """Settings from JSON. Raises WeightsError."""
    known = OnnxSettings.__dataclass_fields__
    if not isinstance(values, dict) or not values.keys() <= known.keys():
        wrong = [name for name in values if name not in known] if isinstance(values, dict) else ()
        what = f"there is no setting {wrong[0]}." if wrong else "the file must hold an object, such as {}."
        raise WeightsError(f"{_INVALID} {what} The settings are {', '.join(known)}.")
    return _with_floats(replace(defaults, **{name: _as_tuples(value) for name, value in values.items()}))


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


def _with_floats(settings: OnnxSettings) -> OnnxSettings:
    """The same settings in the form that is hashed: 1 and 1.0 are one number."""

    def as_float(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(as_float, value))
        return float(value) if is_number(value) else value

    return OnnxSettings(**{name: as_float(value) for name, value in asdict(settings).items()})


def as_json(settings: OnnxSettings) -> dict[str, Any]:
    """The settings as JSON gives them back: tuples are lists."""
    return dict(json.loads(json.dumps(asdict(settings))))
