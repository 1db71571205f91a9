// Goal: what reads all documents misses none that is there all the time, however large they are, and whatever is replaced or taken away meanwhile.
// Method: readings of a real store, some of them while others write, or purge what has not been read yet.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Connection } from "../bus/wire/nats.ts";
import { readAll, readLast, readPage } from "../bus/wire/reader.ts";
import { purgeUpTo, storeOwn } from "../bus/wire/stream.ts";
import { META, STREAM, storeSubject } from "../bus/wire/subjects.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { connectFunctions } from "./support/faults-ledger.ts";

const SPACE = storeSubject(META, "reader");
const SUBJECTS = Array.from({ length: 6 }, (_, n) => `${SPACE}.${n}`);
const READINGS = 15;

const subjectsOf = (space: string, count: number) => Array.from({ length: count }, (_, n) => `${storeSubject(META, space)}.${n}`);

/** Stores one message under each subject; returns their revisions. */
async function storeAll(connection: Connection, subjects: readonly string[], body: string): Promise<Map<string, number>> {
  const revisions = new Map<string, number>();
  for (let at = 0; at < subjects.length; at += 100)
    await Promise.all(
      subjects.slice(at, at + 100).map(async (subject) => {
        const revision = await storeOwn(connection, subject, body, 0);
        assert.ok(typeof revision === "number");
        revisions.set(subject, revision);
      }),
    );
  return revisions;
}

describe("a reading of all documents", () => {
  let deployment: Deployment;
  const connections: Connection[] = [];
  before(async () => {
    deployment = await deploy({ sync: "default" });
    for (let n = 0; n < 3; n++) connections.push(await connectFunctions(deployment));
  });
  after(async () => {
    for (const connection of connections) await connection.close();
    await deployment[Symbol.asyncDispose]();
  });

  it("misses none, though each is replaced all the time; and what it gives last is the last", async () => {
    const [reads, ...writers] = connections as [Connection, ...Connection[]];
    const stored = new Map<string, number>();
    let over = false;
    const write = async (connection: Connection, subjects: readonly string[]) => {
      do {
        for (const subject of subjects) {
          const revision = await storeOwn(connection, subject, "{}", stored.get(subject) ?? 0);
          assert.ok(typeof revision === "number");
          stored.set(subject, revision);
        }
      } while (!over);
    };
    const writing = writers.map((connection, n) =>
      write(
        connection,
        SUBJECTS.filter((_, which) => which % 2 === n),
      ),
    );
    while (stored.size < SUBJECTS.length) await new Promise((resolve) => setImmediate(resolve));
    try {
      for (let n = 0; n < READINGS; n++) {
        const before = new Map(stored);
        const found = new Map<string, number>();
        for await (const versions of readAll(reads, { stream: STREAM, subjects: `${SPACE}.*` }))
          for (const { subject, revision } of versions) found.set(subject, revision);
        for (const subject of SUBJECTS)
          assert.ok((found.get(subject) ?? 0) >= (before.get(subject) ?? 0), `reading ${n}: ${subject}`);
      }
    } finally {
      over = true;
      await Promise.all(writing);
    }
  });

  it("misses none, though they are more than is read at once", async () => {
    const [connection] = connections as [Connection];
    const subjects = subjectsOf("large", 400);
    await storeAll(connection, subjects, JSON.stringify({ text: "x".repeat(40_000) }));
    const found = new Set<string>();
    for await (const versions of readAll(connection, { stream: STREAM, subjects: `${storeSubject(META, "large")}.*` }))
      for (const { subject } of versions) found.add(subject);
    assert.deepEqual(
      subjects.filter((subject) => !found.has(subject)),
      [],
    );
    const last = new Set((await readLast(connection, subjects)).map(({ subject }) => subject));
    assert.deepEqual(
      subjects.filter((subject) => !last.has(subject)),
      [],
    );
  });

  it("misses none, though many are taken away meanwhile that it has not come to", async () => {
    const [connection] = connections as [Connection];
    const subjects = subjectsOf("collected", 2400);
    const revisions = await storeAll(connection, subjects, "{}");
    const inOrder = [...revisions].sort(([, a], [, b]) => a - b);
    const taken = inOrder.slice(2100, 2300);
    const found = new Set<string>();
    const all = { stream: STREAM, subjects: `${storeSubject(META, "collected")}.*`, headersOnly: true };
    for await (const versions of readAll(connection, all)) {
      for (const { subject } of versions) found.add(subject);
      for (const [subject, revision] of taken.splice(0)) await purgeUpTo(connection, subject, revision);
    }
    const missed = inOrder.map(([subject], n) => (found.has(subject) ? -1 : n)).filter((n) => n >= 0 && (n < 2100 || n >= 2300));
    assert.deepEqual(missed, []);
  });

  it("goes on also where less is wanted than its next message has", async () => {
    const [connection] = connections as [Connection];
    const stored = await storeAll(connection, subjectsOf("wanted", 12), "x".repeat(10_000));
    const until = Math.max(...stored.values());
    const pages: number[] = [];
    for (let from = Math.min(...stored.values()), done = false; !done; ) {
      const limits = { limit: 100, maxBytes: 1_000_000, wantedBytes: pages.length < 2 ? 1000 : 35_000 };
      const page = await readPage(connection, {
        stream: STREAM,
        subjects: `${storeSubject(META, "wanted")}.*`,
        from,
        until,
        ...limits,
      });
      pages.push(page.versions.length);
      from = (page.versions.at(-1)?.revision ?? from) + 1;
      done = page.done;
    }
    assert.deepEqual(pages, [1, 1, 3, 3, 3, 1]);
  });
});
