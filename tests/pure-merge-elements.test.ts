// Goal: in arrays of objects with ids the merge loses nothing either: each marker that an edit has set is in the result, or its change is
// reported as conflicting; and no element comes back, is doubled or changes places without need. Method: random edits of a list (add, take
// away, edit, move) by two sides; every value that an edit sets is made once, so it is found wherever it went.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Doc } from "../schemas/document.ts";
import { loadSchemas } from "../schemas/index.ts";
import { diff, merge } from "../schemas/merge.ts";
import type { FieldChange } from "../schemas/types.ts";

const RUNS = 2000;
const IDS = ["cpu", "a/b", "~order", "~", "", 7, -1, "7"];
const FIELDS = ["title", "data", "~:x"];

interface Element extends Doc {
  id: string | number;
}
type Step = { op: "add" | "remove" | "move" | "edit" | "nest"; at: number; to: number; id: (typeof IDS)[number] };

const step: fc.Arbitrary<Step> = fc.record({
  op: fc.constantFrom("add", "remove", "move", "edit", "nest"),
  at: fc.nat(20),
  to: fc.nat(20),
  id: fc.constantFrom(...IDS),
});
const steps = fc.array(step, { maxLength: 6 });
const baseOf = (ids: readonly (string | number)[]): Doc => ({
  panels: ids.map((id) => ({ id, title: "base", inner: [{ id: 1 }] })),
});
const base = fc.uniqueArray(fc.constantFrom(...IDS), { maxLength: 6 }).map(baseOf);
const throughJson = <T>(given: T): T => JSON.parse(JSON.stringify(given)) as T;
const edit = (from: Doc, to: Doc): FieldChange[] => throughJson(diff(from, to));
const panelsOf = (doc: Doc) => doc.panels as Element[];
const idsIn = (doc: Doc) => panelsOf(doc).map(({ id }) => id);

/** What a side makes of a document. Each thing it sets is a marker: `who` and a number. */
function play(who: string, from: Doc, taken: readonly Step[]): Doc {
  const doc = throughJson(from);
  const panels = panelsOf(doc);
  for (const [n, { op, at, to, id }] of taken.entries()) {
    const marker = `${who}${n}!`;
    const element = panels[at % panels.length];
    const field = FIELDS[to % FIELDS.length] as string;
    if (op === "add" && !panels.some((one) => one.id === id)) panels.splice(to % (panels.length + 1), 0, { id, title: marker });
    else if (!element) continue;
    else if (op === "remove") panels.splice(at % panels.length, 1);
    else if (op === "move") panels.splice(to % panels.length, 0, ...panels.splice(at % panels.length, 1));
    else if (op === "edit") element[field] = marker;
    else if (op === "nest") element.inner = [...((element.inner as Element[] | undefined) ?? []), { id: marker, title: marker }];
  }
  return doc;
}

const markersIn = (value: unknown): Set<string> => new Set(JSON.stringify(value).match(/(mine|theirs)\d+!/g) ?? []);

function assertSameOrderWhereBothAgree(merged: Doc, mine: Doc, theirs: Doc): void {
  const place = (doc: Doc) => new Map(idsIn(doc).map((id, at) => [id, at]));
  const [result, one, other] = [place(merged), place(mine), place(theirs)];
  const before = (places: Map<unknown, number>, a: unknown, b: unknown) => (places.get(a) ?? 0) < (places.get(b) ?? 0);
  const common = [...result.keys()].filter((id) => one.has(id) && other.has(id));
  for (const a of common)
    for (const b of common) if (before(one, a, b) && before(other, a, b)) assert.ok(before(result, a, b), `${a} before ${b}`);
}

