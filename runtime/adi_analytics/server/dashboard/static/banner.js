// The quiet line above the numbers: how fresh they are, and what of the events is not as the catalog says.

import { ask } from "./api.js";
import { h } from "./dom.js";
import * as locale from "./locale.js";

/** Make the line; returns its element and what brings it up to date. */
export function banner(page) {
  const fresh = h("span", { class: "fresh" });
  const drift = h("details", { class: "drift", hidden: true }, h("summary", {}));
  const lost = h("p", { class: "offline", role: "status", hidden: true });
  const element = h("div", { class: "banner" }, h("p", { class: "fresh-line" }, fresh), drift, lost);

  function update() {
    const { watermark, at, open } = page.freshness;
    const stored = watermark ? ` Stored up to ${locale.moment(watermark, page.shownZone)}; newer events are counted as they come.` : "";
    const grows = open ? " The range is not over: its last numbers still grow." : "";
    fresh.textContent = at ? `As of ${locale.moment(at, page.shownZone)}.${stored}${grows}` : "";
  }

  function offline(since) {
    lost.hidden = since === null;
    lost.textContent = since === null ? "" : `The service can't be reached. What you see is of ${locale.moment(since, page.shownZone)}.`;
  }

  /** Look at the events; returns the answer, or `null`. */
  async function look() {
    const { body } = await ask("events", [["days", "7"]]).catch(() => ({ body: null }));
    if (!body) return null;
    const lines = findings(body);
    drift.hidden = lines.length === 0;
    drift.replaceChildren(h("summary", {}, lines.length === 1 ? "1 note on the events" : `${lines.length} notes on the events`),
      h("ul", {}, lines.map((line) => h("li", {}, line))));
    return body;
  }

  return { element, update, offline, look };
}

function findings({ events, unknown, dead_letters: letters }) {
  const several = (number, one, many) => `${locale.count(number)} ${number === 1 ? one : many}`;
  return [
    ...events.filter((one) => one.misfits).map((one) =>
      `${one.name}: of the newest ${several(one.checked, "row", "rows")}, ${locale.count(one.misfits)} ${one.misfits === 1 ? "is" : "are"} not what the catalog says.`),
    ...unknown.map((one) => `${one.name}: ${several(one.rows, "row", "rows")} of a type that the catalog does not have.`),
    ...letters.map((one) => `${one.event_type}: ${several(one.letters, "event", "events")} could not be stored (${one.reason}).`),
  ];
}
