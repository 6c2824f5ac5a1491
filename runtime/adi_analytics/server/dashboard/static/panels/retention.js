// Retention: a row for each cohort, a cell for each period, darker where more came back; above them the weighted mean.

import { h } from "../dom.js";
import * as locale from "../locale.js";
import { noteWithheld } from "./people.js";

export const size = "full";
const RATE = { format: "percent" };

export async function load(panel) {
  const question = panel.question();
  const mean = question.map(([name, value]) => (name === "show" ? [name, "mean"] : [name, value]));
  const [body, means] = await Promise.all([panel.ask(question), panel.ask(mean, { main: false })]);
  const { bucket } = panel.spec;
  const cohorts = new Map();
  body.rows.forEach((row, place) => {
    if (!cohorts.has(row[bucket])) cohorts.set(row[bucket], { at: row[bucket], members: row.members, cells: [] });
    cohorts.get(row[bucket]).cells[row.period] = { ...row, state: body.states[place] };
  });
  const listed = [...cohorts.values()].reverse(); // the newest first
  const periods = Math.max(0, ...listed.map((one) => one.cells.length));
  const average = [];
  for (const row of means.rows) average[row.period] = row;
  if (body.rows.some((row) => !row.complete)) panel.note("Dashed: the period is not over. The mean is of complete cells only, weighted by members.");
  noteWithheld(panel, body.rows, ["members", "returned"]);
  return { body, cohorts: listed, average, periods };
}

export function draw(host, { cohorts, average, periods }, panel) {
  if (cohorts.length === 0) {
    host.replaceChildren(h("p", { class: "empty" }, "Nobody started in this range."));
    return;
  }
  const { name, zone } = panel.asked;
  const numbers = Array.from({ length: periods }, (_, period) => period);
  const scroll = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": panel.spec.title },
    h("table", { class: "cohorts", vars: { "--periods": String(periods) } }, h("caption", { class: "unseen" }, `${panel.spec.title}: share of each cohort that came back, by ${name}s after the start`),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Cohort"), h("th", { scope: "col", class: "number" }, "Members"),
        numbers.map((period) => h("th", { scope: "col", class: "number" }, h("span", { class: "unseen" }, `${name} `), String(period))))),
      h("tbody", {},
        h("tr", { class: "mean" }, h("th", { scope: "row" }, "Weighted mean"), h("td", { class: "number" }, locale.NOTHING),
          numbers.map((period) => cell(average[period] && { ...average[period], complete: true }))),
        cohorts.map((one) => h("tr", {},
          h("th", { scope: "row" }, locale.bucket(new Date(one.at), name, zone)),
          h("td", { class: "number" }, locale.write(one.members, {})),
          numbers.map((period) => cell(one.cells[period])))))));
  const before = host.querySelector(".scroll")?.scrollLeft ?? 0;
  host.replaceChildren(scroll);
  scroll.scrollLeft = before;
}

function cell(row) {
  if (!row) return h("td", { class: "cell none" });
  const state = row.state === "incomplete" ? "incomplete" : row.complete ? "" : "provisional";
  return h("td", { class: ["cell", "number", state].filter(Boolean).join(" "), vars: { "--share": String(row.rate ?? 0) },
    title: row.returned === null ? null : `${locale.count(row.returned)} of ${locale.count(row.members)}` },
  locale.write(row.rate, RATE), state ? h("span", { class: "unseen" }, ` ${state}`) : null);
}

/** Return the cells one by one, with their counts. */
export function table({ body }, panel) {
  const { bucket, measures } = panel.spec;
  const { name, zone } = panel.asked;
  const columns = [
    { title: "Cohort", write: (text) => locale.bucket(new Date(text), name, zone) },
    { title: "Period", measure: {} },
    ...measures.map((one) => ({ title: one.title, measure: one })),
  ];
  return { columns, rows: body.rows.map((row) => [row[bucket], row.period, ...measures.map((one) => row[one.name])]), states: body.states };
}
