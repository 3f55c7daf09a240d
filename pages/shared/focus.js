// Where the keyboard goes on when a run of the page has removed or folded away the element that had the focus: to the
// page's target, or else to the nearest place that is left. The browser would drop it to the body. focus.py marks the
// target.

let last = null;
let ancestors = [];

document.addEventListener("focusin", ({ target }) => {
  last = target;
  ancestors = [];
  for (let place = target.parentElement; place; place = place.parentElement) ancestors.push(place);
});
// A click beside everything drops the focus, too. That is no loss.
document.addEventListener("pointerdown", () => (last = null), true);

function isShown(element) {
  return element.isConnected && element.checkVisibility();
}

function restore(key) {
  const running = document.querySelector("[data-testid=stApp]")?.dataset.testScriptState !== "notRunning";
  if (running || !last || isShown(last) || document.activeElement !== document.body) return;
  const target = document.querySelector(`.st-key-${key}`);
  const place = target ?? ancestors.find((ancestor) => isShown(ancestor) && ancestor.offsetHeight);
  const heading = place.querySelector("h1, h2, h3, h4, strong, [role=alert]");
  // Streamlit loads an element's code when it first shows one, and a skeleton stands in its place until then.
  const coming = !target?.textContent || target.querySelector("[data-testid=stSkeleton]");
  if (target && !heading && coming) return;
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
    if (!last || isShown(last)) return;
    waiting ??= setTimeout(() => {
      waiting = null;
      restore(data);
    }, 100);
  });
  const attributeFilter = ["data-test-script-state", "open"];
  observer.observe(document.body, { attributes: true, attributeFilter, childList: true, subtree: true });
}
