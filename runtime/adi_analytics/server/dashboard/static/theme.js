// Light or dark: as the system has it, or as the reader chose; paper is light. Charts are drawn again when it changes.

const KEY = "adi-analytics-theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const paper = matchMedia("print");
const listeners = new Set();

function chosen() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // no storage in this browser
  }
}

function apply(theme) {
  document.documentElement.dataset.theme = paper.matches ? "light" : theme ?? (system.matches ? "dark" : "light");
  for (const listener of listeners) listener();
}

/** Whether the page is dark. */
export const isDark = () => document.documentElement.dataset.theme === "dark";

/** Change to the other theme, and remember it. */
export function toggle() {
  const theme = isDark() ? "light" : "dark";
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // It counts until the page is left.
  }
  apply(theme);
}

/** Call `listener` after each change, and when the page goes to paper and back; returns what ends that. */
export function onTheme(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Return the value of a CSS property of the page, such as `--ink`. */
export const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

for (const query of [system, paper]) query.addEventListener("change", () => apply(chosen()));
apply(chosen());
