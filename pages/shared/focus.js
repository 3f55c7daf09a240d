// Where the keyboard goes on when a run of the page has removed, redrawn or folded away the element that had the focus:
// to the same widget drawn anew, or to the one that opened the dialog or menu; else to the page's target, or to the
// nearest place that is left. The browser would drop it to the body. focus.py marks the target.

let last = null;
let opener = null;

document.addEventListener("focusin", ({ target }) => {
  const inDialog = Boolean(target.closest("[role=dialog], [role=menu]"));
  if (!inDialog) opener = null;
  else if (last && !last.inDialog) opener = last;
  const ancestors = [];
  let place = target.parentElement;
  while (place && place !== document.body) {
    ancestors.push(place);
    place = place.parentElement;
  }
  const keyed = target.closest("[data-testid=stElementContainer]");
  const key = [...(keyed?.classList ?? [])].find((name) => name.startsWith("st-key-"));
  last = { element: target, ancestors, key, inDialog };
});
// A click beside everything drops the focus, too. That is no loss.
document.addEventListener("pointerdown", () => (last = null), true);

function isShown(element) {
  return element.isConnected && element.checkVisibility();
}

// The element itself, or the one that a run has drawn in its stead.
function again({ element, key }) {
  if (isShown(element)) return element;
  const likely = key ? [...document.querySelectorAll(`.${CSS.escape(key)} ${element.localName}:enabled`)] : [];
  return likely.find((other) => isShown(other) && other.textContent === element.textContent);
}

function restore(key) {
  const running = document.querySelector("[data-testid=stApp]")?.dataset.testScriptState !== "notRunning";
  if (running || !last || isShown(last.element) || document.activeElement !== document.body) return;
  const widget = again(last) ?? (opener && again(opener));
  if (widget) {
    widget.focus({ preventScroll: true });
    return;
  }
  const target = document.querySelector(`.st-key-${key}`);
  const place = target ?? last.ancestors.find((ancestor) => isShown(ancestor) && ancestor.offsetHeight);
  const heading = place?.querySelector("h1, h2, h3, h4, strong, [role=alert]");
  // Streamlit loads an element's code when it first shows one, and a skeleton stands in its place until then.
  const coming = !target?.textContent || target.querySelector("[data-testid=stSkeleton]");
  if (!place || (target && !heading && coming)) return;
  last = null;
  const found = heading ?? place;
  if (!found.hasAttribute("tabindex")) found.tabIndex = -1;
  found.focus({ preventScroll: !target });
}

let waiting;

export default function ({ data }) {
  if (waiting !== undefined) return;
  waiting = null;
  const observer = new MutationObserver(() => {
    if (!last || isShown(last.element)) return;
    waiting ??= setTimeout(() => {
      waiting = null;
      restore(data);
    }, 100);
  });
  const attributeFilter = ["data-test-script-state", "open"];
  observer.observe(document.body, { attributes: true, attributeFilter, childList: true, subtree: true });
}
