// Numbers of the whole range, each with its change against the period before, and how it went.

import { h, icon, svg } from "../dom.js";
import * as locale from "../locale.js";
import * as time from "../time.js";
import { timeOf } from "./lines.js";

export const size = "full";

export async function load(panel) {
  const names = panel.spec.measures.map((one) => one.name).join(",");
  const single = panel.spec.granularity === "bucket"; // its measures have no value over several
  const body = await panel.ask([...(panel.source ? [["measures", names], ["totals", String(!single)]] : []), ...panel.question()]);
  const known = new Set(body.columns.map((column) => column.name));
  return panel.spec.measures.filter((one) => known.has(one.name)).map((one) => tile(one, body, panel.asked));
}

/** Return what a tile shows. A measure that has no right total shows its newest bucket that is over, or else the newest. */
function tile(measure, body, asked) {
  const { name } = measure;
  const values = body.rows.map((row) => row[name]);
  const before = `previous_${name}`;
  const total = body.totals?.[name];
  if (total !== null && total !== undefined) {
    return { measure, values, states: body.states, now: total, before: body.totals[before], state: body.state, when: "" };
  }
  const over = body.states.lastIndexOf("final");
  const row = body.rows[over < 0 ? body.rows.length - 1 : over];
  if (!row) return { measure, values, states: [], now: null, before: null, state: "final", when: "" };
  const when = locale.bucket(new Date(row[timeOf(body)]), asked.name, asked.zone);
  return { measure, values, states: body.states, now: row[name], before: row[before], state: over < 0 ? "provisional" : "final", when };
}

export function draw(host, found, panel) {
  host.replaceChildren(h("ul", { class: "tiles" }, found.map((one) => element(one, panel))));
}

function element({ measure, values, states, now, before, state, when }, panel) {
  const changed = locale.change(now, before);
  const compared = panel.state.compare !== "none";
  return h("li", { class: "tile" },
    single(panel) && measure.title === panel.spec.title ? null : h("span", { class: "tile-title" }, measure.title),
    h("span", { class: "tile-value" }, locale.write(now, measure)),
    compared && before !== undefined ? h("span", { class: "tile-change" },
      changed ? [icon(changed.share > 0 ? "up" : changed.share < 0 ? "down" : "same"), changed.text] : null,
      h("span", { class: "tile-before" }, ` ${changed ? "from" : "before:"} ${locale.write(before, measure)}`)) : null,
    when || state === "incomplete" ? h("span", { class: "tile-note" }, [when, state === "incomplete" ? state : ""].filter(Boolean).join(", ")) : null,
    sparkline(values, states));
}

const single = (panel) => panel.spec.measures.length === 1;

const [WIDE, HIGH] = [120, 28];

/** Make a small line of values; what is not over is dashed. */
function sparkline(values, states) {
  const numbers = values.filter((value) => typeof value === "number");
  if (numbers.length < 2) return null;
  const top = Math.max(...numbers, 0);
  const low = Math.min(...numbers, 0);
  const place = (value, at) => `${((at / (values.length - 1)) * WIDE).toFixed(1)},${(HIGH - 2 - ((value - low) / (top - low || 1)) * (HIGH - 4)).toFixed(1)}`;
  const points = values.map((value, at) => (typeof value === "number" ? place(value, at) : null));
  const over = states.findLastIndex((state) => state !== "provisional");
  const line = (from, to, dashed) => svg("polyline", { points: points.slice(from, to).filter(Boolean).join(" "), class: dashed ? "open" : null });
  return svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, class: "spark", preserveAspectRatio: "none", "aria-hidden": "true" },
    line(0, over + 1, false), over < points.length - 1 ? line(Math.max(0, over), points.length, true) : null);
}

export function table(found, panel) {
  const title = time.rangeName(panel.state.range, panel.zone, locale.day);
  const compared = panel.state.compare !== "none";
  const write = (value) => value;
  return {
    columns: [{ title: "Measure", write }, { title, write, measure: {} }, ...(compared ? [{ title: "Before", write, measure: {} }] : [])],
    rows: found.map(({ measure, now, before }) => [measure.title, locale.write(now, measure), ...(compared ? [locale.write(before, measure)] : [])]),
    states: found.map((one) => one.state),
  };
}
