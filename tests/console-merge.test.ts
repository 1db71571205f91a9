// Goal: an edit that is brought onto another one's loses nothing of either, and hides no clash. Method: the console's own functions on examples, and on random
// documents against what must hold for any.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { isChanged, named, rebase, valueAt, withValue } from "../apps/console/edit/three-way.ts";
import type { Doc } from "../schemas/document.ts";

const panel = (id: string, title: string) => ({ id, title });

describe("an edit brought onto another one", () => {
  it("has both when they touch different fields, and tells what it took over", () => {
    const base = { name: "a", labels: ["x"], data: { panels: [panel("1", "one"), panel("2", "two")] }, updatedAt: "1" };
    const mine = { ...base, name: "mine", data: { panels: [panel("1", "mine"), panel("2", "two")] } };
    const theirs = { ...base, labels: ["y"], data: { panels: [panel("1", "one"), panel("2", "theirs")] }, updatedAt: "2" };
    const { doc, clashes, adopted } = rebase(base, mine, theirs);
    assert.deepEqual(clashes, []);
    assert.deepEqual(doc, {
      name: "mine",
      labels: ["y"],
      data: { panels: [panel("1", "mine"), panel("2", "theirs")] },
      updatedAt: "2",
    });
    assert.deepEqual(
      adopted.map((path) => named(doc, path)),
      ["labels", "data › panels › “theirs” › title"],
    );
  });

  it("keeps mine in sight where both changed the same, and names all three values", () => {
    const base = { name: "a", description: "b" };
    const { doc, clashes, adopted } = rebase(base, { name: "mine", description: "b" }, { name: "theirs", description: "new" });
    assert.deepEqual(doc, { name: "mine", description: "new" });
    assert.deepEqual(clashes, [{ path: "/name", base: "a", theirs: "theirs" }]);
    assert.deepEqual(adopted, ["/description"]);
    assert.deepEqual(withValue(doc, "/name", "theirs"), { name: "theirs", description: "new" });
  });

  it("asks about a whole panel when one side took it away", () => {
    const base = { data: { panels: [panel("1", "one")] } };
    const edited = { data: { panels: [panel("1", "changed")] } };
    const without = { data: { panels: [] } };
    const path = "/data/panels/~:1";
    const gone = rebase(base, edited, without);
    assert.deepEqual(gone.clashes, [{ path, base: panel("1", "one"), theirs: undefined }]);
    assert.deepEqual(gone.doc, edited);
    assert.deepEqual(withValue(gone.doc, path, undefined), without);
    const removed = rebase(base, without, edited);
    assert.deepEqual(removed.clashes, [{ path, base: panel("1", "one"), theirs: panel("1", "changed") }]);
    assert.deepEqual(withValue(removed.doc, path, panel("1", "changed")), edited);
  });

  const value = fc.oneof(
    fc.constantFrom("a", "b", 1, true, null),
    fc.dictionary(fc.constantFrom("p", "q"), fc.integer({ max: 3, min: 0 })),
  );
  const element = fc.record({ id: fc.constantFrom("1", "2", "3"), t: fc.integer({ min: 0, max: 2 }) });
  const document: fc.Arbitrary<Doc> = fc
    .record(
      {
        name: value,
        "a/b": value,
        data: fc.record({ panels: fc.uniqueArray(element, { selector: ({ id }) => id }) }, { requiredKeys: [] }),
      },
      { requiredKeys: [] },
    )
    .map((doc) => JSON.parse(JSON.stringify(doc)) as Doc);

  it("whatever the documents are: has all of mine, and taking theirs everywhere leaves no change of mine where they clashed", () => {
    fc.assert(
      fc.property(document, document, document, (base, mine, theirs) => {
        assert.deepEqual(rebase(base, base, theirs).doc, theirs, "nothing was edited");
        assert.deepEqual(rebase(base, mine, base).doc, mine, "nothing came");
        assert.equal(isChanged(base, rebase(base, mine, mine).doc), isChanged(base, mine));
        const { doc, clashes } = rebase(base, mine, theirs);
        for (const { path, theirs: other } of clashes) {
          assert.deepEqual(valueAt(doc, path), valueAt(mine, path), path);
          assert.deepEqual(other, valueAt(theirs, path), path);
        }
        const given = clashes.reduce((next, clash) => withValue(next, clash.path, clash.theirs), doc);
        for (const { path } of clashes) assert.deepEqual(valueAt(given, path), valueAt(theirs, path), path);
        // It is their version with an edit on it: no clash is left.
        assert.deepEqual(rebase(theirs, given, theirs).clashes, []);
      }),
      { numRuns: 500 },
    );
  });
});
