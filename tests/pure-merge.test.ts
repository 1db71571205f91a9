// Goal: a three-way merge loses nothing: what either side changed is in the result, or the merge says that it can't. Method: documents made
// by fast-check, with names that break careless code (`__proto__`, `/`, `~`); the edit goes through JSON, as it does on the wire.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import type { Doc } from "../schemas/document.ts";
import { diff, merge } from "../schemas/merge.ts";
import type { FieldChange } from "../schemas/types.ts";

const NAMES = ["a", "b", "c", "", "/", "~", "a/b", "~1", "~0", "a~1b", "__proto__", "constructor", "toString", "0", "é", "a.b"];

/** Few names and few values, so that two documents often meet in the same place. */
const made = fc.letrec<{ value: unknown; object: Doc }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom<unknown>(null, true, false, 0, 1, "", "x", [], [1], [{ a: 1 }], {}),
    tie("object"),
  ),
  object: fc
    .uniqueArray(fc.tuple(fc.constantFrom(...NAMES), tie("value")), { maxLength: 5, selector: ([name]) => name })
    .map((entries) => Object.fromEntries(entries)),
}));
const throughJson = <T>(given: T): T => JSON.parse(JSON.stringify(given)) as T;
/** As they come from the wire: no two places share an object. */
const value = made.value.map(throughJson);
const doc = value.filter((one): one is Doc => typeof one === "object" && one !== null && !Array.isArray(one));
const edit = (base: Doc, next: Doc) => throughJson(diff(base, next));

/** What is at a JSON pointer, as it is there or absent. */
function at(holder: unknown, path: string): { there: boolean; value?: unknown } {
  let here = holder;
  for (const step of path.split("/").slice(1)) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, name)) return { there: false };
    here = (here as Doc)[name];
  }
  return { there: true, value: here };
}

const wanted = (change: FieldChange) => (Object.hasOwn(change, "new") ? { there: true, value: change.new } : { there: false });

describe("the merge by field", () => {
  it("makes the edited document when nobody else has changed anything", () => {
    fc.assert(
      fc.property(doc, doc, (base, next) => {
        const merged = merge(base, edit(base, next));
        assert.deepEqual(merged, { doc: next, conflicts: [] });
      }),
      { numRuns: 2000 },
    );
  });

  it("finds no change between equal documents, and touches neither of its arguments", () => {
    fc.assert(
      fc.property(doc, doc, (base, next) => {
        const before = [JSON.stringify(base), JSON.stringify(next)];
        assert.deepEqual(diff(base, throughJson(base)), []);
        merge(base, diff(base, next));
        assert.deepEqual([JSON.stringify(base), JSON.stringify(next)], before);
      }),
    );
  });

  it("keeps every change of both sides, or says that it can't", () => {
    let clean = 0;
    let conflicting = 0;
    fc.assert(
      fc.property(doc, doc, doc, (base, mine, theirs) => {
        const [ours, others] = [edit(base, mine), edit(base, theirs)];
        const merged = merge(theirs, ours);
        if (merged.conflicts.length > 0) conflicting++;
        else {
          clean++;
          for (const change of [...ours, ...others]) assert.deepEqual(at(merged.doc, change.path), wanted(change), change.path);
        }
        // Who comes first makes no difference.
        const other = merge(mine, others);
        assert.equal(merged.conflicts.length > 0, other.conflicts.length > 0);
        if (merged.conflicts.length === 0) assert.ok(isDeepStrictEqual(merged.doc, other.doc));
      }),
      { numRuns: 5000 },
    );
    assert.ok(clean > 100 && conflicting > 100, `${clean} merged, ${conflicting} in conflict`);
  });

  it("lets edits of different fields both survive", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 2, maxLength: 2 }),
        value,
        value,
        value,
        (names, ...values) => {
          const [one, two] = names as [string, string];
          const [was, mine, theirs] = values;
          const base = throughJson(
            Object.fromEntries([
              [one, was],
              [two, was],
            ]),
          ) as Doc;
          const set = (name: string, to: unknown) =>
            Object.fromEntries([...Object.entries(base).filter(([key]) => key !== name), [name, to]]);
          const { doc: both, conflicts } = merge(set(two, theirs), edit(base, set(one, mine)));
          assert.deepEqual(conflicts, []);
          assert.deepEqual([at(both, pointer(one)).value, at(both, pointer(two)).value], [mine, theirs]);
          assert.equal(Object.getPrototypeOf(both), Object.prototype);
        },
      ),
    );
  });

  it("names the place that both sides have changed differently", () => {
    fc.assert(
      fc.property(fc.constantFrom(...NAMES), fc.integer(), fc.integer(), fc.integer(), (name, was, mine, theirs) => {
        fc.pre(was !== mine && was !== theirs && mine !== theirs);
        const of = (held: number) => ({ deep: Object.fromEntries([[name, held]]) });
        const { conflicts } = merge(of(theirs), edit(of(was), of(mine)));
        assert.deepEqual(conflicts, [`/deep${pointer(name)}`]);
      }),
    );
  });

  it("conflicts when one side takes away what the other has changed", () => {
    const base = { a: { x: 1, y: 1 }, b: 1 };
    const changed = { a: { x: 2, y: 1 }, b: 1 };
    const without = { b: 1 };
    assert.deepEqual(merge(changed, edit(base, without)).conflicts, ["/a"]);
    assert.deepEqual(merge(without, edit(base, changed)).conflicts, ["/a/x"]);
    assert.deepEqual(merge({ a: 5, b: 1 }, edit(base, changed)).conflicts, ["/a/x"]);
    assert.deepEqual(merge(without, edit(base, without)), { doc: without, conflicts: [] });
  });

  it("takes any list of changes without leaving the document", () => {
    const path = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom(...NAMES)).map((steps) => steps.map(pointer).join("")),
    );
    const change = fc.record({ path, old: value, new: value }, { requiredKeys: ["path"] });
    fc.assert(
      fc.property(doc, fc.array(change, { maxLength: 5 }), (current, changes) => {
        merge(current, changes);
        assert.equal(Object.hasOwn(Object.prototype, "a"), false);
        assert.equal(({} as Doc).x, undefined);
      }),
      { numRuns: 2000 },
    );
  });
});

function pointer(name: string): string {
  return `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
