"""Clustering loss of codes, by facility location (Song et al. 2017, arXiv 1612.01213)."""

from __future__ import annotations

from keras import ops

from train.losses.base import Loss, Tensor, register

# Larger than any distance of codes or gain of a facility.
_LARGE = 1e9


def cluster_loss(codes: Tensor, people: Tensor, count: int, gamma: float = 1.0) -> Tensor:
    """By how much the best wrong clustering scores above the true one: a scalar of at least zero.

    codes (n, d); people int (n,), all of 0..count-1. A clustering scores minus the sum of distances to the nearest
    facility, plus ``gamma`` times 1 - NMI with the true clusters. Facilities are opened greedily (equations 4 to 7,
    without the swaps that refine the greedy choice).
    """
    squares = ops.sum((codes[:, None] - codes[None]) ** 2, axis=-1)
    # The square root has no gradient at zero, where a face meets itself.
    distances = ops.sqrt(ops.maximum(squares, 1e-12))
    truth = ops.one_hot(people, count)
    same = ops.matmul(truth, ops.transpose(truth))
    # The facility of a true cluster is its medoid.
    to_own = ops.sum(same * distances, axis=1)
    true_score = -ops.sum(ops.min(ops.where(truth > 0, to_own[:, None], _LARGE), axis=0))
    chosen, structure_margin = _open_facilities(ops.stop_gradient(distances), truth, count, gamma)
    score = -ops.sum(ops.min(ops.take(distances, chosen, axis=0), axis=0))
    return ops.relu(score + gamma * structure_margin - true_score)


def _open_facilities(distances: Tensor, truth: Tensor, count: int, gamma: float) -> tuple[Tensor, Tensor]:
    """Greedily opened facilities, int (count,), and 1 - NMI of their clusters with the true ones, a scalar."""
    chosen: list[Tensor] = []
    nearest = ops.full_like(distances[0], _LARGE)
    clusters = ops.zeros_like(truth)
    dissimilarity: Tensor = 0.0
    taken = ops.zeros_like(distances[0])
    for place in range(count):
        # Every photo as the next facility: closer is (candidates, photos), candidates (candidates, photos, count).
        closer = ops.cast(distances < nearest, distances.dtype)
        moved = closer[..., None] * ops.one_hot(place, count)
        candidates = moved + (1 - closer)[..., None] * clusters
        dissimilarities = 1 - _normalised_mutual_information(candidates, truth)
        gain = -ops.sum(ops.minimum(distances, nearest), axis=1) + gamma * dissimilarities - _LARGE * taken
        best = ops.argmax(gain)
        chosen.append(best)
        taken = ops.maximum(taken, ops.one_hot(best, ops.shape(distances)[0]))
        nearest = ops.minimum(nearest, distances[best])
        clusters, dissimilarity = candidates[best], dissimilarities[best]
    return ops.stack(chosen), dissimilarity


def _normalised_mutual_information(clusters: Tensor, truth: Tensor) -> Tensor:
    """NMI (m,) of one-hot clusterings (m, n, k) with the true one (n, c), by the geometric mean of entropies."""
    total = ops.cast(ops.shape(truth)[0], truth.dtype)
    joint = ops.einsum("mnk,nc->mkc", clusters, truth) / total
    of_clusters, of_truth = ops.sum(joint, axis=2, keepdims=True), ops.sum(joint, axis=1, keepdims=True)

    def entropy(shares: Tensor) -> Tensor:
        return -ops.sum(shares * ops.log(ops.maximum(shares, 1e-12)), axis=(1, 2))

    entropies = entropy(of_clusters), entropy(of_truth)
    mutual = entropies[0] + entropies[1] - entropy(joint)
    return mutual / ops.maximum(ops.sqrt(ops.maximum(entropies[0] * entropies[1], 0)), 1e-6)


@register
class Cluster(Loss):
    """:func:`cluster_loss` of codes of unit length, with the number of people in a batch (count) and gamma."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """A scalar."""
        people = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        return cluster_loss(ops.normalize(y_pred, axis=-1), people, **self.parameters)
