"""Refuse versions of Python that TensorFlow has no wheels for: ``python -m pipeline.cli.python_version``.

``make`` runs this before it installs anything, and the command lines before they import anything else, so it imports
nothing and uses no new syntax.
"""

import sys

OLDEST, NEWEST = (3, 11), (3, 13)


def version_problem(version: "tuple[int, ...]") -> "str | None":
    """One sentence if LooksLikeWho cannot run on this version of Python, (major, minor), else None."""
    if OLDEST <= tuple(version) <= NEWEST:
        return None
    return (
        "LooksLikeWho needs Python 3.11, 3.12 or 3.13, because TensorFlow runs on no other; this is Python "
        "{}.{}. Choose another with: make PYTHON=python3.13".format(*version)
    )


def check() -> None:
    """End the process with that sentence if this version of Python cannot run LooksLikeWho."""
    problem = version_problem(sys.version_info[:2])
    if problem:
        sys.exit(problem)


if __name__ == "__main__":
    check()
