// What the panels about people share.

/** Say in a panel that its answer leaves out counts of few members, if a column of a row is withheld; `also` adds to it. */
export function noteWithheld(panel, rows, columns, also = "") {
  if (rows.some((row) => columns.some((name) => row[name] === null))) panel.note(`Counts of few members are not shown${also}.`);
}
