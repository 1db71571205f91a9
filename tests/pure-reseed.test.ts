// Goal: which held webservers go on by themselves and which wait for an operator; whatever the order in which webservers offer, the same is there
// in the end, and the seeding is over exactly when all that are known have offered.
// Method: the pure parts: the judge by a table, the merge and the record folded over shuffled offers of replicas that hold different prefixes of one
// history, and of a second branch of it.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { clock } from "../bus/platform/clock.ts";
import { KnownPeers } from "../bus/reseed/peers.ts";
import { bringBack } from "../functions/commit/bring-back.ts";
import type { Current } from "../functions/commit/decide.ts";
import { judgeClaim, type Scene } from "../functions/seed/judge.ts";
import { begun, closed, NUMBERS_APART, offered, opened, waitingFor } from "../functions/seed/record.ts";
import { loadSchemas } from "../schemas/index.ts";
import type { RestoredVersion, Seeding } from "../schemas/types.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";

const dashboards = loadSchemas().collection("dashboards");
const HOUR = 3600_000;
const NOW = Date.parse("2026-01-01T12:00:00Z");
const time = (ms: number) => new Date(ms).toISOString();

test("only what is beyond doubt goes on without an operator", () => {
  const epochs = [
    { epoch: "A", firstSeq: 100, serverId: "1" },
    { epoch: "B", firstSeq: 200, serverId: "2" },
  ];
  const base: Scene = { epochs, record: undefined, empty: true, signed: true, now: NOW, lateMs: 30 * 24 * HOUR };
  const foreign = { position: { epoch: "X", cursor: 50 }, generation: "X", documents: 5, newest: time(NOW - HOUR), pending: 0 };
  const older = { ...foreign, position: { epoch: "A", cursor: 250 }, generation: "A" };
  const { newest: _none, ...bare } = foreign;
  const word = (of: Partial<Seeding>): Seeding => ({
    ...opened({ id: "s", word: "accept", from: ["X"], next: {} }, [], NOW),
    ...of,
  });
  const cases: [string, object, object, string, RegExp][] = [
    ["empty store, our key", {}, foreign, "offer", /filled/],
    ["empty store, another key", { signed: false }, foreign, "wait", /keys\.json/],
    ["a store with data", { empty: false }, foreign, "wait", /data of its own/],
    ["an older store", { empty: false }, older, "wait", /older state.*--accept.*--replace/],
    ["nothing that anybody made", { empty: false, signed: false }, bare, "adopt", /nothing/],
    ["nothing but a write that waits", { empty: false, signed: false }, { ...bare, pending: 1 }, "wait", /data of its own/],
    ["at a word", { empty: false, record: word({}) }, foreign, "offer", /filled/],
    ["at a word for others", { empty: false, record: word({ from: ["Y"] }) }, foreign, "wait", /data of its own/],
    ["empty, filled from others", { record: word({ from: ["Y"], word: "signed" }) }, foreign, "wait", /./],
    ["at a word to give up", { empty: false, record: word({ word: "replace", open: false }) }, foreign, "adopt", /replace/],
    ["late", { empty: false, record: word({ open: false }) }, foreign, "offer", /without this webserver/],
    ["much too late", { empty: false, now: NOW + 31 * 24 * HOUR, record: word({ open: false }) }, foreign, "wait", /30 days/],
    // A copy of the store that has a word in it was put back: that word was not about what has come since.
    [
      "at a word of before",
      { empty: false, record: word({ from: ["A"], word: "replace", open: false, until: time(NOW - 2 * HOUR) }) },
      older,
      "wait",
      /older state/,
    ],
    ["whose position is good", {}, { ...foreign, position: { epoch: "A", cursor: 150 } }, "wait", /fit together/],
  ];
  for (const [name, scene, claim, what, why] of cases) {
    const answer = judgeClaim(claim as typeof foreign, { ...base, ...scene });
    assert.equal(answer.what, what, name);
    assert.match(answer.why, why, name);
  }
});

