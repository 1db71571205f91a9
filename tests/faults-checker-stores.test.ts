// Goal: the checker of fault injection knows one store from the next: what a lost store had must be in the one that takes its place, unless no
// webserver had it yet or an operator gave it up; then it was kept aside.
// Method: histories made by hand, of a document that grows and one that is deleted, whose store is lost and brought back.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Asked, Entry, Final, Version } from "../bench/faults/check/history.ts";
import { check } from "../bench/faults/check/index.ts";

const COLLECTION = "dashboards";

function version(store: number, revision: number, id: string, marks: string[] | undefined, mutation: string): Version {
  const body = marks ? JSON.stringify({ id, marks: marks.join(" ") }) : "";
  const subject = `$KV.datastore.${COLLECTION}.${id}`;
  return { store, revision, subject, collection: COLLECTION, id, deleted: !marks, mutation, marks: marks ?? [], body };
}

/** What the first store had. */
const MADE = version(0, 1, "log", ["mk1x"], "w.1");
const GOING = version(0, 2, "gone", ["mk3x"], "w.3");
const PATCHED = version(0, 3, "log", ["mk1x", "mk2x"], "w.2");
const GONE = version(0, 4, "gone", undefined, "w.4");
const again = (one: Version, revision: number): Version => ({ ...one, store: 1, revision });

function asked(op: number, what: Asked, answer: object): Entry[] {
  return [
    { type: "invoke", at: op, op, process: "web1", life: 1, asked: what },
    { type: "ok", at: op, op, answer },
  ];
}

const log = (kind: "put" | "patch", mark: string) =>
  ({ kind, collection: COLLECTION, id: "log", doc: {}, merge: {}, mark, role: "log" }) as Asked;

interface Loss {
  word?: "accept" | "replace" | null;
  kept?: number;
  /** What the second store has at the end. */
  stored: Version[];
  /** And had before. */
  versions?: Version[];
  aside?: string[];
  more?: Entry[];
}

/** What is found but for digests and rows, which are not made here. */
function found({ word = null, kept = 4, stored, versions = [], aside = [], more = [] }: Loss): number[] {
  const entries: Entry[] = [
    { type: "round", round: 0, seed: 1, webservers: ["web1"], versions: { [COLLECTION]: 20 } },
    ...asked(1, log("put", "mk1x"), { id: "log", revision: 1, mutationId: "w.1" }),
    ...asked(2, { kind: "put", collection: COLLECTION, id: "gone", doc: {}, mark: "mk3x", role: "gone" }, made("gone", 2, 3)),
    ...asked(3, log("patch", "mk2x"), made("log", 3, 2)),
    ...asked(4, { kind: "delete", collection: COLLECTION, id: "gone", role: "gone" }, made("gone", 4, 4)),
    ...[MADE, GOING, PATCHED, GONE].map((one): Entry => ({ type: "version", version: one })),
    { type: "store-lost", at: 10, kind: "older-datastore", kept, word },
    { type: "store-back", at: 20 },
    ...[...versions, ...stored].map((one): Entry => ({ type: "version", version: one })),
    ...more,
    ...stored.map((one): Entry => ({ type: "stored", version: one })),
  ];
  const rows = stored.filter(({ deleted }) => !deleted).map(({ id, revision, body }) => ({ id, revision, pending: false, body }));
  const final: Final = {
    ...{ process: "web1", state: "synced", cursor: 9, digests: {}, pending: 0, queued: [], deadLetters: [], contents: {}, aside },
    rows: { [COLLECTION]: rows },
  };
  const violations = check([...entries, { type: "final", final }]);
  return [...new Set(violations.map(({ invariant }) => invariant))].filter((invariant) => invariant !== 4);
}

function made(id: string, revision: number, n: number): object {
  return { id, revision, mutationId: `w.${n}` };
}

