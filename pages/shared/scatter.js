// A WebGL scatter plot of up to a million faces. scatter.py documents its inputs.
//
// It is mounted once with JSON, which draws it, and once for each large array, as bytes: Streamlit sends a message
// that has not changed by its hash alone, so each array is sent once.

const PLACES = 0, PEOPLE = 1, NAMES = 2, COLOURS = 3, STATES = 4, CONTOURS = 5;
const GONE = 0, DIM = 1, LIT = 2;
// Places, states and contours are a chart's own: the number of their kind says of which. All else is of all charts.
const KINDS = 8, OF_CHART = [PLACES, STATES, CONTOURS];
const CLICK_PX = 12, DRAG_PX = 4, MARGIN_PX = 12, FLIGHT_MS = 500, HINT_MS = 2500;
// All points are drawn once the view has not moved for so long.
const SETTLED_MS = 200;
// Among so many faces, those to show on the map are chosen.
const SEEN_MAX = 100_000;
// At least; how close is sensible grows with the number of faces.
const ZOOM_MIN = 0.7, ZOOM_MAX = 16;
const pieces = {};
const charts = new Set();

export default function ({ data, parentElement, setTriggerValue }) {
  if (data instanceof Uint8Array) {
    receive(data);
    return;
  }
  parentElement.chart ??= new Chart(parentElement);
  parentElement.chart.show(data, setTriggerValue);
  // Streamlit also calls this when newer data arrive before older data were drawn.
  return () => parentElement.host?.isConnected || parentElement.chart.close();
}

