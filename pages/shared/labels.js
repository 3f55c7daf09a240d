// What screen readers need and Streamlit's elements cannot be given: roles, names and states. labels.py says which.

let rules = null;

function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function isShown(element) {
  return Boolean(element?.checkVisibility());
}

function label() {
  for (const [selector, attributes] of Object.entries(rules.attributes)) {
    for (const element of document.querySelectorAll(selector)) {
      for (const [name, value] of Object.entries(attributes)) set(element, name, value);
    }
  }
  for (const [selector, controlled] of Object.entries(rules.expands)) {
    for (const button of document.querySelectorAll(selector)) {
      set(button, "aria-expanded", String(isShown(document.querySelector(controlled))));
    }
  }
  for (const link of document.querySelectorAll(rules.links)) {
    // Streamlit's link to the page at the root is empty, which a browser takes for the page that is shown.
    if (!link.getAttribute("href")) link.setAttribute("href", "./");
    if (link.pathname === location.pathname) set(link, "aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

let waiting;

export default function ({ data }) {
  const first = rules === null;
  rules = data;
  label();
  if (!first) return;
  const observer = new MutationObserver(() => {
    waiting ??= requestAnimationFrame(() => {
      waiting = undefined;
      label();
    });
  });
  observer.observe(document.body, { childList: true, subtree: true });
}
