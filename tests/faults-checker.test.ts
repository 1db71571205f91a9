// Goal: the checker of fault injection finds what breaks each invariant, and nothing in a history that is as it should be.
// Method: histories made by hand: a good one, and for each invariant the smallest change that breaks it.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import type { Asked, Entry, Final, Version } from "../bench/faults/check/history.ts";
import { check, countAcknowledged, INVARIANTS } from "../bench/faults/check/index.ts";
import { shortest } from "../bench/faults/check/shortest.ts";

const COLLECTION = "dashboards";

function version(
  revision: number,
  id: string,
  doc: object | undefined,
  marks: string[],
  mutation = `web1.a.${revision}`,
): Version {
  const body = doc ? JSON.stringify(doc) : "";
  const subject = `$KV.datastore.${COLLECTION}.${id}`;
  return { revision, subject, collection: COLLECTION, id, deleted: doc === undefined, mutation, marks, body };
}

/** As the design has it: XOR of the first 16 bytes of sha256("subject revision"). */
function digest(versions: readonly Version[]): string {
  const sum = new Uint8Array(16);
  for (const { subject, revision } of versions)
    for (const [i, byte] of createHash("sha256").update(`${subject} ${revision}`).digest().subarray(0, 16).entries())
      sum[i] = (sum[i] as number) ^ byte;
  return Buffer.from(sum).toString("hex");
}

const V = {
  made: version(1, "log", { id: "log", marks: { mk1x: 1 } }, ["mk1x"]),
  patched: version(2, "log", { id: "log", marks: { mk1x: 1, mk2x: 1 } }, ["mk1x", "mk2x"]),
  going: version(3, "gone-mk3x", { id: "gone-mk3x", name: "mk3x" }, ["mk3x"]),
  gone: version(4, "gone-mk3x", undefined, []),
};
const LAST = [V.patched, V.gone];

interface Parts {
  log: Version[];
  stored: Version[];
  operations: Entry[];
  others: Entry[];
  finals: Final[];
}

function asked(op: number, what: Asked, answer: object, process = "web1", life = 1): Entry[] {
  return [
    { type: "invoke", at: op * 10, op, process, life, asked: what },
    { type: "ok", at: op * 10 + 5, op, answer },
  ];
}

function final(process: string): Final {
  const rows = { [COLLECTION]: [{ id: "log", revision: 2, pending: false, body: V.patched.body }] };
  const digests = { [COLLECTION]: digest(LAST) };
  return { process, state: "synced", cursor: 4, digests, pending: 0, queued: [], deadLetters: [], rows, contents: {} };
}

const put = (id: string, mark: string, role: "log" | "gone" | "churn"): Asked => ({
  kind: "put",
  collection: COLLECTION,
  id,
  doc: {},
  mark,
  role,
});
const patch = (mark: string): Asked => ({ kind: "patch", collection: COLLECTION, id: "log", merge: {}, mark, role: "log" });
const deletion: Asked = { kind: "delete", collection: COLLECTION, id: "gone-mk3x", role: "gone" };
const read = (revision?: number): Asked => ({ kind: "read", collection: COLLECTION, id: "log", ...(revision && { revision }) });
const seen = (revision: number, ...marks: string[]) => ({ entry: { id: "log", revision, pending: false, marks } });

/** A history in which all is well, changed by `change`. */
function history(change: (parts: Parts) => void = () => {}): Entry[] {
  const parts: Parts = {
    log: Object.values(V),
    stored: [...LAST],
    operations: [
      ...asked(1, put("log", "mk1x", "log"), { id: "log", revision: 1, mutationId: "web1.a.1" }),
      ...asked(2, patch("mk2x"), { id: "log", revision: null, mutationId: "web1.a.2" }),
      ...asked(3, put("gone-mk3x", "mk3x", "gone"), { id: "gone-mk3x", revision: 3, mutationId: "web1.a.3" }),
      ...asked(4, deletion, { id: "gone-mk3x", revision: 4, mutationId: "web1.a.4" }),
      ...asked(5, read(2), seen(2, "mk1x", "mk2x"), "web2"),
      ...asked(6, { kind: "digests" }, { cursor: 3, digests: { [COLLECTION]: digest([V.patched, V.going]) } }, "web2"),
    ],
    others: [
      { type: "fault", at: 1, kind: "cut", target: "web1", effect: "cut", ms: 1 },
      ...Object.values(V).map(
        ({ id, revision, deleted }): Entry => ({
          type: "change",
          process: "web2",
          life: 1,
          collection: COLLECTION,
          id,
          revision,
          deleted,
        }),
      ),
    ],
    finals: [final("web1"), final("web2")],
  };
  change(parts);
  return [
    { type: "round", round: 0, seed: 1, webservers: ["web1", "web2"], versions: { [COLLECTION]: 20 } },
    ...parts.operations,
    ...parts.others,
    ...parts.log.map((one): Entry => ({ type: "version", version: one })),
    ...parts.stored.map((one): Entry => ({ type: "stored", version: one })),
    ...parts.finals.map((one): Entry => ({ type: "final", final: one })),
  ];
}

