from train.losses.triplet import triplet_loss


def test_triplet_loss_equals_its_formula(distances, assert_close):
    triplets = zip(distances.ap, distances.an, strict=True)
    assert_close(triplet_loss(distances.ap, distances.an, 0.2), [max(ap**2 - an**2 + 0.2, 0) for ap, an in triplets])
