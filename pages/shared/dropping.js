// A photo that is dropped anywhere on the page, or pasted, goes into the page's uploader as if it had been chosen there:
// the same limits, the same way to the server. dropping.py says which uploader.

let key = null;
let hint = null;

function uploader() {
  return document.querySelector(`.st-key-${key} input[type=file]:enabled`);
}

function hasFiles({ dataTransfer }) {
  return [...(dataTransfer?.types ?? [])].includes("Files");
}

// A dialog covers the page and what is dropped there.
function isOurs(event) {
  return Boolean(uploader()) && !document.querySelector("[role=dialog]") && hasFiles(event);
}

function hand(file) {
  const input = uploader();
  const files = new DataTransfer();
  files.items.add(file);
  input.files = files.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

function show(shown) {
  if (!shown) {
    hint?.remove();
    hint = null;
  } else if (!hint) {
    hint = document.createElement("div");
    hint.textContent = "Drop your photo anywhere";
    hint.className = "drop-hint";
    document.body.append(hint);
  }
}

function over(event) {
  if (!isOurs(event)) return;
  event.preventDefault();
  show(true);
}

function leave(event) {
  // Between elements of the page there is always one that the pointer enters.
  if (!event.relatedTarget) show(false);
}

function drop(event) {
  show(false);
  if (!isOurs(event)) return;
  event.preventDefault();
  // The uploader's own drop zone must not take it a second time.
  event.stopPropagation();
  const [file] = event.dataTransfer.files;
  if (file) hand(file);
}

function paste(event) {
  const [file] = event.clipboardData?.files ?? [];
  if (!file || !uploader() || document.querySelector("[role=dialog]")) return;
  event.preventDefault();
  hand(file);
}

const LISTENERS = { dragenter: over, dragover: over, dragleave: leave, drop, paste };

export default function ({ data }) {
  key = data;
  for (const [name, listener] of Object.entries(LISTENERS)) document.addEventListener(name, listener, true);
  return () => {
    show(false);
    for (const [name, listener] of Object.entries(LISTENERS)) document.removeEventListener(name, listener, true);
  };
}
