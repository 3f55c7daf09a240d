// A button that counts to three before it presses the camera's own one, so that there is time to look up and smile.
// camera.py says in which container the camera is.

const SECONDS = 3;

function shutter(place) {
  const buttons = document.querySelectorAll(`.st-key-${place} [data-testid=stCameraInputButton]:enabled`);
  return [...buttons].find((button) => button.textContent === "Take Photo");
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

// Beside a result the camera is below the photo, and browsers stop a film that is out of sight.
async function reveal(place, button) {
  for (let left = 50; left > 0 && !shutter(place); left--) await pause(200);
  button.scrollIntoView({ block: "nearest" });
}

async function count(place, button) {
  if (!shutter(place)) return;
  const number = document.createElement("div");
  number.className = "countdown-number";
  number.role = "status";
  document.body.append(number);
  button.disabled = true;
  for (let left = SECONDS; left > 0 && button.isConnected; left--) {
    const box = document.querySelector(`.st-key-${place} video`)?.getBoundingClientRect();
    if (!box) break;
    Object.assign(number.style, { left: `${box.left + box.width / 2}px`, top: `${box.top + box.height / 2}px` });
    number.textContent = left;
    await pause(1000);
  }
  number.remove();
  button.disabled = false;
  // Whoever has left meanwhile does not want a picture.
  if (button.isConnected) shutter(place)?.click();
}

export default function ({ data, parentElement }) {
  if (parentElement.querySelector("button")) return;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Count down from 3";
  button.addEventListener("click", () => count(data, button));
  parentElement.append(button);
  reveal(data, button);
}
