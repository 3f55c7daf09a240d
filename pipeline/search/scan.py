"""Scoring every photo for many probes at once, where a scorer is a product of matrices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.search import ranking
from pipeline.search.people import RowsByPerson, segmented_minimum, upper_bounds
from pipeline.search.ranking import Method, Ranking
from pipeline.similarity import blocks
from pipeline.similarity.base import MatrixProduct

# The product over a whole block and that of a single row differ by less than this, in distance and in cosine.
ROUNDING = 1e-5


class Scan:
    """The photos of a gallery, ready to be scored by a product.

    embeddings: unit rows, float32 (faces, d). prepared: what the scorer makes of them, float32 (faces, columns).
    """

    def __init__(
        self, embeddings: NDArray[np.float32], prepared: NDArray[np.float32], rows_by_person: RowsByPerson
    ) -> None:
        self.embeddings, self.prepared, self.rows_by_person = embeddings, prepared, rows_by_person

    def distances(
        self, product: MatrixProduct, rows: NDArray[np.int32], probes: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Distances, float32 (n,), of rows (n,) to the probe that each is paired with, (n,).

        Unlike a product of matrices it gives the same bits for a pair, whatever other pairs it is given.
        """
        values = np.einsum("ij,ij->i", self.prepared[rows], product.weights.T[probes])
        return product.link(values + product.start[probes])

    def lowest_values(self, product: MatrixProduct) -> NDArray[np.float32]:
        """The lowest value, before ``link``, of each person's photos for each probe, float32 (people, m)."""
        return self._lowest(self.prepared, product.weights) + product.start

    def people_within(
        self,
        product: MatrixProduct,
        lowest: NDArray[np.float32],
        probes: NDArray[np.float32],
        cosines: NDArray[np.float32],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs of a person (n,) and a probe (n,): all where a photo's cosine may reach the probe's, and some others.

        lowest: what :meth:`lowest_values` returned. probes: unit rows (m, d). cosines: (m,).
        """
        if product.cosine_scale is None:
            return np.divmod(np.flatnonzero(-self._lowest(self.embeddings, -probes.T) >= cosines), len(probes))
        own = self.embeddings.shape[1]
        rest = self.prepared[self.rows_by_person.rows, own:] @ product.weights[own:, 0]
        rest_max = -segmented_minimum(-rest[:, None], self.rows_by_person.counts)[:, 0]
        limits = cosines * np.float32(product.cosine_scale) + product.start
        # First by a limit that is the same for everybody, which leaves few pairs to look at closely.
        pairs = np.flatnonzero(lowest <= limits + rest_max.max() + ROUNDING)
        people, places = np.divmod(pairs, len(probes))
        close = lowest.ravel()[pairs] <= limits[places] + rest_max[people] + ROUNDING
        return people[close], places[close]

    def _lowest(self, rows: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.float32]:
        """The minimum over each person's rows of ``rows @ columns``, float32 (people, m)."""
        columns = np.ascontiguousarray(columns)

        def lowest(block: tuple[slice | NDArray[np.int32], NDArray[np.int64]]) -> NDArray[np.float32]:
            own, counts = block
            return segmented_minimum(rows[own] @ columns, counts)

        return np.concatenate(blocks.map_parallel(lowest, self.rows_by_person.blocks(blocks.BLOCK_ROWS)))

    def rank(
        self,
        product: MatrixProduct,
        nearest: NDArray[np.float32],
        top: int,
        method: Method,
        among: NDArray[np.int64] | None = None,
    ) -> list[Ranking]:
        """The ``top`` most similar people to each probe.

        nearest: the distance of each person's most similar photo to each probe, float32 (people, m).
        among: the numbers of the people who are ranked, (n,), at least ``top``; everybody by default.

        No method ranks a person nearer than the person's most similar photo, so only people whose photo lies below a
        bound are ranked; the bound is widened for probes for which that was not enough.
        """
        found: dict[int, Ranking] = {}
        if among is not None:
            nearest = nearest[among]
        considered, waiting, values = top, np.arange(nearest.shape[1]), nearest
        while len(waiting):
            bounds = upper_bounds(values, considered)
            people, probes = np.divmod(np.flatnonzero(values <= bounds + 2 * ROUNDING), len(waiting))
            people = people if among is None else among[people]
            ranked = self._ranked_pairs(product, people, waiting[probes], method)
            for probe, bound, own in zip(waiting.tolist(), bounds.tolist(), ranked, strict=True):
                # Nobody else is as near as the bound.
                if own.distances[:top][-1] <= bound:
                    found[probe] = own.top(top)
            waiting = np.array([probe for probe in waiting.tolist() if probe not in found], np.int64)
            considered, values = 2 * considered, nearest[:, waiting]
        return [found[probe] for probe in range(nearest.shape[1])]

    def _ranked_pairs(
        self, product: MatrixProduct, people: NDArray[np.int64], probes: NDArray[np.int64], method: Method
    ) -> list[Ranking]:
        """Rank people (n,) for the probes (n,) that they are paired with: one ranking a probe, by ascending probe."""
        probe_of_row = np.repeat(probes, self.rows_by_person.counts[people])
        person_of_row = np.repeat(people, self.rows_by_person.counts[people])
        rows = self.rows_by_person.of(people)
        people_count = len(self.rows_by_person.counts)
        # One number for a person beside a probe.
        pairs = probe_of_row * people_count + person_of_row
        ranked = ranking.by_person(self.distances(product, rows, probe_of_row), pairs, rows, method)
        probes, people = np.divmod(ranked.people, people_count)
        order = np.argsort(probes, kind="stable")
        ends = np.flatnonzero(np.diff(probes[order])) + 1
        return [Ranking(people[own], ranked.distances[own], ranked.best_rows[own]) for own in np.split(order, ends)]