async function receive(data) {
  const [kind] = data;
  const order = (receive.order = (receive.order ?? 0) + 1);
  const stream = new Blob([data.subarray(1)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  if (pieces[kind]?.order > order) return;
  const value =
    kind === NAMES ? new TextDecoder().decode(buffer).split("\n")
    : kind % KINDS === CONTOURS ? JSON.parse(new TextDecoder().decode(buffer))
    : kind % KINDS === PLACES ? new Uint16Array(buffer)
    : kind === PEOPLE ? new Uint32Array(buffer)
    : new Uint8Array(buffer);
  pieces[kind] = { value, order };
  charts.forEach((chart) => chart.received(kind));
}

const HTML = `
  <canvas tabindex="0" role="application"></canvas>
  <svg aria-hidden="true"><g class="contours"></g><g class="links"></g><polygon class="area"></polygon><circle class="ring" r="8"></circle></svg>
  <div class="thumbnails" aria-hidden="true"></div>
  <div class="marks"></div>
  <div class="tip" aria-hidden="true"><img alt="" hidden><span></span></div>
  <div class="search">
    <span class="icon" aria-hidden="true">search</span>
    <input type="text" placeholder="Search by name" aria-label="Search by name" role="combobox" aria-expanded="false"
      aria-controls="found" aria-autocomplete="list" autocomplete="off" spellcheck="false">
    <ul id="found" role="listbox" hidden></ul>
  </div>
  <div class="tools" role="toolbar" aria-label="Map tools">
    <button data-mode="move" title="Move the map">pan_tool</button>
    <button data-mode="box" title="Select by a box">select</button>
    <button data-mode="lasso" title="Select by a lasso">lasso_select</button>
    <hr>
    <button data-zoom="1.6" title="Zoom in">add</button>
    <button data-zoom="0.625" title="Zoom out">remove</button>
    <button data-zoom="0" title="Show all">fit_screen</button>
    <hr>
    <button data-contours title="Contours of where most faces are" aria-pressed="true">filter_tilt_shift</button>
    <button data-faces title="Faces on the map" aria-pressed="true">face</button>
    <button data-full title="Full screen">fullscreen</button>
  </div>
  <p class="title" hidden></p>
  <div class="legend"></div>
  <p class="hint" aria-hidden="true">Use two fingers to move the map</p>
  <p class="trouble" role="alert" hidden>Your browser can't draw the map: it has no WebGL.</p>`;

class Chart {
  constructor(root) {
    this.root = root;
    this.box = document.createElement("div");
    this.box.className = "scatter";
    this.box.innerHTML = HTML;
    root.append(this.box);
    const one = (selector) => this.box.querySelector(selector);
    [this.contours, this.title] = [".contours", ".title"].map(one);
    [this.canvas, this.marks, this.tip, this.input, this.found, this.legend, this.area, this.ring, this.links, this.hint] =
      ["canvas", ".marks", ".tip", "input", "ul", ".legend", ".area", ".ring", ".links", ".hint"].map(one);
    [this.searchBox, this.tools, this.nearer, this.farther] =
      [".search", ".tools", "[data-zoom='1.6']", "[data-zoom='0.625']"].map(one);
    [this.tipPicture, this.tipName] = this.tip.children;
    this.thumbnails = new Thumbnails(this, one(".thumbnails"));
    this.view = { x: 0, y: 0, zoom: 1 };
    this.isMoving = false;
    this.extent = [1, 1];
    this.hidden = new Set();
    this.drawn = [];
    try {
      this.points = new Points(this.canvas);
    } catch {
      one(".trouble").hidden = false;
    }
    this.listen();
    this.use("move");
    charts.add(this);
    this.resized = new ResizeObserver(() => {
      this.measure();
      this.redraw();
    });
    [this.canvas, this.legend].forEach((part) => this.resized.observe(part));
  }

  close() {
    charts.delete(this);
    this.resized.disconnect();
    this.points?.close();
    this.box.remove();
    delete this.root.chart;
  }

  // Data -----------------------------------------------------------------------------------------------

  show(data, send) {
    // A page run that was asked for before the last click on the legend knows nothing of it.
    const other = data.categories?.join() !== this.data?.categories?.join();
    if (other || this.asked === undefined || this.asked === data.hidden.join()) {
      this.hidden = new Set(data.hidden);
      this.asked = undefined;
    }
    const first = !this.data;
    this.data = data;
    this.send = send;
    this.box.classList.toggle("beside", data.chart > 0);
    if (first) OF_CHART.filter((kind) => this.own(kind)).forEach((kind) => this.took(kind));
    this.canvas.setAttribute("aria-label", data.label);
    this.title.textContent = data.title;
    this.title.hidden = !data.title;
    this.style();
    this.drawLegend();
    this.measure();
    this.drawMarks();
    this.light();
    if (this.flight !== data.flight) {
      this.flight = data.flight;
      this.waiting = true;
    }
    this.fly();
    this.redraw();
  }

  // What a chart has of its own, by its kind.
  own(kind) {
    return pieces[KINDS * (this.data?.chart ?? 0) + kind]?.value;
  }

  received(number) {
    const kind = number % KINDS;
    // Of another chart.
    if (!this.data || (OF_CHART.includes(kind) && this.own(kind) !== pieces[number].value)) return;
    this.took(kind);
    this.fly();
    this.redraw();
  }

  took(kind) {
    if (kind === PLACES) {
      const places = this.own(PLACES);
      this.grid = grid(places);
      this.extent = extentOf(places);
      this.points?.setPlaces(places, this.grid);
      this.points?.setColours(pieces[COLOURS]?.value);
      // Another layout: a flight that has begun aims anew.
      this.waiting ||= this.flying !== null;
      this.measure();
      this.light();
    }
    if (kind === STATES) this.light();
    if (kind === COLOURS) this.points?.setColours(pieces[COLOURS].value);
    if (kind === CONTOURS) this.drawContours();
    if (kind === NAMES) this.plain = null;
  }

  get count() {
    return (this.own(PLACES)?.length ?? 0) / 2;
  }

  place(row) {
    return positionOf(this.own(PLACES), row);
  }

  pictureOf(row) {
    return `${this.data.thumbnails}/${row}.jpg`;
  }

  colourOf(row) {
    const value = pieces[COLOURS]?.value[row] ?? 0;
    return `rgb(${this.table.subarray(4 * value, 4 * value + 3)})`;
  }

  // The left top and the right bottom of the canvas on the map.
  get corners() {
    return [this.unscreen([0, 0]), this.unscreen([this.canvas.clientWidth, this.canvas.clientHeight])];
  }

  // Visible faces on the canvas: all, or of very many the same ones each time, and more of them as one zooms in.
  inSight() {
    const { corners } = this, { rows } = this.grid, runs = runsWithin(this.grid, corners), seen = [];
    const limit = (2 ** 32 * SEEN_MAX) / countOf(runs);
    for (const [first, end] of runs)
      for (let index = first; index < end; index++) {
        const row = rows[index];
        if (shuffled(row) < limit && this.lit[row] === LIT && !this.isHidden(row) && this.isWithin(row, corners))
          seen.push(row);
      }
    return seen;
  }

  isWithin(row, [[left, top], [right, bottom]]) {
    const [x, y] = this.place(row);
    return x >= left && x <= right && y >= bottom && y <= top;
  }

  name(row) {
    return pieces[NAMES]?.value[pieces[PEOPLE]?.value[row]] ?? "";
  }

  // Drawing -----------------------------------------------------------------------------------------------

  // Colours of the theme: one per category and grey for the rest, or a gradient.
  style() {
    const style = getComputedStyle(this.box);
    const list = (name) => style.getPropertyValue(name).split(",").map((colour) => colour.trim());
    const { categories } = this.data;
    const grey = style.getPropertyValue("--st-gray-color").trim();
    this.colours = categories ? [...list("--st-chart-categorical-colors").slice(0, categories.length), grey]
      : list("--st-chart-sequential-colors");
    const stops = this.colours.map(rgb);
    const table = new Uint8Array(256 * 4);
    for (let value = 0; value < 256; value++) {
      const along = categories ? Math.min(value, stops.length - 1) : (value / 255) * (stops.length - 1);
      const low = Math.floor(along), high = Math.min(low + 1, stops.length - 1);
      for (let part = 0; part < 3; part++)
        table[4 * value + part] = stops[low][part] + (stops[high][part] - stops[low][part]) * (along - low);
      table[4 * value + 3] = this.hidden.has(categories ? low : -1) ? 10 : 215;
    }
    this.table = table;
    this.points?.setTable(table);
  }

  // Dim the points outside the selected area, and what the page dims.
  light() {
    const states = this.own(STATES), area = this.data?.area;
    this.lit = states?.length === this.count ? states.slice() : new Uint8Array(this.count).fill(LIT);
    if (area)
      for (let row = 0; row < this.lit.length; row++)
        if (this.lit[row] === LIT && !inside(this.place(row), area)) this.lit[row] = DIM;
    this.points?.setStates(this.lit);
  }

  redraw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    const { canvas, points, view } = this;
    const width = canvas.clientWidth, height = canvas.clientHeight, ratio = devicePixelRatio;
    if (!width || !this.data) return;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio))
      [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    this.unit = this.scale * view.zoom;
    this.nearer.setAttribute("aria-disabled", view.zoom >= this.zoomMax);
    this.farther.setAttribute("aria-disabled", view.zoom <= ZOOM_MIN);
    this.drawn = this.data.marks.map((mark) => this.screen(mark.place));
    this.layMarks();
    if (!points || !this.count || this.count !== pieces[COLOURS]?.value.length) return;
    const across = Math.sqrt((width * height) / this.count);
    const scale = [(2 * this.unit) / width, (2 * this.unit) / height], [x, y] = this.middle;
    const isWhole = points.draw({
      scale,
      shift: [(2 * x) / width - 1 - view.x * scale[0], 1 - (2 * y) / height - view.y * scale[1]],
      size: Math.min(Math.max(across * 0.34, 2) * view.zoom ** 0.35, 16) * ratio,
      corners: this.corners,
      isMoving: this.isMoving,
    });
    // Not by the time since then: it grows where drawing takes long.
    this.isMoving = false;
    clearTimeout(this.settling);
    if (!isWhole) this.settling = setTimeout(() => this.redraw(), SETTLED_MS);
    this.box.dataset.points = this.count;
    this.thumbnails.lay();
  }

  screen([x, y]) {
    return [this.middle[0] + (x - this.view.x) * this.unit, this.middle[1] - (y - this.view.y) * this.unit];
  }

  unscreen([x, y]) {
    return [(x - this.middle[0]) / this.unit + this.view.x, (this.middle[1] - y) / this.unit + this.view.y];
  }

  // Fit the whole map into what search, tools and legend leave free of the canvas.
  measure() {
    const { canvas, searchBox, tools, legend } = this;
    if (!canvas.clientWidth) return;
    const head = this.title.hidden ? searchBox : this.title;
    const bottom = legend.offsetHeight ? legend.offsetTop : canvas.clientHeight;
    this.free = {
      left: MARGIN_PX,
      right: tools.offsetLeft - MARGIN_PX,
      top: head.offsetTop + head.offsetHeight + MARGIN_PX,
      bottom: bottom - MARGIN_PX,
    };
    Object.assign(this, fit(this.free, this.extent));
    this.unit = this.scale * this.view.zoom;
  }

  // Marks, links and legend ------------------------------------------------------------

  drawMarks() {
    this.marks.replaceChildren(
      ...this.data.marks.map((mark) => {
        const button = document.createElement("button");
        button.className = `mark ${mark.kind}${mark.far ? " far" : ""}`;
        button.title = mark.name;
        const picture = document.createElement("img");
        Object.assign(picture, { src: mark.picture, alt: "" });
        const name = document.createElement("bdi");
        name.textContent = mark.name;
        button.append(picture, name);
        if (mark.row === null) button.disabled = true;
        else button.onclick = (event) => this.pick(mark.row, event);
        return button;
      }),
    );
    this.links.replaceChildren(
      ...this.data.links.map((link) => {
        const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
        line.setAttribute("class", this.data.marks[link[1]].far ? "far" : "");
        return line;
      }),
    );
    this.ring.removeAttribute("class");
    this.ring.setAttribute("class", "ring");
  }

  layMarks() {
    // Hide names that would overlap another name or a portrait; earlier marks take precedence.
    const taken = [];
    [...this.marks.children].forEach((button, place) => {
      const [x, y] = this.drawn[place];
      button.style.transform = `translate(${x}px, ${y}px)`;
      const half = Math.min(button.title.length * 3.6, 75) + 4;
      const below = place ? 29 : 40;
      const free = !taken.some((other) => Math.abs(other.x - x) < other.half + half && Math.abs(other.y - y - below) < 18)
        && !this.drawn.some(([px, py], other) =>
          other !== place && Math.abs(px - x) < half + 18 && Math.abs(py - y - below) < 27 && place);
      button.classList.toggle("quiet", !free);
      if (free) taken.push({ x, y: y + below, half });
    });
    [...this.links.children].forEach((line, place) => {
      const [from, to] = this.data.links[place].map((mark) => this.drawn[mark]);
      Object.entries({ x1: from[0], y1: from[1], x2: to[0], y2: to[1] }).forEach((pair) => line.setAttribute(...pair));
    });
    const [x, y] = this.screen([0, 0]);
    this.contours.setAttribute("transform", `matrix(${this.unit} 0 0 ${-this.unit} ${x} ${y})`);
    const corners = this.drawing ?? this.data.area ?? [];
    this.area.setAttribute("points", corners.map((corner) => this.screen(corner).join(",")).join(" "));
    if (this.hovered != null) this.point(this.hovered);
  }

  // One path for each level.
  drawContours() {
    this.contours.replaceChildren(
      ...this.own(CONTOURS).map((lines) => {
        const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
        path.setAttribute("d", lines.map((line) => `M${line.join("L")}Z`).join(""));
        return path;
      }),
    );
  }

  drawLegend() {
    const { categories, scale } = this.data;
    // Built anew only when it changes, so that the keyboard's focus stays on it.
    const shown = JSON.stringify([categories, scale, this.colours]);
    if (this.legendShown !== shown) {
      this.legendShown = shown;
      if (categories) this.legend.replaceChildren(...categories.map((group, place) => this.legendButton(group, place)));
      else {
        this.legend.innerHTML = `<span></span><i style="background:linear-gradient(90deg,${this.colours})"></i><span></span>`;
        [this.legend.firstChild.textContent, this.legend.lastChild.textContent] = scale;
      }
    }
    if (categories)
      [...this.legend.children].forEach((button, place) => button.setAttribute("aria-pressed", !this.hidden.has(place)));
  }

  legendButton([name, count], place) {
    const button = document.createElement("button");
    const colour = document.createElement("i");
    colour.style.background = this.colours[Math.min(place, this.colours.length - 1)];
    const label = document.createElement("bdi");
    label.textContent = name;
    const number = document.createElement("small");
    number.textContent = count.toLocaleString("en");
    button.append(colour, label, number);
    button.title = "Show or dim these faces";
    button.onclick = () => {
      if (!this.hidden.delete(place)) this.hidden.add(place);
      this.asked = [...this.hidden].join();
      this.send("hidden", this.hiddenNames());
      this.drawLegend();
      this.style();
      this.redraw();
    };
    return button;
  }

  hiddenNames() {
    return [...this.hidden].map((place) => this.data.categories[place][0]);
  }

  isHidden(row) {
    return this.hidden.has(this.data.categories && pieces[COLOURS].value[row]);
  }

  // Navigation ------------------------------------------------------------------------------------------------------

  get zoomMax() {
    return Math.max(ZOOM_MAX, Math.sqrt(this.count));
  }

  look(view) {
    this.view = limited(view, this.extent, this.zoomMax);
    this.isMoving = true;
    this.unit = this.scale * this.view.zoom;
    this.redraw();
  }

  move(right, down) {
    this.flying = null;
    this.look({ ...this.view, x: this.view.x - right / this.unit, y: this.view.y + down / this.unit });
  }

  zoom(factor, at = this.middle) {
    this.flying = null;
    const before = this.unscreen(at);
    this.look({ ...this.view, zoom: this.view.zoom * factor });
    const after = this.unscreen(at);
    this.look({ ...this.view, x: this.view.x + before[0] - after[0], y: this.view.y + before[1] - after[1] });
  }

  // Two fingers move the map and zoom it. One finger scrolls the page, as everywhere else on it.
  pinch(event, pixel) {
    const fingers = [...event.touches].filter((touch) => this.box.contains(touch.target)).map(pixel);
    // What cannot be cancelled is a scroll of the page that has begun.
    if (fingers.length !== 2 || !event.cancelable) {
      this.fingers = null;
      return;
    }
    event.preventDefault();
    this.pressed = this.drawing = this.flying = null;
    if (this.fingers) {
      const [from, to] = [this.fingers, fingers].map(between);
      this.move(to[0] - from[0], to[1] - from[1]);
      this.zoom(apart(...fingers) / Math.max(apart(...this.fingers), 1), to);
    }
    this.fingers = fingers;
  }

  sayTwoFingers() {
    this.hint.classList.add("shown");
    clearTimeout(this.hinting);
    this.hinting = setTimeout(() => this.hint.classList.remove("shown"), HINT_MS);
  }

  // Fly to the chosen face and its six most similar faces, or to both faces of a pair.
  fly() {
    if (!this.waiting || !this.count || !this.canvas.clientWidth) return;
    this.waiting = false;
    const shown = this.data.marks.slice(0, 7);
    if (!shown.length) return this.to({ x: 0, y: 0, zoom: 1 });
    // So many units of the map fill most of what is free.
    const fill = (0.72 * Math.min(this.free.right - this.free.left, this.free.bottom - this.free.top)) / this.scale;
    const ends = [0, 1].map((axis) => shown.map((mark) => mark.place[axis]));
    const [x, y] = ends.map((of) => (Math.min(...of) + Math.max(...of)) / 2);
    const side = Math.max(...ends.map((of) => Math.max(...of) - Math.min(...of)), 1e-4);
    // In a large gallery, zoom to the neighbourhood of the face even if similar faces lie far away on the map.
    const grain = Math.sqrt(this.count) / 24, pair = shown.some((mark) => mark.kind === "other");
    if (fill / side < grain && !pair) this.to({ x: shown[0].place[0], y: shown[0].place[1], zoom: grain });
    else this.to({ x, y, zoom: Math.min(Math.max(fill / side, 1), Math.max(3 * grain, 4)) });
  }

  to(wanted) {
    const target = limited(wanted, this.extent, this.zoomMax);
    const from = { ...this.view }, begun = performance.now();
    const length = matchMedia("(prefers-reduced-motion: reduce)").matches ? 1 : FLIGHT_MS;
    const step = (now) => {
      if (this.flying !== begun) return;
      const time = (now - begun) / length;
      if (time >= 1) {
        this.flying = null;
        this.look(target); // Exactly: the sums below would end a rounding error beside it.
        return;
      }
      const past = Math.max(time, 0), eased = past * past * (3 - 2 * past);
      const zoom = from.zoom * (target.zoom / from.zoom) ** eased;
      // The centre follows the zoom, so that the approach looks even.
      const share = Math.abs(target.zoom - from.zoom) < 1e-6 ? eased
        : (1 / from.zoom - 1 / zoom) / (1 / from.zoom - 1 / target.zoom);
      this.look({ x: from.x + (target.x - from.x) * share, y: from.y + (target.y - from.y) * share, zoom });
      requestAnimationFrame(step);
    };
    this.flying = begun;
    requestAnimationFrame(step);
  }

  // Picking -----------------------------------------------------------------------------------------------------

  // The visible face at a pixel, or null.
  at(pixel) {
    if (!this.count) return null;
    const shown = this.thumbnails.at(pixel);
    if (shown !== null) return shown;
    const places = this.own(PLACES);
    const visible = (row) => this.lit[row] !== GONE && !this.isHidden(row);
    return nearest(places, this.grid, this.unscreen(pixel), CLICK_PX / this.unit, visible);
  }

  pick(row, event) {
    this.flying = null;
    this.send("picked", { row, beside: !!event?.shiftKey });
    if (row !== null && this.count) {
      this.point(row);
      this.ring.setAttribute("class", "ring busy");
    }
  }

  point(row) {
    const other = row !== null && row !== this.hovered;
    this.hovered = row;
    this.tip.hidden = row === null;
    this.ring.style.display = row === null ? "none" : "";
    this.canvas.style.cursor = row !== null && this.mode === "move" ? "pointer" : "";
    if (row === null) return;
    const [x, y] = this.screen(this.place(row));
    this.tipName.textContent = this.name(row);
    this.tip.classList.toggle("below", y < this.canvas.clientHeight / 3);
    this.tip.style.translate = `${x}px ${y}px`;
    if (other && this.data.thumbnails) {
      this.tipPicture.hidden = true;
      this.tipPicture.src = this.pictureOf(row);
    }
    this.ring.setAttribute("cx", x);
    this.ring.setAttribute("cy", y);
  }

  use(mode) {
    this.mode = mode;
    this.box.dataset.mode = mode;
    this.box.querySelectorAll("[data-mode]").forEach((button) =>
      button.setAttribute("aria-pressed", button.dataset.mode === mode));
  }

  listen() {
    const { canvas } = this;
    const pixel = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    this.box.querySelectorAll(".tools button").forEach((button) => {
      button.setAttribute("aria-label", button.title);
      button.onclick = () => {
        if (button.dataset.mode) this.use(button.dataset.mode);
        else if (button.dataset.faces !== undefined) {
          this.thumbnails.toggle();
          button.setAttribute("aria-pressed", this.thumbnails.isOn);
        } else if (button.dataset.contours !== undefined) {
          button.setAttribute("aria-pressed", !this.contours.toggleAttribute("hidden"));
        } else if (button.dataset.full !== undefined) this.toggleFull();
        else if (+button.dataset.zoom) this.zoom(+button.dataset.zoom);
        else this.to({ x: 0, y: 0, zoom: 1 });
      };
    });
    this.tipPicture.onload = () => (this.tipPicture.hidden = false);
    this.box.querySelector("[data-full]").hidden = !document.fullscreenEnabled;
    this.box.onfullscreenchange = () => {
      const isFull = this.box.matches(":fullscreen"), button = this.box.querySelector("[data-full]");
      button.textContent = isFull ? "fullscreen_exit" : "fullscreen";
      button.title = isFull ? "Leave full screen" : "Full screen";
      button.setAttribute("aria-label", button.title);
    };
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), pixel(event));
    }, { passive: false });
    canvas.onpointerdown = (event) => {
      this.flying = this.drawing = null;
      // A second finger ends what the first one began.
      this.pressed = event.isPrimary ? { begun: pixel(event), last: pixel(event), moved: false } : null;
      if (event.isPrimary) canvas.setPointerCapture(event.pointerId);
    };
    canvas.onpointermove = (event) => this.moved(event, pixel(event));
    canvas.onpointerup = (event) => {
      if (!this.pressed || !event.isPrimary) return;
      if (this.drawing) this.select();
      else if (!this.pressed.moved) this.pick(this.at(pixel(event)), event);
      this.pressed = null;
    };
    this.box.addEventListener("pointercancel", (event) => {
      // The browser scrolls the page with the finger that began here.
      if (event.target === canvas || this.marks.contains(event.target)) this.sayTwoFingers();
      this.pressed = this.drawing = null;
    });
    ["touchstart", "touchmove", "touchend", "touchcancel"].forEach((kind) =>
      this.box.addEventListener(kind, (event) => this.pinch(event, pixel), { passive: false }));
    canvas.onpointerleave = () => this.point(null);
    canvas.ondblclick = (event) => this.zoom(2, pixel(event));
    canvas.onkeydown = (event) => {
      const moves = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
      const zooms = { "+": 1.4, "=": 1.4, "-": 1 / 1.4 };
      if (moves[event.key]) this.move(...moves[event.key]);
      else if (zooms[event.key]) this.zoom(zooms[event.key]);
      else if (event.key === "0") this.to({ x: 0, y: 0, zoom: 1 });
      else if (event.key === "Escape") this.pick(null);
      else return;
      event.preventDefault();
    };
    this.listenToSearch();
  }

  toggleFull() {
    if (this.box.matches(":fullscreen")) document.exitFullscreen();
    else this.box.requestFullscreen();
  }

  moved(event, now) {
    const { pressed } = this, finger = event.pointerType === "touch";
    if (!pressed) return finger || this.point(this.at(now));
    if (!event.isPrimary || (!pressed.moved && apart(pressed.begun, now) < DRAG_PX)) return;
    if (this.mode !== "move") {
      const [x, y] = this.unscreen(pressed.begun), [right, top] = this.unscreen(now);
      if (this.mode === "box") this.drawing = [[x, y], [right, y], [right, top], [x, top]];
      else (this.drawing ??= [[x, y]]).push([right, top]);
    } else if (!finger) this.move(now[0] - pressed.last[0], now[1] - pressed.last[1]);
    Object.assign(pressed, { last: now, moved: true });
    this.point(null);
    this.redraw();
  }

  select() {
    const every = Math.ceil(this.drawing.length / 48);
    const corners = this.drawing.filter((_, place) => place % every === 0);
    this.data.area = corners.map((corner) => corner.map((value) => Math.round(value * 1e4) / 1e4));
    this.drawing = null;
    this.use("move");
    this.light();
    this.redraw();
    if (corners.length > 2) this.send("area", this.data.area);
  }

  // Searching ---------------------------------------------------------------------------------------------------

  listenToSearch() {
    const { input, found } = this;
    const active = () => found.querySelector("[aria-selected=true]");
    const close = () => {
      found.hidden = true;
      input.setAttribute("aria-expanded", "false");
    };
    const choose = (item) => {
      if (!item) return;
      input.value = "";
      close();
      const row = pieces[PEOPLE].value.indexOf(+item.dataset.person);
      // Who is looked for is shown, even if the legend hid their group.
      if (this.data.categories) this.hidden.delete(pieces[COLOURS]?.value[row]);
      this.asked = [...this.hidden].join();
      this.send("found", { row, hidden: this.hiddenNames() });
    };
    const mark = (item) => {
      active()?.setAttribute("aria-selected", "false");
      item?.setAttribute("aria-selected", "true");
      item?.scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", item?.id ?? "");
    };
    input.oninput = () => {
      const people = this.search(input.value);
      found.replaceChildren(
        ...people.map((person, place) => {
          const item = document.createElement("li");
          Object.assign(item, { id: `found-${place}`, role: "option", textContent: pieces[NAMES].value[person] });
          item.dataset.person = person;
          item.onpointerdown = (event) => (event.preventDefault(), choose(item));
          return item;
        }),
      );
      if (!people.length && input.value.trim()) found.innerHTML = "<p>Nobody by that name</p>";
      found.hidden = !input.value.trim();
      input.setAttribute("aria-expanded", String(!found.hidden));
      mark(found.querySelector("li"));
    };
    input.onkeydown = (event) => {
      if (event.key === "ArrowDown") mark(active()?.nextSibling ?? found.querySelector("li"));
      else if (event.key === "ArrowUp") mark(active()?.previousSibling ?? found.querySelector("li:last-child"));
      else if (event.key === "Enter") choose(active());
      else if (event.key === "Escape") close();
      else return;
      event.preventDefault();
    };
    input.onblur = close;
  }

  search(text) {
    if (!pieces[NAMES] || !pieces[PEOPLE]) return [];
    this.plain ??= pieces[NAMES].value.map(simple);
    return search(this.plain, text);
  }
}

