// The kinds of panels; panel.js says what each module has.

import * as funnel from "./funnel.js";
import * as lifecycle from "./lifecycle.js";
import * as percentiles from "./percentiles.js";
import * as retention from "./retention.js";
import * as rows from "./rows.js";
import * as series from "./series.js";
import * as table from "./table.js";
import * as tiles from "./tiles.js";

const KINDS = { series, ratio: series, percentiles, table, tiles, funnel, retention, lifecycle };

/** Return what shows a panel of the layout; nothing for a kind that this page does not know. */
export function kindOf({ kind, granularity }) {
  return kind === "table" && granularity === "bucket" ? rows : KINDS[kind];
}
