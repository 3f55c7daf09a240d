// Saves the card that it is given as a file. Each card is saved once, however often the page is drawn.

const saved = new Set();

export default function ({ data }) {
  if (saved.has(data.id)) return;
  saved.add(data.id);
  const bytes = Uint8Array.from(atob(data.card), (sign) => sign.codePointAt(0));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
  link.download = data.name;
  link.click();
  // Browsers read it after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
