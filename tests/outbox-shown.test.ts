// Goal: a write is shown on its own webserver until the replica holds it, also when it was answered long before; and one that was never sent is not
// taken for stored when it is tried again elsewhere. Method: the writes of a bus, with a datastore and a disk that answer what the test wants.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Outbox } from "../bus/outbox/outbox.ts";
import { deferred } from "../bus/platform/deadline.ts";
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
    sender: { send: async (write: { put?: { id: string } }) => ({ id: write.put?.id ?? "d", revision: REVISION }) },
    ...{ maxPayload: () => 1e6, takesSchema: () => true, onLost() {}, onSilence() {}, upload: async () => assert.fail() },
    ...{ isHeld: () => false, holds: async () => {}, comes: async () => {}, reachable: async () => {} },
    ...parts,
  };
  return new Writes(options as unknown as WritesOptions, outbox);
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

const put = { op: "put", doc: { id: "d", name: "n" } } as const;

describe("a write on its own webserver", () => {
  it("is shown until its row is there, however long ago it was answered", async (t) => {
    const row = deferred<void>();
    const writes = writesOf(Outbox.open(temporaryFolder(t), schemas), { comes: () => row.promise });
    const written = await writes.write(schema, "d", put, 10, writes.nextMutationId(undefined), { by: 0 });
    assert.equal(written.revision, REVISION);
    assert.equal(writes.pending, 0, "it is up");
    assert.equal(writes.over(schema, "d", undefined).doc?.name, "n");
    assert.deepEqual(writes.pendingIn("dashboards"), ["d"]);
    row.resolve();
    await eventually("the row is shown alone", 60_000, () => writes.over(schema, "d", undefined).doc === undefined);
    await writes.close();
  });

  it("is shown to the end while the bus is closed: it goes on waiting on the disk", async (t) => {
    const never = { state: () => "degraded" as const, reachable: (signal: AbortSignal) => aborted(signal) };
    const writes = writesOf(Outbox.open(temporaryFolder(t), schemas), never);
    const written = await writes.write(schema, "d", put, 10, writes.nextMutationId(undefined), { by: 0 });
    assert.equal(written.revision, null);
    await writes.close();
    assert.equal(writes.over(schema, "d", undefined).doc?.name, "n");
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
});
