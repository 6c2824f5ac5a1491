// The reader's choices that count for the whole page: range, length of buckets, time zone, comparison, filters.

import { ask } from "./api.js";
import { h, uniqueId } from "./dom.js";
import * as locale from "./locale.js";
import { nameOf } from "./panels/lines.js";
import { store } from "./state.js";
import * as time from "./time.js";

const COMPARISONS = [["previous_period", "Period before"], ["previous_year", "Year before"], ["none", "Nothing"]];
const OWN = "own";

/** Make the bar; `page` has `zone` and `aggregates`. Returns the element and what brings it up to date. */
export function controls(page) {
  const range = picker("Range", [...time.RANGES, [OWN, "Own range…"]], (value) => (value === OWN ? own.open() : store.set({ range: value })));
  const by = picker("By", time.LENGTHS, (value) => store.set({ by: value }));
  const compare = picker("Compare with", COMPARISONS, (value) => store.set({ compare: value }));
  const zone = zones(page);
  const own = ownRange(page);
  const filters = filterBar(page);
  const element = h("div", { class: "controls" },
    h("div", { class: "controls-row" }, range.element, own.element, by.element, compare.element, zone.element, filters.add), filters.form, filters.chips);
  const update = () => {
    const { state } = store;
    const isOwn = !time.RANGES.some(([name]) => name === state.range);
    range.set(isOwn ? OWN : state.range);
    own.update(isOwn);
    by.set(state.by);
    compare.set(state.compare);
    zone.set(state.zone || page.zone);
    filters.update();
  };
  update();
  return { element, update };
}

function picker(label, options, changed) {
  const select = h("select", { onchange: () => changed(select.value) }, options.map(([value, title]) => h("option", { value }, title)));
  return { element: h("label", { class: "field" }, h("span", {}, label), select), set: (value) => { select.value = value; } };
}

function ownRange(page) {
  const from = h("input", { type: "date", "aria-label": "First day" });
  const to = h("input", { type: "date", "aria-label": "Last day" });
  const element = h("form", { class: "own-range", hidden: true, onsubmit: (event) => {
    event.preventDefault();
    if (from.value && to.value) store.set({ range: [from.value, to.value].sort().join(",") });
  } }, from, h("span", { "aria-hidden": "true" }, "–"), to, h("button", { type: "submit" }, "Show"));
  const take = () => {
    const days = time.days(store.state.range, store.state.zone || page.zone);
    if (days) [from.value, to.value] = days;
  };
  return {
    element,
    open: () => {
      take();
      element.hidden = false;
      from.focus();
    },
    update: (shown) => {
      element.hidden = !shown;
      if (shown) take();
    },
  };
}

function zones(page) {
  const id = uniqueId("zones");
  const known = [...new Set([page.zone, time.OWN_ZONE, "UTC", ...(Intl.supportedValuesOf?.("timeZone") ?? [])])];
  const input = h("input", { list: id, autocomplete: "off", spellcheck: "false", size: 14, onchange: () => {
    const name = input.value.trim() || page.zone;
    input.setCustomValidity(time.isZone(name) ? "" : "There is no such time zone. Expected a name such as Europe/Berlin.");
    if (input.reportValidity()) store.set({ zone: name === page.zone ? "" : name });
  }, onfocus: () => input.select() });
  const element = h("label", { class: "field" }, h("span", {}, "Time zone"), input, h("datalist", { id }, known.map((value) => h("option", { value }))));
  return { element, set: (value) => { input.value = value; } };
}

function filterBar(page) {
  const dimensions = [...new Map([...page.aggregates.values()].flatMap((one) => one.dimensions.map((dimension) => [dimension.name, one])))];
  const id = uniqueId("values");
  const form = uniqueId("filter");
  const options = h("datalist", { id });
  const dimension = h("select", { onchange: () => suggest() }, dimensions.map(([name]) => h("option", { value: name }, locale.words(name))));
  const value = h("input", { list: id, autocomplete: "off", spellcheck: "false", required: true });
  const add = h("button", { type: "button", class: "add-filter", "aria-expanded": "false", "aria-controls": form, onclick: () => show(element.hidden) }, "Filter");
  const element = h("form", { id: form, class: "filter-form", hidden: true, onsubmit: (event) => {
    event.preventDefault();
    const before = store.state.filters.get(dimension.value) ?? [];
    store.filter(dimension.value, [...new Set([...before, value.value])]);
    value.value = "";
    show(false);
    add.focus();
  }, onkeydown: (event) => {
    if (event.key !== "Escape") return;
    show(false);
    add.focus();
  } },
  h("label", { class: "field" }, h("span", {}, "Only where"), dimension), h("label", { class: "field" }, h("span", {}, "is"), value), options,
  h("button", { type: "submit" }, "Add"));
  const chips = h("ul", { class: "chips", "aria-label": "Filters" });
  if (dimensions.length === 0) add.hidden = true;

  function show(shown) {
    element.hidden = !shown;
    add.setAttribute("aria-expanded", String(shown));
    if (!shown) return;
    dimension.focus();
    suggest();
  }

  async function suggest() {
    const [name, aggregate] = dimensions.find(([one]) => one === dimension.value);
    const measure = aggregate.measures.find((one) => one.kind === "count") ?? aggregate.measures[0];
    const asked = time.asked(aggregate.bucket, { ...store.state, zone: store.state.zone || page.zone });
    options.replaceChildren();
    const { body } = await ask(`aggregates/${aggregate.name}`, [["measures", measure.name], ["dimensions", name], ["granularity", "total"], ["totals", "false"],
      ["between", time.between(store.state.range, asked.zone)], ["order_by", `-${measure.name}`], ["limit", "200"]]).catch(() => ({ body: { rows: [] } }));
    options.replaceChildren(...body.rows.map((row) => row[name]).filter((one) => one !== null).map((one) => h("option", { value: String(one) })));
  }

  return { add, form: element, chips, update: () => chips.replaceChildren(...[...store.state.filters].flatMap(([name, values]) => values.map((one) => chip(name, one, values)))) };
}

function chip(name, value, values) {
  const missing = name.endsWith(".exists");
  const dimension = name.replace(/\.exists$/, "");
  const text = `${locale.words(dimension)}: ${missing ? nameOf(null) : nameOf(value)}`;
  const remove = () => store.filter(dimension, missing ? [] : values.filter((one) => one !== value));
  return h("li", {}, h("button", { type: "button", class: "chip", "aria-label": `Remove the filter ${text}`, onclick: remove }, text, h("span", { "aria-hidden": "true" }, "×")));
}