// Pure functions, exported for the tests --------------------------------------------------------------------------

// The place of a face in units of the map, -1..1.
export function positionOf(places, row) {
  return [places[2 * row] / 32767.5 - 1, places[2 * row + 1] / 32767.5 - 1];
}

// The nearest visible face within reach of a point, or null.
export function nearest(places, { side, starts, rows }, [x, y], reach, visible) {
  const cell = (value) => Math.min(Math.max(Math.floor(((value + 1) / 2) * side), 0), side - 1);
  let best = null, least = reach ** 2;
  for (let row = cell(y - reach); row <= cell(y + reach); row++)
    for (let column = cell(x - reach); column <= cell(x + reach); column++)
      for (let index = starts[row * side + column]; index < starts[row * side + column + 1]; index++) {
        const [px, py] = positionOf(places, rows[index]), distance = (px - x) ** 2 + (py - y) ** 2;
        if (distance < least && visible(rows[index])) [best, least] = [rows[index], distance];
      }
  return best;
}

// The numbers of people whose simplified name matches: at its start first, then at the start of a word, then anywhere.
export function search(names, text, most = 8) {
  const wanted = simple(text).trim();
  if (!wanted) return [];
  const ranked = [[], [], []];
  for (let person = 0; person < names.length && ranked[0].length < most; person++) {
    const at = names[person].indexOf(wanted);
    if (at >= 0) ranked[at === 0 ? 0 : names[person].includes(` ${wanted}`) ? 1 : 2].push(person);
  }
  return ranked.flat().slice(0, most);
}

