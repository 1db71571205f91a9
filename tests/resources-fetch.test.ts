// Goal: contents come in the background, small ones first, and what somebody opens at once; a webserver that starts with many is usable meanwhile;
// one that is lazy fetches what is opened and nothing else. Method: 1,000 resources and three large ones, and fresh webservers.
import assert from "node:assert/strict";
import { createReadStream, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Bus, connectBus, type Transfer } from "../bus/index.ts";
import { hooks } from "../bus/wire/hooks.ts";
import { content, digest, sha256Of } from "./support/contents.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { eventually } from "./support/nats-server-kit.ts";

const MANY = 1000;
const LARGE = [16_000_000, 8_000_000, 12_000_000];

describe("contents of many resources", { timeout: 900_000 }, () => {
  let deployment: Deployment;
  let web1: Bus;
  before(async () => {
    deployment = await deploy({ webservers: 1 });
    [web1] = deployment.buses as [Bus];
    const large = LARGE.map((size) => web1.resources.upload(content(size, size), { name: `${size}` }, { id: `${size}` }));
    const small = Array.from({ length: MANY }, (_, n) =>
      web1.resources.upload(content(2000, n + 1), { name: `${n}` }, { id: `${n}` }),
    );
    await Promise.all([...large, ...small]);
  });
  after(async () => await deployment[Symbol.asyncDispose]());

  const done = ({ done: bytes, size }: Transfer) => bytes === size;

  it("come in the background, the largest last, and what is opened first", async () => {
    const dir = join(deployment.dir, "eager");
    await using bus = await connectBus({ datastore: deployment.datastore.address, webserver: "eager", dir });
    const finished: string[] = [];
    bus.transfers.onProgress((transfer) => done(transfer) && finished.push(transfer.id));
    await bus.caughtUp(null, { timeoutMs: 120_000 });
    // It is usable at once: it lists all of them, opens any, and stores its own, while they come.
    await eventually("they wait for their turn", 60_000, () => bus.transfers.status().waiting > MANY / 3);
    assert.ok(bus.transfers.status().fetching <= 5, "a few at a time");
    assert.equal((await bus.collection("resources").list({ limit: 1000 })).items.length, 1000);
    const [largest = 0] = LARGE;
    const opened = [String(largest), String(MANY - 1)].map(async (id) => await digest(await bus.resources.open(id)));
    const [stored, first, second] = await Promise.all([
      bus.resources.upload(content(1_000_000, 5), { name: "own" }, { id: "own" }),
      ...opened,
    ]);
    assert.deepEqual([stored.version, first?.size, second?.size], [1, largest, 2000]);
    assert.ok(bus.transfers.status().waiting > LARGE.length, "meanwhile others wait");
    const fetched = () => finished.filter((id) => id !== "own").length;
    await eventually("all are here", 300_000, () => fetched() === MANY + LARGE.length);
    // These two come side by side.
    assert.deepEqual(finished.slice(-2).sort(), ["12000000", "8000000"], "the others of the large ones are the last");
    await eventually("nothing is left to do", 60_000, () => {
      const { fetching, waiting } = bus.transfers.status();
      return fetching + waiting === 0;
    });
    for (const id of ["0", "150", "999", "12000000"]) assert.ok(await bus.resources.local(id));
  });

  it("that were fetched in part stay to be gone on with as long as a document has them, and no longer", async (t) => {
    hooks.keepContentsMs = 300;
    t.after(() => {
      hooks.keepContentsMs = undefined;
    });
    const folder = join(deployment.dir, "parts", "resources", "partial");
    mkdirSync(folder, { recursive: true });
    const [needed, given] = [sha256Of(2000, 8), sha256Of(2000, 80_000)];
    for (const sha256 of [needed, given]) writeFileSync(join(folder, sha256), "a part");
    await using bus = await deployment.connect("parts", { resources: "lazy" });
    await eventually("one is taken away", 60_000, () => !existsSync(join(folder, given)));
    assert.ok(existsSync(join(folder, needed)));
    assert.equal((await digest(await bus.resources.open("7"))).sha256, needed);
  });

  it("are fetched when they are opened, where a webserver is lazy", async () => {
    const bus = await deployment.connect("lazy", { resources: "lazy" });
    assert.deepEqual(bus.transfers.status(), { sentBytes: 0, receivedBytes: 0, fetching: 0, waiting: 0 });
    assert.equal(await bus.resources.local("7"), undefined);
    const all = await Promise.all(["7", "7", "7"].map(async (id) => await digest(await bus.resources.open(id))));
    for (const one of all) assert.deepEqual(one, { sha256: sha256Of(2000, 8), size: 2000 });
    assert.ok(await bus.resources.local("7"));
    assert.equal(await bus.resources.local("8"), undefined);
    assert.ok(bus.transfers.status().receivedBytes < 4000, "once");
    await deployment.stopDatastore();
    await eventually("it is noticed", 60_000, () => bus.status().state === "degraded");
    assert.equal((await digest(await bus.resources.open("7"))).size, 2000);
    await assert.rejects(bus.resources.open("8"), { code: "DATASTORE_UNREACHABLE" });
  });
});

it("a content that several ask for at once comes once, and each gets it whole", { timeout: 300_000 }, async () => {
  await using deployment = await deploy({ webservers: 1 });
  const [web1] = deployment.buses as [Bus];
  const size = 16 * 1024 * 1024;
  const { id, sha256 } = await web1.resources.upload(content(size), { name: "large" });
  const bus = await deployment.connect("several");
  const given = new AbortController();
  const fetched = [{}, {}, { signal: given.signal }].map((options) => bus.transfers.fetch({ id, sha256, size }, options));
  given.abort(new Error("no more"));
  await assert.rejects(fetched.pop() as Promise<string>, /no more/);
  for (const path of await Promise.all(fetched)) assert.deepEqual(await digest(createReadStream(path)), { sha256, size });
  assert.deepEqual(await digest(await bus.resources.open(id)), { sha256, size });
  assert.ok(bus.transfers.status().receivedBytes < size * 1.1, "once");
});
