// Goal: a write is shown on its own webserver until the replica holds it, also when it was answered long before; and one that was never sent is not
// taken for stored when it is tried again elsewhere. Method: the writes of a bus, with a datastore and a disk that answer what the test wants.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Outbox } from "../bus/outbox/outbox.ts";
import { asBatch, asKept, asRequest, EncodedPut } from "../bus/outbox/request.ts";
import { deferred } from "../bus/platform/deadline.ts";
import type { Row } from "../bus/replica/index.ts";
import { Writes, type WritesOptions } from "../bus/writes.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { loadSchemas } from "../schemas/index.ts";
import { addSeen, hasSeen } from "../schemas/mutation.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";

const schemas = loadSchemas([]);
const schema = schemas.collection("dashboards");
const REVISION = 7;

function writesOf(outbox: Outbox, parts: Partial<WritesOptions> = {}): Writes {
  const options = {
    ...{ webserver: "web1", schemas, read: async () => undefined, state: () => "synced", onPending() {} },
    sender: { send: async () => ({ id: "d", revision: REVISION }) },
    ...{ maxPayload: () => 1e6, takesSchema: () => true, onLost() {}, onSilence() {}, upload: async () => assert.fail() },
    ...{ isHeld: () => false, holds: async () => {}, comes: async () => {}, reachable: async () => {} },
    ...parts,
  };
  return new Writes(options as unknown as WritesOptions, outbox);
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });

const put = { op: "put", doc: { id: "d", name: "n" } } as const;

/** Of the document `d`, which has no row. */
const nameIn = async (writes: Writes) => (await writes.over(schema, "d", async () => undefined)).doc?.name;

