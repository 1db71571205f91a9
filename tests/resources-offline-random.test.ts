// Goal: whatever is done to resources with and without contact, in any order and across restarts, ends on every webserver as it was asked for, each
// document with its content. Method: random uploads, edits and deletions by one webserver, which is cut off, closed and opened in between;
// a model of what they give.
import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "node:test";
import fc from "fast-check";
import { type Bus, connectBus } from "../bus/index.ts";
import { content, digest, sha256Of } from "./support/contents.ts";
import { deploy } from "./support/deployment.ts";
import { assertEqualReplicas } from "./support/faults-ledger.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { allCaughtUp, Gate } from "./support/offline.ts";

const RUNS = 8;
const WAIT_MS = 60_000;

interface Model {
  version: number;
  size: number;
  description?: string;
}

it("resources that are changed at random, with and without contact", { timeout: 900_000 }, async () => {
  await using deployment = await deploy({ webservers: 1 });
  const [other] = deployment.buses as [Bus];
  await using gate = await Gate.to(deployment.datastore.address);
  const options = { datastore: gate.address, webserver: "web2", dir: join(deployment.dir, "web2"), updateInterval: 0.3 };
  let bus = await connectBus(options);
  const id = fc.constantFrom("a", "b");
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant("upload" as const), id, size: fc.constantFrom(0, 5, 300_000, 600_000) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("patch" as const), id, size: fc.nat(9) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constantFrom("delete" as const, "cut" as const, "join" as const), id, size: fc.nat(1) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("restart" as const, "cut" as const), id, size: fc.nat(1) }) },
  );
  let run = 0;
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
        const model = new Map<string, Model>();
        run++;
        for (const one of steps) {
          const name = `${one.id}${run}`;
          const before = model.get(name);
          if (one.do === "upload") {
            const written = await bus.resources.upload(content(one.size, run), { name }, { id: name });
            const version = (before?.version ?? 0) + (before?.size === one.size ? 0 : 1);
            model.set(name, { ...before, size: one.size, version });
            assert.equal(written.version, version);
          } else if (one.do === "patch" && before) {
            const description = `d${one.size}`;
            await bus.collection("resources").patch(name, { description });
            model.set(name, { ...before, description });
          } else if (one.do === "delete" && before) {
            await bus.collection("resources").delete(name);
            model.delete(name);
          } else if (one.do === "cut") {
            gate.shut();
            await eventually("it is cut off", WAIT_MS, () => bus.status().state === "degraded");
          } else if (one.do === "join") gate.open();
          else if (one.do === "restart") {
            await bus.close();
            bus = await connectBus(options);
          }
          await assertHas(bus, model, run);
        }
        gate.open();
        await allCaughtUp([bus, other]);
        assert.deepEqual(await bus.deadLetters.list(), []);
        for (const each of [bus, other]) await assertHas(each, model, run);
        await assertEqualReplicas([bus, other]);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  } finally {
    await bus.close();
  }
});

async function assertHas(bus: Bus, model: ReadonlyMap<string, Model>, run: number): Promise<void> {
  for (const name of [`a${run}`, `b${run}`]) {
    const doc = (await bus.collection("resources").get(name))?.doc;
    const expected = model.get(name);
    const { version, size, description } = doc ?? {};
    assert.deepEqual(doc && { version, size, ...(description !== undefined && { description }) }, expected, name);
    if (expected) assert.equal((await digest(await bus.resources.open(name))).sha256, sha256Of(expected.size, run));
    else assert.equal(await bus.resources.local(name), undefined);
  }
}
