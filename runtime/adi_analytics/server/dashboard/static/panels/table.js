// The largest values of a dimension with many, their measures, and how these changed.

import { h } from "../dom.js";
import * as locale from "../locale.js";
import { store } from "../state.js";
import { choice, nameOf } from "./lines.js";

export const size = "full";
const MOST = 500;
const FIRST = 10;

/** Return the ways to group, the usual first, each a list of dimensions: all, or one. */
function ways({ spec }) {
  const names = spec.dimensions.map((one) => one.name);
  const made = [...(names.length > 1 ? [["all", names]] : []), ...names.map((name) => [name, [name]])];
  const usual = made.find(([key]) => key === spec.by) ?? made[0];
  return [usual, ...made.filter((one) => one !== usual)];
}

const grouping = (panel) => new Map(ways(panel)).get(panel.choice("by", ways(panel).map(([key]) => key)));

function sorting(panel) {
  const names = panel.spec.measures.map((one) => one.name);
  return panel.choice("sort", [`-${names[0]}`, ...names.flatMap((name) => [`-${name}`, name, `-change.${name}`, `change.${name}`])]);
}

export function controls(panel) {
  const titles = new Map(panel.spec.dimensions.map((one) => [one.name, one.title]));
  const options = ways(panel).map(([key]) => [key, key === "all" ? "all together" : titles.get(key)]);
  return options.length > 1 ? [choice(panel, "By", "by", options)] : [];
}

export async function load(panel) {
  const dimensions = grouping(panel);
  const sort = sorting(panel);
  const first = panel.spec.measures[0].name;
  const order = sort.includes("change.") ? `-${first}` : sort;
  const body = await panel.ask([
    ["measures", panel.spec.measures.map((one) => one.name).join(",")], ["dimensions", dimensions.join(",")],
    ["order_by", order], ["limit", String(MOST)], ["totals", "false"], ...panel.question({ granularity: "total" }),
  ]);
  const known = new Set(body.columns.map((one) => one.name));
  const measures = panel.spec.measures.filter((one) => known.has(one.name));
  const compared = known.has(`previous_${first}`) || measures.some((one) => known.has(`previous_${one.name}`));
  const rows = sorted(body.rows.filter((row) => measures.some(({ name }) => row[name] || row[`previous_${name}`])), sort);
  if (body.next) panel.note(cut(order, sort, panel));
  return { rows, dimensions, measures, compared, sort };
}

/** Say which rows there are, when there are more. A change is known of these rows only. */
function cut(order, sort, panel) {
  const { title } = panel.spec.measures.find((one) => one.name === order.replace("-", ""));
  const kept = `Only the ${locale.count(MOST)} ${order.startsWith("-") ? "largest" : "smallest"} by ${title}`;
  return order === sort ? `${kept}.` : `${kept}, sorted by change.`;
}

function sorted(rows, sort) {
  const found = /^(-?)change\.(.+)$/.exec(sort);
  if (!found) return rows;
  const share = (row) => locale.change(row[found[2]], row[`previous_${found[2]}`])?.share ?? null;
  const sign = found[1] ? -1 : 1;
  const value = (row) => share(row) ?? sign * Infinity;
  return [...rows].sort((a, b) => sign * (value(a) - value(b)) || 0);
}

export function draw(host, found, panel) {
  const { kept } = panel;
  kept.all ??= false;
  const shown = kept.all ? found.rows : found.rows.slice(0, FIRST);
  const focused = document.activeElement?.dataset?.sort;
  const most = Math.max(...found.rows.map((row) => row[found.measures[0]?.name] ?? 0), 0);
  const table = h("table", { class: "top" }, h("caption", { class: "unseen" }, panel.spec.title),
    h("thead", {}, h("tr", {},
      found.dimensions.map((name) => h("th", { scope: "col" }, panel.spec.dimensions.find((one) => one.name === name).title)),
      found.measures.flatMap((one) => headers(one, found, panel)))),
    h("tbody", {}, shown.map((row) => line(row, found, most))));
  const more = found.rows.length > FIRST ? h("button", { type: "button", class: "link more", onclick: () => {
    kept.all = !kept.all;
    draw(host, found, panel);
    host.querySelector(".more")?.focus();
  } }, kept.all ? `Show ${FIRST}` : `Show all ${locale.count(found.rows.length)}`) : null;
  host.replaceChildren(h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": panel.spec.title },
    found.rows.length ? table : h("p", { class: "empty" }, "Nothing in this range.")), ...(more ? [more] : []));
  if (focused) host.querySelector(`[data-sort="${CSS.escape(focused)}"]`)?.focus();
}

function headers(measure, { compared, sort }, panel) {
  const header = (key, title, label) => {
    const direction = sort === `-${key}` ? "descending" : sort === key ? "ascending" : null;
    const next = sort === `-${key}` ? key : `-${key}`;
    return h("th", { scope: "col", class: label ? "number changed" : "number", "aria-sort": direction },
      h("button", { type: "button", "data-sort": key, "aria-label": label, title: label, onclick: () => panel.choose("sort", next, `-${panel.spec.measures[0].name}`) }, title));
  };
  return [header(measure.name, measure.title), ...(compared ? [header(`change.${measure.name}`, "±", `Change of ${measure.title}`)] : [])];
}

function line(row, { dimensions, measures, compared }, most) {
  return h("tr", {},
    dimensions.map((name, place) => h(place ? "td" : "th", { scope: place ? null : "row" },
      h("button", { type: "button", class: "link value", title: `Only ${nameOf(row[name])}`, onclick: () => store.filter(name, [row[name]]) }, nameOf(row[name])))),
    measures.flatMap((one, place) => {
      const value = row[one.name];
      const changed = locale.change(value, row[`previous_${one.name}`]);
      const bar = place === 0 && most > 0 && typeof value === "number" ? h("span", { class: "bar", vars: { "--share": String(value / most) } }) : null;
      return [
        h("td", { class: "number" }, bar, h("span", {}, locale.write(value, one))),
        ...(compared ? [h("td", { class: "number changed" }, changed ? changed.text : locale.NOTHING)] : []),
      ];
    }));
}