// A name without accents, in lower case.
export const simple = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const apart = (one, other) => Math.hypot(one[0] - other[0], one[1] - other[1]);
const between = ([one, other]) => [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2];

// Half the width and height of the map in its units, at least a twentieth of the larger one.
export function extentOf(places) {
  const most = [0, 0];
  for (let index = 0; index < places.length; index++)
    most[index & 1] = Math.max(most[index & 1], Math.abs(places[index] / 32767.5 - 1));
  const least = Math.max(...most) / 20 || 1;
  return most.map((half) => Math.max(half, least));
}

// The pixels per unit, and the place of the map's centre, that fit the whole map into a free rectangle.
export function fit({ left, right, top, bottom }, [halfWidth, halfHeight]) {
  const across = Math.max(right - left, 1) / 2, down = Math.max(bottom - top, 1) / 2;
  return { scale: Math.min(across / halfWidth, down / halfHeight), middle: [(left + right) / 2, (top + bottom) / 2] };
}

const within = (value, low, high) => Math.min(Math.max(value, low), high);

// A view whose zoom is within limits and whose centre is on the map.
export function limited({ x, y, zoom }, [halfWidth, halfHeight], most) {
  return { x: within(x, -halfWidth, halfWidth), y: within(y, -halfHeight, halfHeight), zoom: within(zoom, ZOOM_MIN, most) };
}

function rgb(colour) {
  const context = (rgb.context ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true }));
  context.clearRect(0, 0, 1, 1);
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data];
}

// Whether a point lies in a polygon (even-odd rule).
export function inside([x, y], corners) {
  let odd = false;
  for (let one = 0, other = corners.length - 1; one < corners.length; other = one++) {
    const [x1, y1] = corners[one], [x2, y2] = corners[other];
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) odd = !odd;
  }
  return odd;
}
