/** The next rows of several tables together, in order, up to a limit: whoever reads slowly holds no more than that. */
import type { Row } from "./row.ts";

/** How much is read ahead: so many rows, and bytes of bodies; one row at least. */
export interface Most {
  rows: number;
  bytes: number;
}

/** A row, and the collection that it is of. */
export type PlacedRow = Row & { collection: string };

/** `more`: there may be others behind them; then there is one here. */
export interface NextRows {
  rows: PlacedRow[];
  more: boolean;
}

/** The first ones of some rows. */
export function firstOf(rows: Iterable<PlacedRow>, most: Most): NextRows {
  const taken: PlacedRow[] = [];
  let bytes = 0;
  for (const row of rows) {
    bytes += row.body?.length ?? 0;
    if (taken.length > 0 && (taken.length >= most.rows || bytes > most.bytes)) return { rows: taken, more: true };
    taken.push(row);
  }
  return { rows: taken, more: false };
}

/** The first ones of all tables, of the first ones of each. */
export function merged(tables: readonly NextRows[], most: Most): NextRows {
  // Behind the last row of a table that has more, the next one may be of that table.
  const end = Math.min(...tables.map(({ rows, more }) => (more ? (rows.at(-1)?.revision ?? 0) : Number.POSITIVE_INFINITY)));
  const known = tables.flatMap(({ rows }) => rows).filter(({ revision }) => revision <= end);
  const { rows, more } = firstOf(
    known.sort((a, b) => a.revision - b.revision),
    most,
  );
  return { rows, more: more || end < Number.POSITIVE_INFINITY };
}