describe("the checker of fault injection, when a store is lost", () => {
  it("finds nothing when everything was brought back, under whatever numbers", () => {
    assert.deepEqual(found({ stored: [again(PATCHED, 101), again(GONE, 102)] }), []);
    assert.deepEqual(found({ versions: [again(MADE, 1), again(GOING, 2)], stored: [again(PATCHED, 5), again(GONE, 4)] }), []);
  });

  it("finds an acknowledged write that was not brought back (1)", () => {
    assert.deepEqual(found({ stored: [again(MADE, 101), again(GONE, 102)] }), [1]);
    assert.deepEqual(found({ stored: [again(GONE, 102)] }), [1]);
  });

  it("finds a deletion that was not brought back (1, 7)", () => {
    assert.deepEqual(found({ stored: [again(PATCHED, 101), again(GOING, 102)] }), [1, 7]);
  });

  it("takes what no webserver had yet for lost with its store", () => {
    assert.deepEqual(found({ kept: 2, stored: [again(MADE, 101), again(GOING, 102)] }), []);
  });

  it("wants what an operator gave up to be kept aside (1)", () => {
    const stored = [again(MADE, 1), again(GOING, 2)];
    assert.deepEqual(found({ word: "replace", stored, aside: ["mk2x"] }), []);
    assert.deepEqual(found({ word: "replace", stored }), [1]);
  });

  it("finds a write that was brought back and applied once more (2)", () => {
    const twice = version(1, 103, "log", ["mk1x"], "w.9");
    const end = version(1, 104, "log", ["mk1x", "mk2x"], "w.10");
    assert.deepEqual(found({ versions: [again(PATCHED, 101), twice], stored: [end, again(GONE, 102)] }), [2]);
  });

  it("lets what an operator gave up be written again by whoever was not answered", () => {
    const elsewhere = { ...version(1, 5, "other", ["mk2x"], "w.2"), subject: `$KV.datastore.${COLLECTION}.other` };
    const stored = [again(MADE, 1), again(GOING, 2), elsewhere];
    assert.deepEqual(found({ word: "replace", stored, aside: ["mk2x"] }), []);
    const twice = { ...version(1, 6, "more", ["mk2x"], "w.2"), subject: `$KV.datastore.${COLLECTION}.more` };
    assert.deepEqual(found({ word: "replace", stored: [...stored, twice], aside: ["mk2x"] }), [2]);
  });

  it("lets what waited come to another place, when somebody else has taken its own in the store that was brought back, and once (2)", () => {
    const first = version(0, 5, "place0", ["mk5x"], "w.5");
    const [taken, moved, twice] = [
      version(1, 103, "place0", ["mk6x"], "g.1"),
      version(1, 104, "place1", ["mk5x"], "w.5"),
      version(1, 105, "place2", ["mk5x"], "w.5"),
    ];
    const put = (op: number, mark: string, answer: object) =>
      asked(op, { kind: "put", collection: COLLECTION, doc: {}, mark, role: "lasting" }, answer);
    const more = [
      ...put(5, "mk5x", { id: "", revision: null, mutationId: "w.5" }),
      ...put(6, "mk6x", { id: "place0", revision: 103, mutationId: "g.1" }),
    ];
    const rest = [again(PATCHED, 101), again(GONE, 102)];
    const comes = (...places: Version[]) =>
      found({
        word: "accept",
        kept: 5,
        versions: [first],
        stored: [...rest, ...places],
        more: places.includes(taken) ? more : more.slice(0, 2),
      });
    assert.deepEqual(comes(taken, moved), []);
    assert.deepEqual(comes(taken, moved, twice), [2]);
    assert.deepEqual(comes(again(first, 106), moved), [2]);
  });

  it("lets changes be told from the beginning once after it, and not twice (3)", () => {
    const told = (revision: number): Entry => ({
      ...{ type: "change", process: "web1", life: 1, collection: COLLECTION, id: "log", deleted: false },
      revision,
    });
    const stored = [again(PATCHED, 101), again(GONE, 102)];
    assert.deepEqual(found({ stored, more: [told(3), told(1), told(101)] }), []);
    assert.deepEqual(found({ stored, more: [told(3), told(1), told(101), told(1)] }), [3]);
  });

  it("lets a restarted webserver show its copy as one of the lost store, after it has shown it as it was; no earlier version (3)", () => {
    const read = (op: number, revision: number, marks: string[]): Entry[] =>
      asked(op, { kind: "read", collection: COLLECTION, id: "log" } as Asked, {
        entry: { id: "log", revision, pending: false, marks },
      });
    const stored = [again(PATCHED, 101), again(GONE, 102)];
    const both = ["mk1x", "mk2x"];
    const shows = (...revisions: number[]) => found({ stored, more: revisions.flatMap((one, n) => read(30 + n, one, both)) });
    assert.deepEqual(shows(3, 0, 101), []);
    assert.deepEqual(shows(3, 1), [3]);
    assert.deepEqual(shows(101, 3), [3]);
  });
});
