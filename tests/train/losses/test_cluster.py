import numpy as np
import pytest

from train.losses.cluster import cluster_loss


def naive_cluster_loss(codes, people, count, gamma):
    """Facility location by loops, with scikit-learn's mutual information."""
    from sklearn.metrics import normalized_mutual_info_score

    distances = np.linalg.norm(codes[:, None] - codes[None], axis=-1)

    def score(facilities, photos):
        return -sum(min(distances[photo, facility] for facility in facilities) for photo in photos)

    photos_of = [np.flatnonzero(people == person) for person in range(count)]
    true_score = sum(max(score([facility], photos) for facility in photos) for photos in photos_of)
    chosen: list[int] = []
    best = -np.inf
    for _ in range(count):
        scores = {}
        for facility in set(range(len(codes))) - set(chosen):
            clusters = np.argmin(distances[:, [*chosen, facility]], axis=1)
            nmi = normalized_mutual_info_score(people, clusters, average_method="geometric")
            scores[facility] = score([*chosen, facility], range(len(codes))) + gamma * (1 - nmi)
        facility = max(scores, key=scores.__getitem__)
        chosen.append(facility)
        best = scores[facility]
    return max(best - true_score, 0)


@pytest.mark.parametrize("gamma", [0.5, 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_cluster_loss_equals_facility_location_by_loops(seed, gamma):
    random = np.random.default_rng(seed)
    codes, people = random.normal(size=(12, 3)).astype(np.float32), np.repeat(np.arange(4), 3)
    expected = naive_cluster_loss(codes, people, 4, gamma)
    assert expected > 0
    assert float(cluster_loss(codes, people, 4, gamma)) == pytest.approx(expected, rel=1e-3)


def test_cluster_loss_is_zero_for_well_separated_people():
    codes = np.repeat(np.eye(4, dtype=np.float32) * 100, 3, axis=0)
    codes += np.random.default_rng(0).normal(size=(12, 4)).astype("f4") * 0.01
    assert float(cluster_loss(codes, np.repeat(np.arange(4), 3), 4)) == pytest.approx(0, abs=1e-4)
