// On a phone, a new result comes below the photo: the page scrolls there, unless the visitor has scrolled meanwhile.

let last = null;
let byHand = false;

for (const type of ["touchmove", "wheel"]) {
  document.addEventListener(type, () => (byHand = true), { capture: true, passive: true });
}
// Whoever gives a photo or presses something waits for what comes of it.
for (const type of ["change", "click"]) {
  document.addEventListener(type, () => (byHand = false), true);
}

let target = null;
// What is above the result moves it: the photo once it has a height, the stages once they are over.
const layout = new ResizeObserver(() => {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  document.querySelector(target)?.scrollIntoView({ block: "start", behavior: still ? "auto" : "smooth" });
});
for (const type of ["touchmove", "wheel", "pointerdown", "keydown"]) {
  document.addEventListener(type, () => layout.disconnect(), { capture: true, passive: true });
}

export default function ({ data }) {
  if (data.result === last) return;
  last = data.result;
  layout.disconnect();
  if (innerWidth > data.width || byHand) return;
  target = `.st-key-${data.target}`;
  layout.observe(document.querySelector("[data-testid=stMainBlockContainer]"));
}
