// Goal: what reads all documents misses none that is there all the time, however often it is replaced meanwhile. Method: a few subjects whose versions
// take each other's place, two writers, and readers that read them again and again.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Connection } from "../bus/wire/nats.ts";
import { readAll } from "../bus/wire/reader.ts";
import { storeOwn } from "../bus/wire/stream.ts";
import { META, STREAM, storeSubject } from "../bus/wire/subjects.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { connectFunctions } from "./support/faults-ledger.ts";

const SPACE = storeSubject(META, "reader");
const SUBJECTS = Array.from({ length: 6 }, (_, n) => `${SPACE}.${n}`);
const READINGS = 15;

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
});
