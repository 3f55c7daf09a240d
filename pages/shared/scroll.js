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

export default async function ({ data }) {
  if (data.result === last) return;
  last = data.result;
  if (innerWidth > data.width) return;
  // The photo above moves the result down once it has a height.
  await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
  const target = document.querySelector(`.st-key-${data.target}`);
  if (byHand || data.result !== last || !target) return;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  target.scrollIntoView({ block: "start", behavior: still ? "auto" : "smooth" });
}
