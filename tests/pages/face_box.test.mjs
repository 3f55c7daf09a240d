// Unit tests of the box's pure functions. test_javascript.py runs them with the Node.js that Playwright brings.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const source = readFileSync(new URL("../../pages/shared/face_box.js", import.meta.url), "utf8");
const { grown, limited, moved, spanned } = await import(
  `data:text/javascript;base64,${Buffer.from(source).toString("base64")}`
);

function near(found, expected) {
  assert.equal(found.length, expected.length);
  for (const [place, value] of found.entries()) assert.ok(Math.abs(value - expected[place]) < 1e-9, `${found}`);
}

function isInside([left, top, width, height]) {
  return left >= 0 && top >= 0 && left + width <= 1 + 1e-9 && top + height <= 1 + 1e-9 && width > 0 && height > 0;
}

test("two corners in any order span the same box", () => {
  const box = [0.2, 0.3, 0.4, 0.5];
  near(spanned([0.2, 0.3], [0.6, 0.8]), box);
  near(spanned([0.6, 0.8], [0.2, 0.3]), box);
  near(spanned([0.6, 0.3], [0.2, 0.8]), box);
});

test("a box drawn beyond the edge ends there", () => {
  near(spanned([0.7, 0.6], [1.4, 2]), [0.7, 0.6, 0.3, 0.4]);
  near(spanned([0.3, 0.4], [-1, -1]), [0, 0, 0.3, 0.4]);
});

test("a box stays in the picture wherever it is moved, and keeps its size", () => {
  for (const by of [[1, 0], [-1, 0], [0, 1], [0, -1], [0.5, -0.5]]) {
    const box = moved([0.4, 0.4, 0.2, 0.3], by);
    assert.ok(isInside(box));
    near(box.slice(2), [0.2, 0.3]);
  }
  near(moved([0.4, 0.4, 0.2, 0.3], [0.1, -0.1]), [0.5, 0.3, 0.2, 0.3]);
});

test("a box grows and shrinks from its upper left corner, never to nothing", () => {
  near(grown([0.4, 0.4, 0.2, 0.3], [0.1, -0.1]), [0.4, 0.4, 0.3, 0.2]);
  near(grown([0.4, 0.4, 0.2, 0.3], [5, 5]), [0.4, 0.4, 0.6, 0.6]);
  for (const box of [grown([0.4, 0.4, 0.2, 0.3], [-1, -1]), grown([0.99, 0.99, 0.01, 0.01], [-1, -1])])
    assert.ok(isInside(box));
});

test("a tap without a drag is a small box and not nothing", () => {
  const [, , width, height] = spanned([0.5, 0.5], [0.5, 0.5]);
  assert.ok(width > 0.02 && height > 0.02);
  assert.ok(isInside(limited([1, 1, 0, 0])));
});
