/** What was acknowledged, recorded outside of everything that is killed, and the proof that all of it is there, once. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Bus } from "../../bus/index.ts";
import { Connection } from "../../bus/wire/nats.ts";
import { readAll } from "../../bus/wire/reader.ts";
import { STORE_ALL, STREAM } from "../../bus/wire/subjects.ts";
import type { StoredVersion } from "../../bus/wire/version.ts";
import { type Acknowledged, documentOf, textOf } from "./faults-writer.ts";
import { eventually } from "./nats-server-kit.ts";

export class Ledger {
  readonly acknowledged: Acknowledged[] = [];
  /** Begun and not acknowledged, by lane. */
  readonly inFlight = new Map<string, number>();
  readonly retries = new Map<string, number>();

  start(lane: string, n: number): void {
    this.inFlight.set(lane, n);
  }

  acknowledge(acknowledged: Acknowledged): void {
    this.inFlight.delete(acknowledged.lane);
    this.acknowledged.push(acknowledged);
  }

  retry(code: string): void {
    this.retries.set(code, (this.retries.get(code) ?? 0) + 1);
  }

  /** Reads every acknowledged write from `bus`: the content, under its revision or, in a document that was written again, a later one. */
  async assertReadFrom(bus: Bus): Promise<void> {
    const last = new Map<string, number>();
    for (const { id, revision } of this.acknowledged) last.set(id, Math.max(revision, last.get(id) ?? 0));
    for (const { lane, n, id, revision } of this.acknowledged) {
      const entry = await bus.collection("dashboards").get(id);
      assert.ok(entry, `${id}, acknowledged as revision ${revision}, is lost`);
      const data = entry.doc.data as Record<string, string>;
      assert.equal(data[documentOf(lane, n).field], textOf(lane, n), `write ${n} of ${lane} is lost in ${id}`);
      assert.ok(entry.revision >= (last.get(id) ?? 0), `${id} is older than what was acknowledged`);
      if (!this.inFlight.has(lane)) assert.equal(entry.revision, last.get(id), `${id} was written again`);
    }
  }

  /** In the store every mutation is one version, and it is the one that was acknowledged. */
  assertOneEffectEach(versions: readonly StoredVersion[]): void {
    const revisions = new Map<string, number[]>();
    for (const { envelope, revision } of versions) {
      if (envelope) revisions.set(envelope.version, [...(revisions.get(envelope.version) ?? []), revision]);
    }
    for (const [mutation, found] of revisions) assert.equal(found.length, 1, `${mutation} was stored as ${found.join(" and ")}`);
    for (const { id, revision, mutationId } of this.acknowledged) assert.deepEqual(revisions.get(mutationId), [revision], id);
  }
}

/** A datastore whose folder is `datastore` in `dir`: a Deployment is one. */
export interface Place {
  dir: string;
  datastore: { address: string };
}

/** A connection in the functions' account, which may do everything to the store. */
export async function connectFunctions(deployment: Place, folder = "datastore"): Promise<Connection> {
  const keys = JSON.parse(readFileSync(join(deployment.dir, folder, "keys.json"), "utf8")) as { functionsPassword: string };
  const servers = [deployment.datastore.address];
  const connection = new Connection({
    servers,
    user: "functions",
    password: keys.functionsPassword,
    inboxPrefix: "_INBOX_t",
    name: "t",
  });
  await connection.open();
  return connection;
}

/** Every version that the store still has, in order. */
export async function storedVersions(deployment: Place): Promise<StoredVersion[]> {
  const connection = await connectFunctions(deployment);
  try {
    const versions: StoredVersion[] = [];
    for await (const page of readAll(connection, { stream: STREAM, subjects: STORE_ALL, from: 1 })) versions.push(...page);
    return versions;
  } finally {
    await connection.close();
  }
}

/** All of them hold the same, at the latest `withinMs` after the last change. */
export async function assertEqualReplicas(buses: readonly Bus[], withinMs = 60_000): Promise<void> {
  let found: unknown[] = [];
  await eventually("all replicas are equal", withinMs, async () => {
    found = await Promise.all(buses.map(async (bus) => JSON.stringify((await bus.digests()).digests)));
    return new Set(found).size === 1;
  }).catch((error: unknown) => assert.fail(`${(error as Error).message}: ${found.join("\n")}`));
}
