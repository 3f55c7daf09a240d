"""The addresses of what the API gives."""

from __future__ import annotations

from urllib.parse import quote, urlencode

# Where the API is mounted.
PATH = "/v1"


def of_crop(gallery: str, number: int) -> str:
    """The address of a face of a gallery. number: of the crop, which stays when others are removed."""
    return f"{PATH}/crops/{quote(gallery, safe='')}/{number}.jpg"


def of_people(**parameters: object) -> str:
    """The address of some of the people of a gallery. Parameters that are None or empty are left out."""
    given = {name: value for name, value in parameters.items() if value}
    return f"{PATH}/people?{urlencode(given, doseq=True)}"