describe("the merge of arrays by their elements' ids", () => {
  it("keeps each marker of both sides, or reports the change that it is in", () => {
    let clean = 0;
    let conflicting = 0;
    fc.assert(
      fc.property(base, steps, steps, (was, one, other) => {
        const [mine, theirs] = [play("mine", was, one), play("theirs", was, other)];
        const ours = edit(was, mine);
        const { doc, conflicts } = merge(theirs, ours);
        if (conflicts.length > 0) conflicting++;
        else clean++;
        const reported = markersIn(ours.filter(({ path }) => conflicts.includes(path)));
        const found = markersIn(doc);
        for (const marker of markersIn(mine)) assert.ok(found.has(marker) || reported.has(marker), `${marker} is lost`);
        if (conflicts.length > 0) return;
        for (const marker of markersIn(theirs)) assert.ok(found.has(marker), `${marker} of what was there is lost`);
        const ids = idsIn(doc);
        assert.equal(new Set(ids).size, ids.length, "no element twice");
        for (const id of ids) assert.ok(idsIn(mine).includes(id) || idsIn(theirs).includes(id), `${id} came from nowhere`);
        for (const id of idsIn(was))
          if (ids.includes(id)) assert.ok(idsIn(mine).includes(id) && idsIn(theirs).includes(id), `${id} came back`);
        assertSameOrderWhereBothAgree(doc, mine, theirs);
      }),
      { numRuns: RUNS },
    );
    assert.ok(clean > 100 && conflicting > 100, `${clean} merged, ${conflicting} in conflict`);
  });

  it("makes the edited document when nobody else has changed anything", () => {
    fc.assert(
      fc.property(base, steps, (was, taken) => {
        const mine = play("mine", was, taken);
        assert.deepEqual(merge(was, edit(was, mine)), { doc: mine, conflicts: [] });
        assert.deepEqual(merge(mine, []), { doc: mine, conflicts: [] });
      }),
      { numRuns: RUNS },
    );
  });

  it("gives the same whoever comes first, and the same again when it is repeated", () => {
    fc.assert(
      fc.property(base, steps, steps, (was, one, other) => {
        const [mine, theirs] = [play("mine", was, one), play("theirs", was, other)];
        const [ours, others] = [edit(was, mine), edit(was, theirs)];
        const [merged, reversed] = [merge(theirs, ours), merge(mine, others)];
        assert.equal(merged.conflicts.length > 0, reversed.conflicts.length > 0);
        if (merged.conflicts.length > 0) return;
        assert.deepEqual(merged.doc, reversed.doc);
        assert.deepEqual(merge(merged.doc, ours), merged);
        assert.deepEqual(merge(merged.doc, others), merged);
      }),
      { numRuns: RUNS },
    );
  });

  it("sends only what is valid on the wire, and small: an edited field takes no element along", () => {
    const schemas = loadSchemas();
    fc.assert(
      fc.property(base, steps, (was, taken) => {
        const changes = diff(was, play("mine", was, taken));
        schemas.read("put.request", JSON.stringify({ mutation: "m", by: 0, doc: {}, diff: changes }));
      }),
    );
    assert.deepEqual(diff(baseOf(["a", "b/~"]), play("mine", baseOf(["a", "b/~"]), [{ op: "edit", at: 1, to: 0, id: "" }])), [
      { path: "/panels/~:b~1~0/title", old: "base", new: "mine0!" },
    ]);
    for (const path of ["panels", "/~", "/~2", "/a~", "/~order/a", "/~#x", "/~:~"])
      assert.throws(
        () => schemas.read("put.request", JSON.stringify({ mutation: "m", by: 0, doc: {}, diff: [{ path }] })),
        { code: "BAD_MESSAGE" },
        path,
      );
  });

  const list = (...ids: string[]): Doc => ({ list: ids.map((id) => ({ id })) });
  const order = (doc: Doc) => (doc.list as Element[]).map(({ id }) => id).join(" ");

  it("orders what both have added, moved and taken away", () => {
    const of = (was: string, mine: string, theirs: string) => {
      const [b, m, t] = [was, mine, theirs].map((ids) => list(...ids.split(" ").filter(Boolean))) as [Doc, Doc, Doc];
      return order(merge(t, edit(b, m)).doc);
    };
    assert.equal(of("a b c", "a x y b c", "a b c z"), "a x y b c z");
    assert.equal(of("a b c", "c a b", "a b c d"), "c a b d");
    assert.equal(of("a b c", "a c", "a b x c"), "a x c");
    assert.equal(of("", "q p", "z a"), "q p z a");
    assert.equal(of("a b", "a n b", "b a"), "b a n");
    assert.equal(of("a b c d", "b a c d", "a b d c"), "b a d c");
  });

  it("conflicts where one side takes away the element that the other has edited, or both have added one differently", () => {
    const panels = (...elements: Doc[]): Doc => ({ panels: elements });
    const was = panels({ id: "a", title: "x" });
    const edited = panels({ id: "a", title: "y" });
    assert.deepEqual(merge(edited, edit(was, panels())).conflicts, ["/panels/~:a"]);
    assert.deepEqual(merge(panels(), edit(was, edited)).conflicts, ["/panels/~:a/title"]);
    assert.deepEqual(merge({}, edit(was, edited)).conflicts, ["/panels/~:a/title"]);
    assert.deepEqual(merge({ panels: [1] }, edit(was, edited)).conflicts, ["/panels/~:a/title"]);
    const added = (title: string) => panels({ id: "a", title: "x" }, { id: "b", title });
    assert.deepEqual(merge(added("theirs"), edit(was, added("mine"))).conflicts, ["/panels/~:b"]);
    assert.deepEqual(merge(added("same"), edit(was, added("same"))), { doc: added("same"), conflicts: [] });
  });

  it("takes an array as one value where an element has no id, or two have the same one", () => {
    for (const [was, mine] of [
      [[{ id: 1 }, 2], [{ id: 1 }]],
      [[{ id: 1 }], [{ id: 1 }, { id: 1 }]],
      [[{ id: "1" }], [{ id: "1" }, { id: null }]],
      [["a"], ["a", "b"]],
      [[], [1]],
      [[{ id: "i".repeat(257) }], []],
    ])
      assert.deepEqual(diff({ a: was }, { a: mine }), [{ path: "/a", old: was, new: mine }]);
  });

  it("still merges the diffs of an older webserver, which takes every array as one value", () => {
    const was = { panels: [{ id: "a", title: "x" }], name: "n" };
    const mine = [{ id: "a", title: "y" }];
    const old = [{ path: "/panels", old: was.panels, new: mine }];
    assert.deepEqual(merge({ ...was, name: "m" }, old), { doc: { panels: mine, name: "m" }, conflicts: [] });
    assert.deepEqual(merge({ ...was, panels: [] }, old).conflicts, ["/panels"]);
  });

  it("takes any list of changes without leaving the document, doubling an element or breaking an id", () => {
    const path = fc
      .array(fc.constantFrom("panels", "~:cpu", "~#7", "~order", "~:7", "~x", "title", "id", "inner", "~#1", "__proto__"), {
        maxLength: 5,
      })
      .map((taken) => taken.map((one) => `/${one}`).join(""));
    const value = fc.constantFrom<unknown>({ id: "cpu" }, { id: 7 }, [], ["cpu", 7, 7], ["gone"], [{}], 7, "cpu", null);
    const change = fc.record({ path, old: value, new: value }, { requiredKeys: ["path"] });
    fc.assert(
      fc.property(base, fc.array(change, { maxLength: 5 }), (current, changes) => {
        const { doc, conflicts } = merge(current, throughJson(changes));
        assert.equal(({} as Doc).title, undefined);
        if (conflicts.length > 0 || !Array.isArray(doc.panels) || changes.some((one) => /\/id$|\/panels$/.test(one.path))) return;
        const ids = idsIn(doc).map((id) => typeof id + id);
        assert.equal(new Set(ids).size, ids.length);
      }),
      { numRuns: RUNS },
    );
  });
});
