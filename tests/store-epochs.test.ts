// Goal: handlers that are connected to different servers of a cluster know the same lives of the store: else one of them would tell a webserver that it
// is of another store. Method: two handlers' epochs on one real store, each with a server of its own by name.
import assert from "node:assert/strict";
import { it } from "node:test";
import type { Connection } from "../bus/wire/nats.ts";
import { Epochs } from "../functions/store/epochs.ts";
import { judge } from "../schemas/epochs.ts";
import { loadSchemas } from "../schemas/index.ts";
import { deploy } from "./support/deployment.ts";
import { connectFunctions } from "./support/faults-ledger.ts";
import { eventually } from "./support/nats-server-kit.ts";

const WAIT_MS = 60_000;
const schemas = loadSchemas();

/** This connection, as one to another server of the same cluster. */
function through(real: Connection, id: string): Connection {
  return new Proxy(real, {
    get(target, name) {
      if (name === "info") return { ...target.info, id };
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

it("a life that another handler has begun counts for all of them", async (t) => {
  await using deployment = await deploy({ sync: "default" });
  const begin = async (id: string, hears = true) => {
    const connection = await connectFunctions(deployment);
    t.after(() => connection.close());
    const epochs = new Epochs(through(connection, id), schemas);
    if (hears) epochs.start();
    await connection.flush();
    await epochs.connected();
    return epochs;
  };
  const first = await begin("s1");
  const known = first.list.length;
  const second = await begin("s2");
  assert.equal(second.list.length, known + 1);
  const { epoch = "", firstSeq: cursor = 0 } = second.list.at(-1) ?? {};
  await eventually("the first one knows it", WAIT_MS, () => judge(first.list, { epoch, cursor }) === "good");
  assert.deepEqual(first.list, second.list);
  const deaf = await begin("s3", false);
  await begin("s4");
  await eventually("the others know it", WAIT_MS, () => first.list.length === deaf.list.length + 1);
  assert.deepEqual(await deaf.look(), first.list);
  // Another store may have lower numbers: what is read of it counts.
  first.disconnected();
  await first.connected();
  assert.deepEqual(first.list, deaf.list);
});
