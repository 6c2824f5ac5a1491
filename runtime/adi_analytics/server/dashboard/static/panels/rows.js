// Stored rows, the newest first: for measures that have a value for each of these alone.

import { h } from "../dom.js";
import * as locale from "../locale.js";
import { dataTable } from "../table.js";
import { timeOf } from "./lines.js";

export const size = "full";
const MOST = 200;

export async function load(panel) {
  const { measures, dimensions, bucket } = panel.spec;
  const names = (entries) => entries.map((one) => one.name).join(",");
  const body = await panel.ask([["measures", names(measures)], ["dimensions", names(dimensions) || null], ["order_by", `-${bucket}`],
    ["limit", String(MOST)], ["totals", "false"], ["fill", "false"], ...panel.question({ compare: "none" })]);
  if (body.next) panel.note(`The newest ${locale.count(MOST)}.`);
  return body;
}

export function draw(host, body, panel) {
  const { measures, dimensions } = panel.spec;
  const { name, zone } = panel.asked;
  const at = timeOf(body);
  const columns = [{ title: locale.words(at), write: (text) => locale.bucket(new Date(text), name, zone) },
    ...dimensions.map((one) => ({ title: one.title })), ...measures.map((one) => ({ title: one.title, measure: one }))];
  const rows = body.rows.map((row) => [row[at], ...dimensions.map((one) => row[one.name]), ...measures.map((one) => row[one.name])]);
  host.replaceChildren(rows.length ? dataTable(panel.spec.title, { columns, rows, states: body.states }) : h("p", { class: "empty" }, "Nothing in this range."));
}
