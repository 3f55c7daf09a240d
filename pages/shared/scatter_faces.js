// Faces on the map: thumbnails where there is room for them, more of them as one zooms in. Part of scatter.js.

const THUMBNAIL_PX = 44;
// Of this many pixels, a square shows one face; fewer where so few faces are in sight that each may be shown.
const ROOM_PX = 110, ROOM_FEW_PX = 48, FEW = 150;
// A view that does not change for so long gets the faces that belong to it.
const REST_MS = 120;
// From the middle of a face to the middle of the name below it.
const NAME_PX = 33;

export class Thumbnails {
  constructor(chart, layer) {
    this.chart = chart;
    this.layer = layer;
    this.shown = new Map();
    this.isOn = true;
  }

  toggle() {
    this.isOn = !this.isOn;
    this.update();
  }

  // Keep the faces at their points, and see to new ones once the view rests.
  lay() {
    for (const [row, part] of this.shown) this.put(part, row);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.update(), REST_MS);
  }

  put(part, row) {
    const [x, y] = this.chart.screen(this.chart.place(row));
    part.style.transform = `translate(${x}px, ${y}px)`;
  }

  update() {
    const wanted = new Set(this.isOn ? this.choose() : []);
    for (const [row, part] of this.shown) {
      if (wanted.delete(row)) continue;
      part.remove();
      this.shown.delete(row);
    }
    for (const row of wanted) this.shown.set(row, this.draw(row));
    for (const [row, part] of this.shown) part.firstChild.style.borderColor = this.chart.colourOf(row);
    this.nameThem();
  }

  // Show the names that cover neither a face nor another name; none beside a chosen face, whose marks have names.
  nameThem() {
    const all = [...this.shown].map(([row, part]) => ({ part, at: this.chart.screen(this.chart.place(row)) }));
    const named = [];
    for (const one of all) {
      const half = Math.min(one.part.textContent.length * 3.6, 75) + 4;
      const label = { x: one.at[0], y: one.at[1] + NAME_PX, half };
      const free = !this.chart.data.marks.length
        && !all.some((other) => other !== one && covers(label, other.at))
        && !named.some((other) => Math.abs(other.x - label.x) < other.half + half && Math.abs(other.y - label.y) < 18);
      one.part.classList.toggle("nameless", !free);
      if (free) named.push(label);
    }
  }

  choose() {
    const { chart } = this, { canvas } = chart;
    if (!chart.data?.thumbnails || !chart.count || !canvas.clientWidth) return [];
    const seen = chart.inSight();
    this.room = seen.length <= FEW ? ROOM_FEW_PX : ROOM_PX;
    const first = firstOfCells(chart.own(PLACES), seen, cellSide(this.room / chart.unit));
    const taken = chart.drawn.slice(), panels = [chart.searchBox, chart.tools, chart.legend];
    return first.filter((row) => {
      const [x, y] = chart.screen(chart.place(row));
      if (taken.some((other) => apart(other, [x, y]) < THUMBNAIL_PX + 4) || panels.some((panel) => isUnder(panel, x, y)))
        return false;
      taken.push([x, y]);
      return true;
    });
  }

  draw(row) {
    const part = document.createElement("div");
    part.className = "thumbnail";
    const picture = document.createElement("img");
    picture.alt = "";
    picture.onerror = () => part.remove();
    picture.src = this.chart.pictureOf(row);
    const name = document.createElement("bdi");
    name.textContent = this.chart.name(row);
    part.append(picture, name);
    this.put(part, row);
    this.layer.append(part);
    return part;
  }

  // The face whose thumbnail is at a pixel, or null.
  at(pixel) {
    for (const [row, part] of this.shown)
      if (part.isConnected && apart(this.chart.screen(this.chart.place(row)), pixel) < THUMBNAIL_PX / 2) return row;
    return null;
  }
}

const covers = ({ x, y, half }, at) =>
  Math.abs(at[0] - x) < half + THUMBNAIL_PX / 2 && Math.abs(at[1] - y) < THUMBNAIL_PX / 2 + 9;

// Whether a face would be partly under a panel.
const isUnder = ({ offsetLeft, offsetTop, offsetWidth, offsetHeight }, x, y) =>
  x > offsetLeft - THUMBNAIL_PX / 2 && x < offsetLeft + offsetWidth + THUMBNAIL_PX / 2
  && y > offsetTop - THUMBNAIL_PX / 2 && y < offsetTop + offsetHeight + THUMBNAIL_PX / 2;

// The side of a cell that is at least as wide as wanted: a power of two, so that cells lie within larger ones.
export const cellSide = (wanted) => 2 ** Math.ceil(Math.log2(wanted));

// One row of each cell of the map, those of the fullest cells first.
// Of a cell, it is always the same one: a face that is shown stays when the cells become smaller.
export function firstOfCells(places, seen, side) {
  const cells = new Map();
  for (const row of seen) {
    const [x, y] = positionOf(places, row);
    const cell = Math.floor((x + 1) / side) * 65536 + Math.floor((y + 1) / side);
    const found = cells.get(cell);
    if (!found) cells.set(cell, { row, count: 1 });
    else {
      found.count++;
      if (shuffled(row) < shuffled(found.row)) found.row = row;
    }
  }
  return [...cells.values()].toSorted((a, b) => b.count - a.count || a.row - b.row).map(({ row }) => row);
}

// A number that says nothing about the row, but is always the same (Knuth's multiplicative hash).
const shuffled = (row) => Math.imul(row + 1, 2654435761) >>> 0;
