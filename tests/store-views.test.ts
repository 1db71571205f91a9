// Goal: what a handler decides on is what the store has: a view from before a new connection is not current, and a store that could not be read to its
// end is not empty. Method: the handler's parts on a connection of their own to a real store.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Bus } from "../bus/index.ts";
import type { Connection } from "../bus/wire/nats.ts";
import { Seeding } from "../functions/seed/seeding.ts";
import { Follower } from "../functions/store/follower.ts";
import { Views, wholeCollection } from "../functions/store/views.ts";
import { loadSchemas } from "../schemas/index.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { connectFunctions } from "./support/faults-ledger.ts";
import { eventually } from "./support/nats-server-kit.ts";

const WAIT_MS = 60_000;
const schemas = loadSchemas();

/** This connection, to a server that counts one message more than it gives. */
function miscounted(connection: Connection): Connection {
  const request: Connection["request"] = async (subject, ...rest) => {
    const reply = await connection.request(subject, ...rest);
    if (!subject.includes(".STREAM.INFO.")) return reply;
    const info = reply.json<{ state: { messages: number } }>();
    info.state.messages++;
    return { json: () => info } as unknown as typeof reply;
  };
  const methods = {
    request,
    subscribe: connection.subscribe.bind(connection),
    publish: connection.publish.bind(connection),
    createInbox: connection.createInbox.bind(connection),
    connected: true,
  };
  return methods as unknown as Connection;
}

describe("a handler", () => {
  let deployment: Deployment;
  let connection: Connection;
  before(async () => {
    deployment = await deploy({ sync: "default" });
    connection = await connectFunctions(deployment);
  });
  after(async () => {
    await connection.close();
    await deployment[Symbol.asyncDispose]();
  });

  it("takes a store for empty only when it has seen all of it", async () => {
    const seeding = (of: Connection) => new Seeding(of, schemas, Buffer.alloc(32), WAIT_MS);
    assert.equal(typeof (await seeding(connection).emptyAt()), "number");
    assert.equal(await seeding(miscounted(connection)).emptyAt(), undefined);
  });

  it("reads a view again when what it had heard of is forgotten", async () => {
    const bus: Bus = await deployment.connect("web1");
    const follower = new Follower(connection, schemas, () => {});
    const views = new Views(connection, schemas, follower);
    follower.start();
    await connection.flush();
    const names = async () => [...(await views.of(wholeCollection("dashboards"))).held.values()].map(({ doc }) => doc?.name);
    assert.deepEqual(await names(), []);
    for (const [name, forget] of [
      ["connected", () => follower.connected()],
      ["disconnected", () => follower.disconnected()],
    ] as const) {
      const known = await views.of(wholeCollection("dashboards"));
      await bus.collection("dashboards").put({ id: name, name });
      await eventually("it is heard of", WAIT_MS, () => follower.lastOf("dashboards") > known.revision);
      forget();
      assert.ok((await names()).includes(name), name);
    }
    follower.stop();
  });
});