/** What breaks each invariant. */
const BROKEN: [number, string, (parts: Parts) => void][] = [
  [
    1,
    "a write into the outbox that never comes to the store",
    ({ operations }) => operations.push(...asked(7, patch("mk7x"), { id: "log", revision: null, mutationId: "m" })),
  ],
  [
    1,
    "a write that another one swallows",
    ({ operations, log }) => {
      operations.push(...asked(7, patch("mk7x"), { id: "log", revision: 5, mutationId: "m" }));
      log.push(version(5, "log", {}, ["mk1x", "mk2x", "mk7x"]));
      log.push(version(6, "log", {}, ["mk1x", "mk2x"]));
    },
  ],
  [
    1,
    "a store that has lost its tail",
    (parts) => {
      parts.stored = [V.made, V.gone];
    },
  ],
  [
    1,
    "a deletion without a tombstone",
    (parts) => {
      parts.operations.push(
        ...asked(
          7,
          { kind: "delete", collection: COLLECTION, id: "log", role: "churn" },
          { id: "log", revision: 9, mutationId: "m" },
        ),
      );
    },
  ],
  [
    2,
    "a mark that comes twice",
    ({ log, stored }) => {
      log.push(version(5, "log", {}, ["mk1x"]), version(6, "log", {}, ["mk1x", "mk2x"]));
      stored[0] = log.at(-1) as Version;
    },
  ],
  [2, "one write that makes two documents", ({ log }) => log.push(version(5, "other", {}, ["mk1x"]))],
  [2, "a mutation that is stored twice", ({ log }) => log.push(version(5, "log", { a: 1 }, ["mk1x", "mk2x"], "web1.a.2"))],
  [
    3,
    "changes that are told the other way round",
    ({ others }) =>
      others.push({ type: "change", process: "web2", life: 1, collection: COLLECTION, id: "log", revision: 2, deleted: false }),
  ],
  [3, "a read that goes back", ({ operations }) => operations.push(...asked(7, read(), seen(1, "mk1x"), "web2"))],
  [
    4,
    "a replica with another digest",
    ({ finals }) => {
      finals[1] = { ...final("web2"), digests: { [COLLECTION]: digest([V.made]) } };
    },
  ],
  [
    4,
    "a webserver that does not get in step",
    ({ others }) => others.push({ type: "not-quiet", process: "web1", state: "degraded", pending: 0, waitedMs: 30_000 }),
  ],
  [
    5,
    "a write that waits for ever",
    ({ finals }) => {
      finals[0] = { ...final("web1"), pending: 1, queued: ["m"] };
    },
  ],
  [
    5,
    "a dead letter without a reason",
    ({ finals }) => {
      finals[0] = { ...final("web1"), deadLetters: [{ mutationId: "m", code: "", message: "" }] };
    },
  ],
  [
    6,
    "a read that is older than what was waited for",
    ({ operations }) => {
      operations.splice(8, 2, ...asked(5, read(2), seen(1, "mk1x"), "web2"));
    },
  ],
  [
    6,
    "a read without what its own outbox has",
    ({ operations }) => operations.push(...asked(7, read(), seen(2, "mk1x"), "web1")),
  ],
  [
    7,
    "a document that is back",
    ({ log, stored }) => {
      log.push(version(5, "gone-mk3x", { name: "mk3x" }, ["mk3x"]));
      stored[1] = log.at(-1) as Version;
    },
  ],
  [
    7,
    "a replica that still shows it",
    ({ finals }) => {
      const { rows } = final("web2");
      const row = { id: "gone-mk3x", revision: 3, pending: false, body: V.going.body };
      finals[1] = { ...final("web2"), rows: { [COLLECTION]: [...(rows[COLLECTION] ?? []), row] } };
    },
  ],
  [
    8,
    "a tombstone that nobody asked for",
    ({ log, stored }) => {
      log.push(version(5, "log", undefined, []));
      stored[0] = log.at(-1) as Version;
    },
  ],
  [
    8,
    "a deletion that only a webserver knows of",
    ({ others }) =>
      others.push({ type: "change", process: "web2", life: 1, collection: COLLECTION, id: "log", revision: 9, deleted: true }),
  ],
  [
    9,
    "a row with another body",
    ({ finals }) => {
      finals[1] = {
        ...final("web2"),
        rows: { [COLLECTION]: [{ id: "log", revision: 2, pending: false, body: '{"id":"log"}' }] },
      };
    },
  ],
  [
    9,
    "a row too few",
    ({ finals }) => {
      finals[1] = { ...final("web2"), rows: { [COLLECTION]: [] } };
    },
  ],
  [
    9,
    "a digest on the way that is not the log's",
    ({ operations }) => {
      operations.push(...asked(7, { kind: "digests" }, { cursor: 2, digests: { [COLLECTION]: digest([V.made]) } }, "web2"));
    },
  ],
  [
    10,
    "a content that is another one",
    ({ finals }) => {
      finals[1] = { ...final("web2"), contents: { r: { said: "a", read: "b" } } };
    },
  ],
  [
    10,
    "a content that was another one on the way",
    ({ operations }) => operations.push(...asked(7, { kind: "open", id: "r" }, { sha256: "" })),
  ],
  [11, "a process that takes too much", ({ others }) => others.push({ type: "memory", process: "web1", bytes: 2 ** 30 })],
];

