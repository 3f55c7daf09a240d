// A button that hands the result card to the phone's own share sheet. Browsers that cannot share files, and machines
// with a mouse, show nothing. sharing.py sends the card once this has said that it can be shared.

function canShare() {
  const probe = new File([new Uint8Array(1)], "card.png", { type: "image/png" });
  return matchMedia("(pointer: coarse)").matches && Boolean(navigator.canShare?.({ files: [probe] }));
}

export default function ({ data, parentElement, setStateValue }) {
  if (!canShare()) return;
  if (!data) {
    setStateValue("can", true);
    return;
  }
  let button = parentElement.querySelector("button");
  if (!button) {
    button = document.createElement("button");
    button.textContent = "Share";
    parentElement.append(button);
  }
  const bytes = Uint8Array.from(atob(data.card), (sign) => sign.codePointAt(0));
  const files = [new File([bytes], data.name, { type: "image/png" })];
  button.onclick = async () => {
    try {
      await navigator.share({ files, text: data.text });
    } catch (error) {
      // The visitor has closed the sheet.
      if (error.name !== "AbortError") throw error;
    }
  };
}
