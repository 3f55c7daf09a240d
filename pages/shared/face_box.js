// A picture with a box that the visitor draws around a face: by mouse, by finger or by keyboard. face_box.py documents
// its inputs. Boxes are [left, top, width, height] as shares of the picture's sides, 0 to 1.

const SIDE_MIN = 0.03, STEP = 0.02, DRAG_PX = 4;
const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

const HTML = `
  <div class="picture">
    <img alt="Your photo">
    <button class="box" type="button" aria-describedby="help"><span class="corner"></span></button>
  </div>
  <p id="help">Draw a box around the face, from the forehead to the chin. By keyboard, the arrow keys move it, with Shift they
    change its size, and Enter uses it.</p>
  <p class="spoken" aria-live="polite"></p>
  <div class="buttons"><button type="button" class="use">Use this face</button>
    <button type="button" class="cancel">Cancel</button></div>`;

function between(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

// The box, large enough and inside the picture.
export function limited([left, top, width, height]) {
  const [across, down] = [between(width, SIDE_MIN, 1), between(height, SIDE_MIN, 1)];
  return [between(left, 0, 1 - across), between(top, 0, 1 - down), across, down];
}

export function moved([left, top, width, height], [right, down]) {
  return limited([left + right, top + down, width, height]);
}

// The upper left corner stays.
export function grown([left, top, width, height], [right, down]) {
  return limited([left, top, Math.min(width + right, 1 - left), Math.min(height + down, 1 - top)]);
}

// The box between two opposite corners, which may lie outside the picture.
export function spanned(one, other) {
  const [[left, right], [top, bottom]] = [0, 1].map((axis) =>
    [one[axis], other[axis]].map((value) => between(value, 0, 1)).toSorted((a, b) => a - b),
  );
  return limited([left, top, right - left, bottom - top]);
}

class Editor {
  constructor(parent) {
    this.host = document.createElement("div");
    this.host.innerHTML = HTML;
    parent.append(this.host);
    [this.picture, this.image, this.handle, this.spoken] = [".picture", "img", ".box", ".spoken"].map((selector) =>
      this.host.querySelector(selector),
    );
    this.picture.addEventListener("pointerdown", (event) => this.grab(event));
    this.picture.addEventListener("pointermove", (event) => this.drag(event));
    for (const type of ["pointerup", "pointercancel"]) {
      this.picture.addEventListener(type, () => (this.held = null));
    }
    this.handle.addEventListener("keydown", (event) => this.press(event));
    this.host.querySelector(".use").addEventListener("click", () => this.take());
    this.host.querySelector(".cancel").addEventListener("click", () => this.send("cancelled", true));
  }

  show({ key, picture, box }, send) {
    this.send = send;
    if (key === this.key) return;
    this.key = key;
    this.image.src = picture;
    this.place(box);
    this.handle.focus();
  }

  place(box) {
    this.box = box;
    const [left, top, width, height] = box.map((share) => `${100 * share}%`);
    Object.assign(this.handle.style, { left, top, width, height });
    const [x, y, across, down] = box.map((share) => Math.round(100 * share));
    this.handle.ariaLabel = `Box around the face: ${across} % wide, ${down} % high, ${x} % from the left, ${y} % from the top`;
  }

  take() {
    this.send("taken", this.box);
  }

  point(event) {
    const { left, top, width, height } = this.picture.getBoundingClientRect();
    return [(event.clientX - left) / width, (event.clientY - top) / height];
  }

  grab(event) {
    if (event.button) return;
    event.preventDefault();
    this.picture.setPointerCapture(event.pointerId);
    this.handle.focus();
    const kind = event.target.matches(".corner") ? "corner" : event.target === this.handle ? "box" : "new";
    this.held = { kind, from: this.point(event), at: [event.clientX, event.clientY], box: this.box };
  }

  drag(event) {
    if (!this.held) return;
    const { kind, from, at, box } = this.held;
    // A finger is never quite still.
    if (Math.hypot(event.clientX - at[0], event.clientY - at[1]) < DRAG_PX) return;
    this.held.at = [Infinity, Infinity];
    const to = this.point(event);
    const by = [to[0] - from[0], to[1] - from[1]];
    this.place(kind === "new" ? spanned(from, to) : kind === "box" ? moved(box, by) : grown(box, by));
  }

  press(event) {
    if (event.key === "Enter") this.take();
    else if (event.key === "Escape") this.send("cancelled", true);
    else if (event.key in ARROWS) {
      const change = event.shiftKey ? grown : moved;
      this.place(change(this.box, ARROWS[event.key]));
      this.spoken.textContent = this.handle.ariaLabel;
    } else return;
    event.preventDefault();
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  parentElement.editor ??= new Editor(parentElement);
  parentElement.editor.show(data, setTriggerValue);
}
