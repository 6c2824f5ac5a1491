// What the panels with lines share: from an answer's rows to lines, their legend, and the table below.

import { Chart, openSample, sample } from "../chart.js";
import { h, say } from "../dom.js";
import * as locale from "../locale.js";
import { store } from "../state.js";

/** Return the time column of an answer. */
export const timeOf = (body) => body.columns.find((one) => one.role === "bucket")?.name;

/** Return lines, one for each measure of an answer without dimensions. */
export function byMeasure(body, measures) {
  const at = timeOf(body);
  const known = new Set(body.columns.map((one) => one.name));
  const shown = measures.filter((one) => known.has(one.name));
  const series = shown.map((one) => ({ name: one.title, measure: one, values: body.rows.map((row) => row[one.name]) }));
  if (shown.length === 1 && known.has(`previous_${shown[0].name}`)) {
    const values = body.rows.map((row) => row[`previous_${shown[0].name}`]);
    series.push({ name: body.query.compare === "previous_year" ? "A year before" : "Period before", measure: shown[0], before: true, values });
  }
  return { times: body.rows.map((row) => Date.parse(row[at]) / 1000), states: body.states, series };
}

/** Return lines, one for each value of a dimension, in the given order of values. */
export function byValue(body, measure, dimension, values) {
  const at = timeOf(body);
  const places = new Map();
  const states = [];
  body.rows.forEach((row, index) => {
    if (!places.has(row[at])) {
      places.set(row[at], places.size);
      states.push(body.states[index]);
    }
  });
  const series = values.map((value) => ({ name: nameOf(value), value, measure, values: new Array(places.size).fill(null) }));
  const known = new Map(series.map((one) => [String(one.value), one]));
  for (const row of body.rows) {
    const one = known.get(String(row[dimension]));
    if (one) one.values[places.get(row[at])] = row[measure.name];
  }
  return { times: [...places.keys()].map((text) => Date.parse(text) / 1000), states, series };
}

/** Return the name of a dimension's value. */
export const nameOf = (value) => (value === null ? "(none)" : value === "" ? "(empty)" : String(value));

/** How many values are named that a panel has no room for. */
export const NAMED = 8;

/** Name the values that a panel has no room for; `more` when there are others still. Without any there is no text. */
export function notDrawn(values, more = values.length > NAMED) {
  if (values.length === 0) return "";
  return `Not drawn: ${values.slice(0, NAMED).map(nameOf).join(", ")}${more ? " and others" : ""}.`;
}

/** Draw lines into a panel. */
export function draw(host, lines, panel, { band = null, rest = "" } = {}) {
  const { kept } = panel;
  if (!kept.chart) {
    kept.legend = h("ul", { class: "legend" });
    kept.rest = h("p", { class: "rest" });
    kept.chart = new Chart(host);
    host.append(kept.legend, kept.rest);
    kept.chart.frame.setAttribute("aria-details", panel.details.id);
  }
  const { name, zone } = panel.asked;
  const given = { ...lines, label: panel.spec.title, granularity: name, zone, measure: lines.series[0]?.measure ?? {}, band,
    onSelect: (from, to) => select(from, to, name, zone) };
  kept.chart.show(given);
  kept.rest.textContent = rest;
  const open = lines.states.at(-1) === "provisional";
  const key = JSON.stringify([open, lines.series.map((one) => one.name)]);
  if (key === kept.names) return;
  kept.names = key;
  const entries = lines.series.length > 1 ? lines.series.map((one, place) => entry(kept.chart, one, place)) : [];
  kept.legend.replaceChildren(...entries, ...(open ? [h("li", { class: "key" }, openSample(), "not over yet")] : []));
}

function entry(chart, series, place) {
  const button = h("button", { type: "button", "aria-pressed": "true", onclick: () => {
    const shown = chart.toggle(place);
    button.setAttribute("aria-pressed", String(shown));
    say(`${series.name} ${shown ? "shown" : "hidden"}`);
  } }, sample(series, place), series.name);
  return h("li", {}, button);
}

/** Let the range be what was selected with the pointer. */
function select(from, to, name, zone) {
  const moment = (seconds) => new Date(Math.round(seconds / 60) * 60_000).toISOString().replace(".000", "");
  const day = (seconds) => new Intl.DateTimeFormat("en-CA", { timeZone: zone, dateStyle: "short" }).format(new Date(seconds * 1000));
  const hours = !["day", "week", "month"].includes(name);
  store.set({ range: hours ? `${moment(from)},${moment(to)}` : `${day(from)},${day(to)}` });
}

/** Return the lines as a table. */
export function table(lines, panel) {
  const { name, zone } = panel.asked;
  const columns = [
    { title: locale.words(name), write: (seconds) => locale.bucket(new Date(seconds * 1000), name, zone) },
    ...lines.series.map((one) => ({ title: one.name, measure: one.measure })),
  ];
  const rows = lines.times.map((at, place) => [at, ...lines.series.map((one) => one.values[place])]);
  return { columns, rows, states: lines.states };
}

/** Make a choice of a panel. */
export function choice(panel, label, key, options) {
  const usual = options[0][0];
  const chosen = panel.choice(key, options.map(([value]) => value));
  const select = h("select", { onchange: () => panel.choose(key, select.value, usual) },
    options.map(([value, title]) => h("option", { value, selected: value === chosen }, title)));
  return h("label", { class: "choice" }, h("span", {}, label), select);
}
