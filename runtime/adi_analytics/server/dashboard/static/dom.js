// Elements are made here: from names, attributes and texts, and never from HTML.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element. Attributes: `on*` are listeners, `vars` are CSS properties, `true` is an attribute without value,
 * and `null`, `undefined` and `false` are left out. Children are elements, texts, or lists of these.
 */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Make an element of SVG, as `h` does. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "vars") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

let number = 0;

/** Return an id that nothing else on the page has. */
export function uniqueId(prefix) {
  number += 1;
  return `${prefix}-${number}`;
}

/** Put a text into the page's live region, which screen readers speak. */
export function say(text) {
  const region = document.getElementById("said");
  if (region && region.textContent !== text) region.textContent = text;
}

const ICONS = {
  close: ["M4 4l8 8M12 4l-8 8"],
  refresh: ["M13 8a5 5 0 1 1-1.5-3.6", "M13 2v3h-3"],
  theme: ["M13 9.6A5.6 5.6 0 1 1 6.4 3a4.6 4.6 0 0 0 6.6 6.6z"],
  info: ["M8 7.2v4", "M8 4.8v.2", "M8 1.8a6.2 6.2 0 1 0 0 12.4a6.2 6.2 0 1 0 0-12.4"],
  up: ["M8 12.5v-9M4.5 7L8 3.5 11.5 7"],
  down: ["M8 3.5v9M4.5 9L8 12.5 11.5 9"],
  same: ["M3.5 8h9"],
};

/** Make an icon, which says nothing to a screen reader. */
export function icon(name) {
  const lines = ICONS[name].map((d) => svg("path", { d }));
  return svg("svg", { viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true", focusable: "false" }, lines);
}