describe("the checker of fault injection", () => {
  it("finds nothing in a history that is as it should be", () => {
    assert.deepEqual(check(history()), []);
    assert.equal(countAcknowledged(history()), 6);
  });

  for (const [invariant, what, change] of BROKEN) {
    it(`finds ${what} (${invariant}: ${INVARIANTS[invariant - 1]?.text})`, () => {
      const found = check(history(change));
      assert.ok(
        found.some((one) => one.invariant === invariant),
        JSON.stringify(found),
      );
    });
  }

  it("knows a case for each invariant", () => {
    assert.deepEqual(
      [...new Set(BROKEN.map(([invariant]) => invariant))],
      INVARIANTS.map((_, index) => index + 1),
    );
  });

  it("takes a write that waited and was refused for kept: in a dead letter, or as a conflict copy", () => {
    const wish = asked(7, patch("mk7x"), { id: "log", revision: null, mutationId: "m" });
    const letter = history(({ operations, finals }) => {
      operations.push(...wish);
      finals[0] = { ...final("web1"), deadLetters: [{ mutationId: "m", code: "REVISION_CONFLICT", message: "it lost" }] };
    });
    assert.deepEqual(check(letter), []);
    const copy = {
      ...version(5, "c", { losing: "mk7x" }, ["mk7x"]),
      collection: "conflicts",
      subject: "$KV.datastore.conflicts.c",
    };
    const kept = history(({ operations, log, stored }) => {
      operations.push(...wish);
      log.push(copy);
      stored.push(copy);
    });
    assert.deepEqual(
      check(kept).filter(({ invariant }) => invariant === 1),
      [],
    );
  });

  it("says nothing of versions that nobody could read in time, where a collection keeps only the last one", () => {
    const gap = history((parts) => {
      parts.log = parts.log.filter(({ revision }) => revision !== 3);
    }).map((entry): Entry => (entry.type === "round" ? { ...entry, versions: { [COLLECTION]: 1 } } : entry));
    assert.deepEqual(check(gap), []);
  });

  it("shows of a history what is about the document alone", () => {
    const entries = history();
    const shown = shortest(entries, { invariant: 7, what: "", document: { collection: COLLECTION, id: "gone-mk3x" } });
    const ops = shown.flatMap((entry) => ("op" in entry ? [entry.op] : []));
    assert.deepEqual([...new Set(ops)], [3, 4]);
    assert.ok(shown.length < entries.length / 2);
  });
});
