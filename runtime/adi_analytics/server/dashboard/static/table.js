// Plain tables of values.

import { h } from "./dom.js";
import * as locale from "./locale.js";

/** Make a table: `columns` have `title`, `measure` or nothing; `rows` hold values; `states` say how final a row is. */
export function dataTable(caption, { columns, rows, states = [] }) {
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Table of ${caption}` },
    h("table", {}, h("caption", { class: "unseen" }, caption),
      h("thead", {}, h("tr", {}, columns.map((one) => h("th", { scope: "col", class: one.measure ? "number" : null }, one.title)))),
      h("tbody", {}, rows.map((row, place) => line(columns, row, states[place])))));
}

function line(columns, row, state) {
  const mark = state && state !== "final" ? h("span", { class: "state" }, state) : null;
  return h("tr", {}, row.map((value, place) => {
    const { measure, write } = columns[place];
    const text = write ? write(value) : locale.write(value, measure ?? {});
    const exact = typeof value === "number" && !write ? String(value) : null; // what is written may be rounded
    return place === 0
      ? h("th", { scope: "row" }, text, mark)
      : h("td", { class: measure ? "number" : null, title: exact }, text);
  }));
}
