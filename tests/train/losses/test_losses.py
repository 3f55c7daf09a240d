import numpy as np
import pytest
from keras import ops

from train.losses import losses

RANDOM = np.random.default_rng(0)
AP, AN, NN = RANDOM.random((3, 40)).astype(np.float32)
SAME = RANDOM.random(40) < 0.5


def close(value, expected):
    np.testing.assert_allclose(ops.convert_to_numpy(value), expected, rtol=1e-5, atol=1e-6)


def test_the_quadruplet_loss_equals_its_formula():
    close(
        losses.quadruplet(AP, AN, NN, 0.25, 0.03),
        [max(ap**2 - an**2 + 0.25, 0) + max(ap**2 - nn**2 + 0.03, 0) for ap, an, nn in zip(AP, AN, NN, strict=True)],
    )


def test_adaptive_margins_are_the_gap_of_the_means():
    gap = max(np.mean([*(AN**2), *(NN**2)]) - np.mean(AP**2), 0)
    close(
        losses.quadruplet_adaptive(AP, AN, NN),
        [
            max(ap**2 - an**2 + gap, 0) + max(ap**2 - nn**2 + gap / 2, 0)
            for ap, an, nn in zip(AP, AN, NN, strict=True)
        ],
    )


def test_the_triplet_loss_equals_its_formula():
    close(losses.triplet(AP, AN, 0.2), [max(ap**2 - an**2 + 0.2, 0) for ap, an in zip(AP, AN, strict=True)])


def test_the_contrastive_loss_equals_its_formula():
    expected = [d**2 / 2 if same else max(0.5 - d, 0) ** 2 / 2 for d, same in zip(AP, SAME, strict=True)]
    close(losses.contrastive(AP, SAME, 0.5), expected)


def test_the_binary_loss_is_the_cross_entropy():
    close(losses.binary(AP, SAME), [-np.log(1 - d) if same else -np.log(d) for d, same in zip(AP, SAME, strict=True)])


@pytest.mark.parametrize("same", [SAME, np.ones(40, bool), np.zeros(40, bool)])
def test_similar_and_different_pairs_weigh_the_same(same):
    similar = [d for d, one in zip(AP, same, strict=True) if one]
    different = [max(0, 0.5 - d) for d, one in zip(AP, same, strict=True) if not one]
    close(losses.similar_different(AP, same, 0.5), 0.5 * (np.sum(similar) / max(len(similar), 1)) + 0.5 * (
        np.sum(different) / max(len(different), 1)
    ))  # fmt: skip


def test_n_pairs_equals_a_loop_over_anchors():
    anchors, positives = RANDOM.normal(size=(2, 6, 4)).astype(np.float32)
    expected = []
    for row, anchor in enumerate(anchors):
        others = [np.exp(anchor @ positive - anchor @ positives[row]) for positive in positives]
        expected.append(np.log(np.sum(others)) + 0.002 / 4 * (anchor @ anchor + positives[row] @ positives[row]))
    close(losses.n_pairs(anchors, positives), expected)


def test_softmax_is_the_cross_entropy_of_the_right_person():
    logits = RANDOM.normal(size=(5, 7)).astype(np.float32)
    people = np.array([0, 3, 6, 2, 2])
    expected = [-row[person] + np.log(np.exp(row).sum()) for row, person in zip(logits, people, strict=True)]
    close(losses.softmax(logits, people), expected)


def naive_cluster(codes, people, count, gamma):
    """Facility location by loops, with scikit-learn's mutual information."""
    from sklearn.metrics import normalized_mutual_info_score

    apart = np.linalg.norm(codes[:, None] - codes[None], axis=-1)

    def closeness(facilities, photos):
        return -sum(min(apart[photo, facility] for facility in facilities) for photo in photos)

    own = [np.flatnonzero(people == person) for person in range(count)]
    right = sum(max(closeness([facility], photos) for facility in photos) for photos in own)
    chosen: list[int] = []
    best = -np.inf
    for _ in range(count):
        scores = {}
        for facility in set(range(len(codes))) - set(chosen):
            clusters = np.argmin(apart[:, [*chosen, facility]], axis=1)
            nmi = normalized_mutual_info_score(people, clusters, average_method="geometric")
            scores[facility] = closeness([*chosen, facility], range(len(codes))) + gamma * (1 - nmi)
        facility = max(scores, key=scores.__getitem__)
        chosen.append(facility)
        best = scores[facility]
    return max(best - right, 0)


@pytest.mark.parametrize("gamma", [0.5, 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_cluster_loss_equals_facility_location_by_loops(seed, gamma):
    random = np.random.default_rng(seed)
    codes, people = random.normal(size=(12, 3)).astype(np.float32), np.repeat(np.arange(4), 3)
    expected = naive_cluster(codes, people, 4, gamma)
    assert expected > 0
    assert float(losses.cluster(codes, people, 4, gamma)) == pytest.approx(expected, rel=1e-3)


def test_the_cluster_loss_is_gone_where_people_lie_far_apart():
    codes = np.repeat(np.eye(4, dtype=np.float32) * 100, 3, axis=0) + RANDOM.normal(size=(12, 4)).astype("f4") * 0.01
    assert float(losses.cluster(codes, np.repeat(np.arange(4), 3), 4)) == pytest.approx(0, abs=1e-4)


def test_classes_give_what_their_functions_give_and_come_back_from_their_configuration():
    distances = np.stack([AP, AN, NN], axis=1)
    codes, people = RANDOM.normal(size=(12, 5)).astype(np.float32), np.repeat(np.arange(6), 2)
    both, same = np.concatenate([AP, AN]), np.repeat([1.0, 0.0], 40)
    lengths = np.linalg.norm(codes, axis=1, keepdims=True)
    for loss, y_true, y_pred, expected in (
        (losses.Quadruplet(alpha=0.3, beta=0.1), AP, distances, losses.quadruplet(AP, AN, NN, 0.3, 0.1)),
        (losses.QuadrupletAdaptive(), AP, distances, losses.quadruplet_adaptive(AP, AN, NN)),
        (losses.Triplet(margin=0.4), AP, distances, losses.triplet(AP, AN, 0.4)),
        (losses.Contrastive(margin=0.4), AP, distances, losses.contrastive(both, same, 0.4)),
        (losses.Binary(), AP, distances, losses.binary(both, same)),
        (losses.SimilarDifferent(threshold=0.4), AP, distances, losses.similar_different(both, same, 0.4)),
        (losses.NPairs(), people, codes, losses.n_pairs(codes[::2], codes[1::2])),
        (losses.Cluster(count=6), people, codes, losses.cluster(codes / lengths, people, 6)),
        (losses.Softmax(), people % 5, codes, losses.softmax(codes, people % 5)),
    ):
        value = float(loss(y_true, y_pred))
        assert value == pytest.approx(float(ops.mean(expected)), rel=1e-4)
        again = type(loss).from_config(loss.get_config())
        assert float(again(y_true, y_pred)) == pytest.approx(value)
