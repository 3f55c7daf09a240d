// regl-scatterplot as a Streamlit component, as plain as it can be: a click, a tooltip, one mark.
import createScatterplot from "regl-scatterplot";

const shared = {};
shared.created = new Promise((resolve) => (shared.create = resolve));

export default function ({ data, parentElement, setTriggerValue }) {
  if (data instanceof Uint8Array) {
    receive(data);
    return;
  }
  if (!shared.plot) create(parentElement);
  shared.send = setTriggerValue;
  shared.chosen = data.chosen;
  mark();
}

function create(parent) {
  const box = document.createElement("div");
  box.className = "regl";
  box.style = "position: relative; height: 700px";
  box.innerHTML = `<canvas style="width: 100%; height: 100%"></canvas><div class="tip" style="position: absolute; top: 0"></div>`;
  parent.append(box);
  const tip = box.querySelector(".tip");
  shared.box = box;
  shared.plot = createScatterplot({
    canvas: box.querySelector("canvas"), width: "auto", height: 700, pointSize: 3, colorBy: "valueA",
    pointColor: ["#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#edc948", "#b07aa1"], pointSizeSelected: 10,
  });
  shared.create();
  shared.plot.subscribe("pointOver", (row) => (tip.textContent = shared.names[row]));
  shared.plot.subscribe("pointOut", () => (tip.textContent = ""));
  shared.plot.subscribe("select", ({ points }) => points[0] !== shared.chosen && shared.send("picked", points[0]));
}

async function receive(data) {
  const size = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  const { names } = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + size)));
  const values = new Float32Array(data.slice(4 + size + ((4 - (size % 4)) % 4)).buffer);
  shared.names = names;
  await shared.created;
  await shared.plot.draw(names.map((_, row) => [values[3 * row], values[3 * row + 1], values[3 * row + 2]]));
  shared.box.dataset.points = names.length;
  mark();
}

function mark() {
  if (shared.box?.dataset.points && shared.chosen !== null && shared.chosen !== undefined) {
    shared.plot.select([shared.chosen], { preventEvent: true });
    shared.box.dataset.chosen = shared.chosen;
  }
}
