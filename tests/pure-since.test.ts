// Goal: the next rows of several tables together are told in order, each once, whatever the limits. Method: a property over random tables and limits,
// read to the end as a reader of changes does.
import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { firstOf, merged, type PlacedRow } from "../bus/replica/since.ts";

const limits = fc.record({ rows: fc.integer({ min: 1, max: 5 }), bytes: fc.integer({ min: 0, max: 40 }) });
const sizes = fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.integer({ min: 0, max: 20 })), { maxLength: 40 });

it("the next rows of several tables come in order, each once, no more at once than is asked for", () => {
  fc.assert(
    fc.property(sizes, limits, (all, most) => {
      const rows = all.map(([collection, size], n): PlacedRow => {
        const body = size === 0 ? null : "x".repeat(size);
        return { collection, id: `${n}`, revision: n + 1, deleted: body === null, headers: "", body };
      });
      const found: number[] = [];
      for (let more = true; more; ) {
        const after = found.at(-1) ?? 0;
        const table = (name: string) => rows.filter(({ collection, revision }) => collection === name && revision > after);
        const next = merged(
          ["a", "b", "c"].map((name) => firstOf(table(name), most)),
          most,
        );
        const bytes = next.rows.reduce((sum, { body }) => sum + (body?.length ?? 0), 0);
        assert.ok(next.rows.length <= most.rows && (next.rows.length === 1 || bytes <= most.bytes));
        assert.ok(next.rows.length > 0 || !next.more);
        found.push(...next.rows.map(({ revision }) => revision));
        more = next.more;
      }
      assert.deepEqual(
        found,
        rows.map(({ revision }) => revision),
      );
    }),
  );
});