test("who was there in the last day is waited for, and nobody who was taken away before", (t) => {
  const dir = temporaryFolder(t);
  const seen = { lately: clock.now() - HOUR, before: clock.now() - 25 * HOUR };
  writeFileSync(join(dir, "peers.json"), JSON.stringify(seen));
  assert.deepEqual(new KnownPeers(dir).list(), ["lately"]);
});

/** One store's history: versions in order, each with all of its document before it in it. */
function history(branch: string, from: number, edits: readonly { doc: number; deleted: boolean }[], before: RestoredVersion[]) {
  const log = [...before];
  for (const [n, { doc, deleted }] of edits.entries()) {
    const last = log.findLast(({ id }) => id === `d${doc}`);
    const version = `${branch}${n}`;
    const at = time(from + n * 10);
    log.push({
      collection: "dashboards",
      id: `d${doc}`,
      version,
      at,
      created: last?.created ?? at,
      by: 0,
      webserver: "web1",
      seen: [last?.seen, `~${version}`].filter(Boolean).join(" "),
      ...(!deleted && { doc: { id: `d${doc}`, name: version } }),
    });
  }
  return log;
}

/** What a replica holds: the last version of each document. */
function held(log: readonly RestoredVersion[]): RestoredVersion[] {
  return [...new Map(log.map((version) => [version.id, version])).values()];
}

test("webservers that hold different parts give the same in any order, and what was deleted stays deleted", () => {
  const edits = fc.array(fc.record({ doc: fc.nat(4), deleted: fc.boolean() }), { maxLength: 12 });
  const plan = fc.record({
    common: edits,
    lost: edits,
    grown: edits,
    cuts: fc.array(fc.nat(40), { minLength: 1, maxLength: 4 }),
  });
  const shuffled = plan.chain((one) => {
    const trunk = history("t", NOW, one.common, []);
    const branches = [history("l", NOW + 1000, one.lost, trunk), history("g", NOW + 1003, one.grown, trunk)];
    const replicas = one.cuts.map((cut, n) => held((branches[n % 2] as RestoredVersion[]).slice(0, cut)));
    const all = replicas.flatMap((rows, web) => rows.map((row) => ({ web, row })));
    const offers = [...all, ...all];
    return fc.record({
      replicas: fc.constant(replicas),
      order: fc.shuffledSubarray(offers, { minLength: offers.length }),
      webs: fc.shuffledSubarray(
        replicas.map((_rows, web) => `web${web}`),
        { minLength: replicas.length },
      ),
    });
  });
  fc.assert(
    fc.property(shuffled, ({ replicas, order, webs }) => {
      const store = new Map<string, Current>();
      for (const { row } of order) {
        const current = store.get(row.id);
        const { write } = bringBack(dashboards, row, current, { withoutSecrets: false });
        if (write) store.set(row.id, { revision: 1, ...write, envelope: { ...write.envelope, signature: "" } });
      }
      for (const row of replicas.flat()) {
        const mine = replicas.flat().filter(({ id }) => id === row.id);
        const [latest] = mine.sort((a, b) => Date.parse(b.at) - Date.parse(a.at) || (a.version < b.version ? 1 : -1));
        const { envelope, deleted } = store.get(row.id) ?? assert.fail();
        assert.deepEqual([envelope?.version, deleted], [latest?.version, latest?.doc === undefined]);
      }

      // Every one knows the next; each begins, in any order, and ends at some time.
      const [begins = ""] = webs;
      let record = opened({ id: "s", word: "signed", from: ["X"], next: {} }, [begins], NOW);
      for (const [n, web] of webs.entries()) {
        record = begun(record, web, webs.slice(n + 1, n + 2)) ?? record;
        assert.ok(waitingFor(record).includes(web));
        record = offered(record, web) ?? record;
        assert.equal(waitingFor(record).length === 0, n === webs.length - 1);
        assert.equal(offered(record, web), undefined, "once");
      }
      const over = closed(record, { users: 7 }, NOW);
      assert.deepEqual([over.open, over.next.users], [false, 7 + NUMBERS_APART]);
      assert.equal(begun(over, "late", []), undefined);
    }),
  );
});
