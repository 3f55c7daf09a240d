// Unit tests of the scatter plot's pure functions. test_javascript.py runs them with the Node.js that Playwright brings.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const source = ["scatter.js", "scatter_points.js", "scatter_faces.js"]
  .map((name) => readFileSync(new URL(`../../pages/shared/${name}`, import.meta.url), "utf8"))
  .join("");
const { cellSide, extentOf, firstOfCells, fit, grid, inside, limited, nearest, positionOf, runsWithin, search, simple } = await import(
  `data:text/javascript;base64,${Buffer.from(source).toString("base64")}`
);

// A small generator with a fixed seed (mulberry32), so that a failure can be repeated.
function generator(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let value = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

function randomPlaces(count, random) {
  return Uint16Array.from({ length: 2 * count }, () => Math.floor(random() * 65536));
}

test("a grid holds every row once, in the cell of its place", () => {
  const places = randomPlaces(500, generator(1));
  const { side, starts, rows } = grid(places);
  assert.deepEqual([...rows].toSorted((a, b) => a - b), [...Array(500).keys()]);
  assert.equal(starts.at(-1), 500);
  for (let cell = 0; cell < side * side; cell++)
    for (const row of rows.slice(starts[cell], starts[cell + 1])) {
      const along = (value) => Math.min(Math.floor((value / 65535) * side), side - 1);
      assert.equal(along(places[2 * row + 1]) * side + along(places[2 * row]), cell);
    }
});

test("what is in sight is in a few runs of a grid's rows, and all of it once the map is in sight", () => {
  const random = generator(5), places = randomPlaces(2000, random), cells = grid(places);
  assert.deepEqual(runsWithin(cells, [[-1, 1], [1, -1]]), [[0, 2000]]);
  assert.deepEqual(runsWithin(cells, [[-9, 9], [9, -9]]), [[0, 2000]]);
  assert.deepEqual(runsWithin(grid(new Uint16Array(0)), [[-1, 1], [1, -1]]), []);
  for (let trial = 0; trial < 50; trial++) {
    const [left, bottom] = [1.6 * random() - 1, 1.6 * random() - 1], [right, top] = [left + 0.3, bottom + 0.4];
    const runs = runsWithin(cells, [[left, top], [right, bottom]]);
    const found = new Set(runs.flatMap(([first, end]) => Array.from(cells.rows.subarray(first, end))));
    for (let row = 0; row < 2000; row++) {
      const [x, y] = positionOf(places, row);
      if (x >= left && x <= right && y >= bottom && y <= top) assert.ok(found.has(row));
    }
    assert.ok(found.size < 600);
  }
});

const visible = (row) => row % 3 !== 0;

test("the nearest visible face is that of a search through all faces", () => {
  const random = generator(2), places = randomPlaces(300, random), cells = grid(places);
  for (let trial = 0; trial < 200; trial++) {
    const point = [2 * random() - 1, 2 * random() - 1], reach = 0.2 * random();
    let expected = null, least = reach;
    for (let row = 0; row < 300; row++) {
      const [x, y] = positionOf(places, row), distance = Math.hypot(x - point[0], y - point[1]);
      if (visible(row) && distance < least) [expected, least] = [row, distance];
    }
    assert.equal(nearest(places, cells, point, reach, visible), expected);
  }
});

test("no face is found in an empty map, beyond reach, or where all are hidden", () => {
  const places = Uint16Array.of(32768, 32768), cells = grid(places);
  assert.equal(nearest(new Uint16Array(0), grid(new Uint16Array(0)), [0, 0], 1, () => true), null);
  assert.equal(nearest(places, cells, [0.5, 0.5], 0.1, () => true), null);
  assert.equal(nearest(places, cells, [0, 0], 0.1, () => false), null);
  assert.equal(nearest(places, cells, [0, 0], 0.1, () => true), 0);
});

test("a point is inside a polygon by the even-odd rule", () => {
  const square = [[-1, -1], [1, -1], [1, 1], [-1, 1]];
  assert.ok(inside([0, 0], square));
  assert.ok(!inside([1.5, 0], square));
  const hourglass = [[-1, -1], [1, -1], [-1, 1], [1, 1]];
  assert.ok(inside([0, -0.9], hourglass));
  assert.ok(!inside([0.9, 0], hourglass));
  assert.ok(!inside([0, 0], []));
});

test("names match without accents and case, best matches first", () => {
  const names = ["Zoë Ann", "Joanna", "Ann Lee", "Bob"].map(simple);
  assert.deepEqual(search(names, "ann"), [2, 0, 1]);
  assert.deepEqual(search(names, "ZOE"), [0]);
  assert.deepEqual(search(names, "  "), []);
  assert.deepEqual(search(names, "carl"), []);
  assert.equal(search(Array(20).fill("ann"), "ann").length, 8);
});

test("a map fits into what is free, by the side that leaves it less room", () => {
  const free = { left: 12, right: 312, top: 60, bottom: 460 };
  const wide = fit(free, [1, 0.5]), high = fit(free, [0.5, 1]);
  assert.deepEqual(wide, { scale: 150, middle: [162, 260] });
  assert.deepEqual(high, { scale: 200, middle: [162, 260] });
  for (const [{ scale, middle }, [x, y]] of [[wide, [1, 0.5]], [high, [0.5, 1]]]) {
    assert.ok(middle[0] - x * scale >= free.left && middle[0] + x * scale <= free.right);
    assert.ok(middle[1] - y * scale >= free.top && middle[1] + y * scale <= free.bottom);
  }
  assert.ok(fit({ left: 12, right: 5, top: 60, bottom: 20 }, [1, 1]).scale > 0);
});

test("the extent of a map is that of its farthest faces, and never nothing", () => {
  const places = Uint16Array.of(65535, 32768, 0, 49151, 32768, 32768);
  const [x, y] = extentOf(places);
  assert.ok(Math.abs(x - 1) < 1e-4 && Math.abs(y - 0.5) < 1e-4);
  assert.deepEqual(extentOf(new Uint16Array(0)), [1, 1]);
  assert.ok(extentOf(Uint16Array.of(65535, 32768))[1] > 0.04);
});

test("a view stays on the map and within the limits of its zoom", () => {
  assert.deepEqual(limited({ x: 0.2, y: -0.1, zoom: 3 }, [1, 0.5], 16), { x: 0.2, y: -0.1, zoom: 3 });
  assert.deepEqual(limited({ x: 9, y: -9, zoom: 1000 }, [1, 0.5], 16), { x: 1, y: -0.5, zoom: 16 });
  const { zoom } = limited({ x: 0, y: 0, zoom: 0.001 }, [1, 0.5], 16);
  assert.ok(zoom > 0.5 && zoom < 1);
});

test("each cell shows one face, the fullest cell first, and a face that is shown stays in smaller cells", () => {
  const random = generator(8), places = randomPlaces(400, random), every = [...Array(400).keys()];
  const large = firstOfCells(places, every, 1), small = firstOfCells(places, every, 0.25);
  const cellsOf = (rows, side) => rows.map((row) => positionOf(places, row).map((at) => Math.floor((at + 1) / side)).join());
  assert.equal(new Set(cellsOf(large, 1)).size, large.length);
  assert.deepEqual(new Set(cellsOf(small, 0.25)), new Set(cellsOf(every, 0.25)));
  for (const row of large) assert.ok(small.includes(row));
  const counts = large.map((row) => cellsOf(every, 1).filter((cell) => cell === cellsOf([row], 1)[0]).length);
  assert.deepEqual(counts, counts.toSorted((a, b) => b - a));
});

test("cells are powers of two, at least as wide as wanted", () => {
  assert.deepEqual([0.3, 0.5, 0.51].map(cellSide), [0.5, 0.5, 1]);
});