describe("a write on its own webserver", () => {
  it("is held as text until somebody looks at it, and sent the same before and after", () => {
    const doc = { id: "d", name: "n" };
    const body = new EncodedPut(JSON.stringify(doc));
    const of = { id: "d", bytes: 20, mutation: "web1.a.1", by: 0, ifRevision: undefined, at: "2029-01-01T00:00:00.000Z" };
    const wish = { ...of, schema, body };
    const kept = asKept(wish, undefined, [], 1e6);
    const sent = asRequest(wish, kept, true);
    assert.equal(body.text, JSON.stringify(doc), "nobody has looked at it");
    assert.deepEqual(JSON.parse(JSON.stringify(kept)).body, doc);
    assert.equal(body.text, undefined, "held is one form only");
    assert.deepEqual(JSON.parse(asRequest(wish, kept, true).json), JSON.parse(sent.json));
    assert.deepEqual(JSON.parse(asBatch([sent])), { writes: [{ collection: "dashboards", put: JSON.parse(sent.json) }] });
    assert.deepEqual(JSON.parse(sent.json).doc, doc);
  });

  it("is shown until its row is there, however long ago it was answered", async (t) => {
    const row = deferred<void>();
    const writes = writesOf(Outbox.open(temporaryFolder(t), schemas), { comes: () => row.promise });
    const written = await writes.write(schema, "d", put, 10, writes.nextMutationId(undefined), { by: 0 });
    assert.equal(written.revision, REVISION);
    assert.equal(writes.pending, 0, "it is up");
    assert.equal(await nameIn(writes), "n");
    assert.deepEqual(writes.pendingIn("dashboards"), ["d"]);
    row.resolve();
    await eventually("the row is shown alone", 60_000, async () => (await nameIn(writes)) === undefined);
    await writes.close();
  });

  it("is stored when the datastore says so, also while contact is lost and the disk here is full", async (t) => {
    const outbox = Outbox.open(temporaryFolder(t), schemas);
    const [sent, answer, full] = [deferred<void>(), deferred<void>(), deferred<void>()];
    outbox.keep = () => full.promise;
    const send = async () => {
      sent.resolve();
      await answer.promise;
      return { id: "d", revision: REVISION };
    };
    const writes = writesOf(outbox, { sender: { send } } as unknown as WritesOptions);
    const write = writes.write(schema, "d", put, 10, writes.nextMutationId(undefined), { by: 0 });
    await sent.promise;
    writes.lost();
    answer.resolve();
    // When the answer is here.
    setImmediate(() => full.reject(new FrontsyncError("DISK_FULL", "No room. Nothing was stored.")));
    const { revision, mutationId } = await write;
    assert.equal(revision, REVISION);
    assert.doesNotMatch(mutationId, /^again:/);
    assert.equal(writes.pending, 0);
    await writes.close();
  });

  it("is shown by a read that was under way when the replica got it", async (t) => {
    const held = deferred<void>();
    const writes = writesOf(Outbox.open(temporaryFolder(t), schemas), { comes: () => held.promise });
    await writes.write(schema, "d", put, 10, writes.nextMutationId(undefined), { by: 0 });
    const body = JSON.stringify(put.doc);
    const [before, after] = [undefined, { revision: REVISION, deleted: false, body, headers: "" } as unknown as Row];
    let reads = 0;
    const { doc } = await writes.over(schema, "d", async () => {
      if (reads++ > 0) return after;
      // Its row was looked for, and was not there yet.
      held.resolve();
      await eventually("it is no longer shown on top", 60_000, () => writes.pendingIn("dashboards").length === 0);
      return before;
    });
    assert.deepEqual([doc?.name, reads], ["n", 2]);
    await writes.close();
  });

  it("is shown to the end while the bus is closed: it goes on waiting on the disk", async (t) => {
    const never = { state: () => "degraded" as const, reachable: (signal: AbortSignal) => aborted(signal) };
    const writes = writesOf(Outbox.open(temporaryFolder(t), schemas), never);
    const written = await writes.write(schema, "d", put, 10, writes.nextMutationId(undefined), { by: 0 });
    assert.equal(written.revision, null);
    await writes.close();
    assert.equal(await nameIn(writes), "n");
  });

  it("gets another name when it was never sent: later ones overtake its number", async (t) => {
    const outbox = Outbox.open(temporaryFolder(t), schemas);
    outbox.keep = async () => {
      throw new FrontsyncError("DISK_FULL", "There is no room.");
    };
    const writes = writesOf(outbox, { state: () => "degraded", reachable: () => new Promise(() => {}) });
    const refused = async (mutationId?: string) => {
      const mutation = writes.nextMutationId(mutationId);
      const options = { by: 0, ...(mutationId !== undefined && { mutationId }) };
      const error = await writes.write(schema, "d", put, 10, mutation, options).catch((thrown: FrontsyncError) => thrown);
      assert.ok(error instanceof FrontsyncError && error.code === "DISK_FULL");
      return { number: mutation, name: error.mutationId ?? "" };
    };
    const { number, name } = await refused();
    const seen = addSeen("", writes.nextMutationId(undefined), "web1");
    assert.ok(hasSeen(seen, number), "its number looks stored");
    assert.ok(!hasSeen(seen, name));
    assert.equal((await refused("mine")).name, "mine", "a name of the caller's own stays");
    assert.equal((await refused(name)).name, name);
  });

  it("gets another name when it was refused for now: on another webserver its number would look stored", async (t) => {
    const send = async () => {
      throw new FrontsyncError("SEEDING", "The store is filled again.");
    };
    const parts = { sender: { send } as unknown as WritesOptions["sender"] };
    const writes = writesOf(Outbox.open(temporaryFolder(t), schemas), parts);
    const groups = schemas.collection("groups");
    const refused = async (mutationId?: string) => {
      const number = writes.nextMutationId(mutationId);
      const options = { by: 0, ...(mutationId !== undefined && { mutationId }) };
      const body = { op: "patch", merge: { name: "n" } } as const;
      const error = await writes.write(groups, "1", body, 10, number, options).catch((thrown: FrontsyncError) => thrown);
      assert.ok(error instanceof FrontsyncError && error.code === "SEEDING");
      return { number, name: error.mutationId ?? "" };
    };
    const { number, name } = await refused();
    const seen = addSeen("", writes.nextMutationId(undefined), "web1");
    assert.ok(hasSeen(seen, number) && !hasSeen(seen, name));
    assert.equal((await refused(name)).name, name);
    await writes.close();
  });

  it("goes on from its own version alone: not from a later one that its answer tells of, also when it was asked once", async (t) => {
    let state: "synced" | "degraded" = "degraded";
    const [contact, over] = [deferred<void>(), deferred<void>()];
    const sent: { ifRevision?: number }[] = [];
    const send = async ({ json }: { json: string }) => {
      sent.push(JSON.parse(json));
      if (sent.length === 2) over.resolve();
      return { id: "d", revision: REVISION };
    };
    // The handler had no answer from the store, looked again, and found somebody else's version on top of this one.
    const theirs = { revision: REVISION, deleted: false, id: "d", headers: "NATS/1.0\r\nFs-Version: web2.b.1\r\n\r\n" };
    let row: Row | undefined;
    const writes = writesOf(Outbox.open(temporaryFolder(t), schemas), {
      ...{ state: () => state, read: async () => row, reachable: () => contact.promise },
      sender: { send } as unknown as WritesOptions["sender"],
    });
    for (const name of ["first", "second"]) {
      const body = { op: "put", doc: { id: "d", name } } as const;
      await writes.write(schema, "d", body, 10, writes.nextMutationId(undefined), { by: 0, ifRevision: 0 });
    }
    row = { ...theirs, body: JSON.stringify({ id: "d", name: "theirs" }) };
    state = "synced";
    contact.resolve();
    await over.promise;
    assert.deepEqual(
      sent.map(({ ifRevision }) => ifRevision),
      [0, 0],
    );
    await eventually("both are answered", 60_000, () => writes.pending === 0);
    await writes.close();
  });

  it("goes on from its own version also when its answer comes long before its row, as while much is caught up with", async (t) => {
    let state: "synced" | "degraded" = "degraded";
    const [contact, came, over] = [deferred<void>(), deferred<void>(), deferred<void>()];
    const sent: { ifRevision?: number }[] = [];
    const send = async ({ json }: { json: string }) => {
      sent.push(JSON.parse(json));
      if (sent.length === 2) over.resolve();
      return { id: "d", revision: REVISION };
    };
    let row: Row | undefined;
    const writes = writesOf(Outbox.open(temporaryFolder(t), schemas), {
      ...{ state: () => state, read: async () => row, reachable: () => contact.promise },
      ...{ isHeld: () => row !== undefined, comes: () => came.promise },
      sender: { send } as unknown as WritesOptions["sender"],
    });
    const mutations = [1, 2].map(() => writes.nextMutationId(undefined));
    for (const mutation of mutations) {
      const body = { op: "put", doc: { id: "d", name: mutation } } as const;
      await writes.write(schema, "d", body, 10, mutation, { by: 0, ifRevision: 0 });
    }
    state = "synced";
    contact.resolve();
    await eventually("the first one is answered", 60_000, () => sent.length === 1);
    const headers = `NATS/1.0\r\nFs-Version: ${mutations[0]}\r\n\r\n`;
    row = { revision: REVISION, deleted: false, id: "d", headers, body: JSON.stringify({ id: "d", name: "first" }) };
    came.resolve();
    await over.promise;
    assert.deepEqual(
      sent.map(({ ifRevision }) => ifRevision),
      [0, REVISION],
    );
    await eventually("both are answered", 60_000, () => writes.pending === 0);
    await writes.close();
  });

  it("of what is not here is not said to wait: it can't be shown, and whoever has asked for it is told that nobody knows", async (t) => {
    let state: "synced" | "degraded" = "synced";
    const [sent, answer] = [deferred<void>(), deferred<never>()];
    const send = () => {
      sent.resolve();
      return answer.promise;
    };
    const writes = writesOf(Outbox.open(temporaryFolder(t), schemas), {
      ...{ state: () => state, reachable: (signal: AbortSignal) => aborted(signal), isHeld: () => true },
      sender: { send } as unknown as WritesOptions["sender"],
    });
    const patch = { op: "patch", merge: { name: "n" } } as const;
    const mutation = writes.nextMutationId(undefined);
    const writing = writes.write(schema, "far", patch, 10, mutation, { by: 0 });
    await sent.promise;
    state = "degraded";
    writes.lost();
    const error = await writing.catch((thrown: FrontsyncError) => thrown);
    assert.ok(error instanceof FrontsyncError && error.code === "OUTCOME_UNKNOWN");
    assert.deepEqual(
      [error.mutationId, writes.list().map(({ mutationId }) => mutationId)],
      [mutation, [mutation]],
      "it is asked again",
    );
    answer.reject(new FrontsyncError("TIMEOUT", "No answer."));
    await writes.close();
  });
});
