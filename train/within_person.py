"""A linear map that scales down how photos of one person differ."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Photos of a person that count: otherwise a few people with hundreds would decide.
_PHOTOS_MAX = 20


def within_person_map(
    embeddings: NDArray[np.float32], labels: NDArray[np.integer[Any]], *, shrinkage: float
) -> NDArray[np.float32]:
    """The inverse square root of the covariance within people, (d, d), symmetric, mean of its diagonal 1.

    Within-class covariance normalisation (WCCN, Hatch et al. 2006, doi 10.21437/Interspeech.2006-183). Directions in
    which photos of one person differ, such as pose, light and expression, count less afterwards; what is left
    differs between people. It is learned without knowing what these directions are.

    embeddings: unit rows (photos, d). labels: the person of each; people with one photo say nothing.
    shrinkage: this times the mean variance is added to all variances, so that few photos suffice; the larger it is,
    the nearer is the map to none.
    """
    order = np.argsort(labels, kind="stable")
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    differences = [np.empty((0, embeddings.shape[1]))]
    for start, count in zip(starts[counts > 1], np.minimum(counts[counts > 1], _PHOTOS_MAX), strict=True):
        rows = embeddings[order[start : start + count]].astype(np.float64)
        # Scaled so that two photos say as much about the variance as they would of people with known means.
        differences.append((rows - rows.mean(axis=0)) * np.sqrt(count / (count - 1)))
    within = np.concatenate(differences)
    covariance = within.T @ within / max(len(within), 1)
    mean = np.trace(covariance) / len(covariance)
    values, vectors = np.linalg.eigh(covariance + max(shrinkage * mean, 1e-12) * np.eye(len(covariance)))
    kernel = vectors / np.sqrt(values) @ vectors.T
    return (kernel / np.mean(np.diag(kernel))).astype(np.float32)
