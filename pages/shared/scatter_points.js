// The points, drawn by WebGL. Part of scatter.js.
//
// They are kept in the order of the cells of a grid: those in sight are a few runs of them, and every n-th of a run is
// an even sample of it, which is all that is drawn of a large gallery while the view moves.

const MOVING_MAX = 30_000;
// WebGL steps over 255 bytes at most, and a place has four.
const STEP_MAX = 63;

const VERTEX = `#version 300 es
  in vec2 place; in float colour; in float lit;
  uniform vec2 scale, shift; uniform float size; uniform sampler2D colours;
  out vec4 ink;
  void main() {
    gl_Position = vec4((place * 2.0 - 1.0) * scale + shift, 0, 1);
    gl_PointSize = size;
    ink = texelFetch(colours, ivec2(int(colour), 0), 0);
    ink.a *= lit > 1.5 ? 1.0 : lit > 0.5 ? 0.1 : 0.0;
  }`;
const FRAGMENT = `#version 300 es
  precision highp float;
  in vec4 ink; uniform float size; out vec4 drawn;
  void main() {
    float radius = length(gl_PointCoord - 0.5) * size;
    float alpha = ink.a * clamp(size * 0.5 - radius + 0.5, 0.0, 1.0);
    drawn = vec4(ink.rgb * alpha, alpha);
  }`;

export class Points {
  // Throws where there is no WebGL.
  constructor(canvas) {
    const gl = (this.gl = canvas.getContext("webgl2", { antialias: false }));
    const program = gl.createProgram();
    [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]].forEach(([kind, source]) => {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    });
    // Each with how many numbers there are for a point, of which type, and whether the largest of them stands for 1.
    this.arrays = [["place", 2, gl.UNSIGNED_SHORT, true], ["colour", 1, gl.UNSIGNED_BYTE], ["lit", 1, gl.UNSIGNED_BYTE]]
      .map(([name, ...form], number) => {
        gl.bindAttribLocation(program, number, name);
        gl.enableVertexAttribArray(number);
        return { buffer: gl.createBuffer(), form };
      });
    gl.linkProgram(program);
    gl.useProgram(program);
    this.uniforms = Object.fromEntries(
      ["scale", "shift", "size"].map((name) => [name, gl.getUniformLocation(program, name)]));
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.order = [];
  }

  close() {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  // places: Uint16Array (2n). Colours and states are of no use until they are given again.
  setPlaces(places, cells) {
    this.cells = cells;
    this.order = cells.rows;
    // A place as one number.
    const whole = new Uint32Array(places.buffer, places.byteOffset, places.length / 2);
    this.fill(0, whole, Uint32Array);
  }

  // The number of each point's colour in the table, Uint8Array (n).
  setColours(colours) {
    this.fill(1, colours, Uint8Array);
  }

  // GONE, DIM or LIT of each point, Uint8Array (n).
  setStates(states) {
    this.fill(2, states, Uint8Array);
  }

  // RGBA of 256 colours, Uint8Array.
  setTable(table) {
    const { gl } = this;
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, table);
  }

  fill(number, values, Type) {
    const { gl, order } = this;
    if (values?.length !== order.length) return;
    const sorted = new Type(order.length);
    for (let index = 0; index < order.length; index++) sorted[index] = values[order[index]];
    gl.bindBuffer(gl.ARRAY_BUFFER, this.arrays[number].buffer);
    gl.bufferData(gl.ARRAY_BUFFER, sorted, gl.DYNAMIC_DRAW);
  }

  // scale and shift lead from the map to WebGL's -1..1; size is in pixels; corners are those of what is in sight.
  // Returns whether all of it was drawn.
  draw({ scale, shift, size, corners, isMoving }) {
    const { gl, uniforms } = this;
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(uniforms.scale, ...scale);
    gl.uniform2f(uniforms.shift, ...shift);
    gl.uniform1f(uniforms.size, size);
    const runs = runsWithin(this.cells, corners);
    const step = isMoving ? Math.min(Math.ceil(countOf(runs) / MOVING_MAX) || 1, STEP_MAX) : 1;
    this.arrays.forEach(({ buffer, form: [numbers, type, isShare = false] }, number) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.vertexAttribPointer(number, numbers, type, isShare, step * (number ? 1 : 4), 0);
    });
    for (const [first, end] of runs) {
      const from = Math.ceil(first / step);
      gl.drawArrays(gl.POINTS, from, Math.ceil(end / step) - from);
    }
    return step === 1;
  }
}

// A grid of cells over places, Uint16Array (2n): starts[cell] is where the rows of a cell begin in rows.
export function grid(places) {
  const count = places.length / 2, side = Math.max(1, Math.ceil(Math.sqrt(count / 4)));
  const cells = new Uint32Array(count), starts = new Uint32Array(side * side + 1), rows = new Uint32Array(count);
  const along = (value) => Math.min(Math.floor((value / 65535) * side), side - 1);
  for (let row = 0; row < count; row++) {
    cells[row] = along(places[2 * row + 1]) * side + along(places[2 * row]);
    starts[cells[row] + 1]++;
  }
  for (let place = 1; place < starts.length; place++) starts[place] += starts[place - 1];
  const next = starts.slice();
  for (let row = 0; row < count; row++) rows[next[cells[row]]++] = row;
  return { side, starts, rows };
}

// Where the rows of the cells between two corners of the map lie in the order of a grid: pairs of a beginning and an end.
export function runsWithin({ side, starts }, [[left, top], [right, bottom]]) {
  const cell = (value) => Math.min(Math.max(Math.floor(((value + 1) / 2) * side), 0), side - 1);
  const runs = [];
  for (let line = cell(bottom); line <= cell(top); line++) {
    const first = starts[line * side + cell(left)], end = starts[line * side + cell(right) + 1];
    const last = runs.at(-1);
    if (last?.[1] === first) last[1] = end;
    else if (end > first) runs.push([first, end]);
  }
  return runs;
}

// How many rows are in some runs.
export const countOf = (runs) => runs.reduce((sum, [first, end]) => sum + end - first, 0);
