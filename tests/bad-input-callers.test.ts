// Goal: what only callers without types can give, or what is just odd, is refused by its code and path, or works; never a TypeError, a wait that ends
// at once, or a write that becomes another one behind its caller's back. Method: one deployment; every method that takes options.
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { after, before, describe, it } from "node:test";
import { type Bus, type Collection, connectBus, type WriteOptions } from "../bus/index.ts";
import { startDatastore } from "../functions/datastore.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { freeze } from "./support/faults-processes.ts";
import { eventually } from "./support/nats-server-kit.ts";

type Doc = Record<string, unknown>;
const FOREVER = [Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER];

let deployment: Deployment;
let bus: Bus;
let dashboards: Collection<Doc>;

before(async () => {
  deployment = await deploy({ webservers: 1, bus: { updateInterval: 1 } });
  bus = deployment.buses[0] as Bus;
  dashboards = bus.collection("dashboards") as unknown as Collection<Doc>;
  await dashboards.put({ id: "there", name: "n" });
  await bus.resources.upload(Readable.from([Buffer.from("there")]), { name: "there" }, { id: "there" });
});
after(async () => await deployment[Symbol.asyncDispose]());

/** Every method that waits. */
const waits: Record<string, (options: WriteOptions) => unknown> = {
  put: (options) => dashboards.put({ id: "there", name: "n" }, options),
  patch: (options) => dashboards.patch("there", { name: "n" }, options),
  delete: (options) => dashboards.delete("none", options),
  putMany: (options) => dashboards.putMany([{ id: "there", name: "n" }], options),
  versions: (options) => dashboards.versions("there", options),
  call: (options) => bus.call("searches.clear", { uid: 1 }, options),
  caughtUp: (options) => bus.caughtUp(null, options),
  open: (options) => bus.resources.open("there", options),
  upload: (options) => bus.resources.upload(Readable.from([Buffer.from("x")]), { name: "n" }, { id: "up", ...options }),
};

describe("options", () => {
  it("that are none, or of the wrong type, are BAD_MESSAGE, and nothing is stored", async () => {
    await bus.caughtUp();
    const { head } = bus.status();
    const bad: [unknown, string][] = [
      ...["x", {}, Number.NaN, null].map((timeoutMs): [unknown, string] => [{ timeoutMs }, "/timeoutMs"]),
      ...["x", {}, 5].map((signal): [unknown, string] => [{ signal }, "/signal"]),
    ];
    for (const [name, wait] of Object.entries(waits)) {
      // The test's own way to these two spreads what it is given.
      const spread = name === "upload" || name === "caughtUp";
      for (const [options, path] of spread ? bad : [...bad, [null, ""] as const, ["x", ""] as const]) {
        const what = `${name} with ${JSON.stringify(options)}`;
        await assert.rejects(
          async () => await wait(options as WriteOptions),
          { name: "FrontsyncError", code: "BAD_MESSAGE", path },
          what,
        );
      }
    }
    for (const options of [null, { signal: "x" }])
      assert.throws(() => dashboards.changes(options as unknown as { since: number }), { code: "BAD_MESSAGE" });
    await bus.caughtUp();
    assert.equal(bus.status().head, head);
  });

  it("may ask to wait longer than a timer can", async () => {
    for (const [name, wait] of Object.entries(waits)) {
      for (const timeoutMs of FOREVER) {
        const done = await Promise.allSettled([wait({ timeoutMs })]);
        const code = done[0]?.status === "rejected" ? done[0].reason.code : "done";
        assert.equal(code, name === "delete" ? "NOT_FOUND" : "done", `${name}, ${timeoutMs} ms`);
        if (name === "open" && done[0]?.status === "fulfilled") (done[0].value as Readable).destroy();
      }
    }
  });

  it("that tell a fetch how long it may stand still are kept to from the first try on", async () => {
    const lazy = await deployment.connect("lazy", { resources: "lazy" });
    using _frozen = freeze(deployment.datastore.pids.handlers);
    // Its first try alone would wait for three seconds.
    await assert.rejects(lazy.resources.open("there", { timeoutMs: 50 }), { code: "TIMEOUT", message: / within 500 ms/ });
  });

  it("that are missing altogether are BAD_CONFIG", async () => {
    for (const options of [undefined, null, "x"]) {
      await assert.rejects(connectBus(options as never), { name: "FrontsyncError", code: "BAD_CONFIG" });
      await assert.rejects(startDatastore(options as never), { name: "FrontsyncError", code: "BAD_CONFIG" });
    }
  });
});

it("a collection without a name is UNKNOWN_COLLECTION on use", async () => {
  for (const name of [undefined, null, 5, "", "__proto__", "toString"])
    await assert.rejects(bus.collection(name as string).list(), { name: "FrontsyncError", code: "UNKNOWN_COLLECTION" });
});

it("a putMany of what is no list is refused, and one that was aborted before does nothing", async () => {
  for (const docs of [undefined, null, {}, "docs", 5])
    await assert.rejects(dashboards.putMany(docs as unknown as Doc[]), { name: "FrontsyncError", code: "BAD_MESSAGE", path: "" });
  const reason = new Error("enough");
  await assert.rejects(dashboards.putMany([], { signal: AbortSignal.abort(reason) }), reason);
});

it("a document whose id is there, and undefined, gets one", async () => {
  const { id } = await dashboards.put({ id: undefined, name: "without" });
  assert.equal((await dashboards.get(id))?.doc.id, id);
  const again = { mutationId: "twice" };
  const twice = [await dashboards.put({ name: "n", id: undefined }, again), await dashboards.put({ name: "n" }, again)];
  assert.equal(twice[0]?.id, twice[1]?.id);
});

it("what the lists of writes show are copies: nobody changes a write by them", async () => {
  await deployment.stopDatastore();
  await eventually("it is noticed", 60_000, () => bus.status().state === "degraded");
  await dashboards.put({ id: "queued", name: "as it was asked for" });
  await dashboards.put({ id: "refused", name: "as it was asked for" }, { ifRevision: 5 });
  for (const { body } of await bus.outbox.list()) (body as Doc).name = "changed";
  await deployment.restartDatastore();
  await bus.caughtUp();
  assert.equal((await dashboards.get("queued"))?.doc.name, "as it was asked for");
  const [letter] = await bus.deadLetters.list();
  (letter?.body as Doc).name = "changed";
  await bus.deadLetters.retry(letter?.mutationId as string);
  assert.equal((await dashboards.get("refused"))?.doc.name, "as it was asked for");
});
