// Goal: whatever a webserver sends, each bad message gets an error with a stable code, nothing is stored, and the datastore works on.
// Method: more than 10,000 messages made by fast-check, 700 of each kind, over a raw NATS connection that is logged in as a webserver, on
// every subject that is served, by two handlers. BAD_INPUT_SEED=<n> repeats a run.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import fc from "fast-check";
import { headers, type Msg, type NatsConnection } from "nats";
import { ERRORS, type ErrorCode } from "../schemas/errors.ts";
import { badBatches, badDocuments, batchOf, NOTES } from "./support/bad-documents.ts";
import { type BadMessage, badShapes, VERBS } from "./support/bad-messages.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";
import { warningsOf } from "./support/warnings.ts";

const OF_EACH_KIND = 700;
const LATE = 500;
const IN_FLIGHT = 100;
const SEED = Number(process.env.BAD_INPUT_SEED ?? Math.floor(Math.random() * 2 ** 31));

interface Answer {
  code: ErrorCode;
  message: string;
  path?: string;
  limit?: number;
  current?: { revision: number };
}

/** What is wrong with an answer; undefined: nothing. */
function faultOf(bad: BadMessage, reply: Msg): string | undefined {
  const header = reply.headers?.get("Nats-Service-Error-Code");
  if (!header) return `it was taken: ${reply.string().slice(0, 200)}`;
  const answer = reply.json<Answer>();
  return answer.code === header ? faultIn(bad, answer) : `header and body differ: ${header}, ${answer.code}`;
}

function faultIn(bad: BadMessage, { code, message, path, limit, current }: Answer): string | undefined {
  if (!Object.hasOwn(ERRORS, code) || !bad.codes.includes(code)) return `${code} is none of ${bad.codes}: ${message}`;
  if (typeof message !== "string" || message.length < 10 || message.length > 2000) return `no good message: ${message}`;
  const rightPath = bad.path === undefined || (typeof bad.path === "string" ? path === bad.path : bad.path.test(path ?? ""));
  if (!rightPath) return `the path is ${path}, not ${bad.path}`;
  if (bad.limit !== limit && code === "TOO_LARGE") return `the limit is ${limit}, not ${bad.limit}`;
  if (code === "REVISION_CONFLICT" && !(Number(current?.revision) > 0)) return "it does not tell what is there";
  return undefined;
}

async function send(nats: NatsConnection, { collection, verb, body }: BadMessage): Promise<Msg> {
  return await nats.request(`ds.req.${collection}.${verb}.web1`, body, { timeout: 60_000 });
}

/** Sends all of them, some at a time; each is answered as it should be. */
async function refusesAll(nats: NatsConnection, messages: readonly BadMessage[]): Promise<void> {
  const faults: string[] = [];
  let next = 0;
  const sender = async () => {
    for (let bad = messages[next++]; bad; bad = messages[next++]) {
      const fault = await send(nats, bad).then(
        (reply) => faultOf(bad, reply),
        (error: unknown) => `no answer: ${error}`,
      );
      if (fault) faults.push(`${bad.collection}.${bad.verb} ${String(bad.body).slice(0, 300)}: ${fault}`);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, sender));
  assert.equal(faults.length, 0, `${faults.length} of ${messages.length}, seed ${SEED}:\n${faults.slice(0, 5).join("\n")}`);
}

/** What must be the same after it all. */
async function stateOf(deployment: Deployment, functions: NatsConnection) {
  const { state, config } = await (await functions.jetstreamManager()).streams.info("KV_datastore");
  return { state, config, pids: deployment.datastore.pids, generation: deployment.datastore.generation };
}

it("refuses every bad message, stores nothing of it, and works on", async (t) => {
  t.diagnostic(`seed ${SEED} (BAD_INPUT_SEED=${SEED} repeats it)`);
  const schemas = temporaryFolder(t);
  writeFileSync(join(schemas, "notes.json"), JSON.stringify(NOTES));
  await using deployment = await deploy({ handlers: 2, webservers: 1, schemas: [schemas] });
  const [bus] = deployment.buses;
  assert.ok(bus);
  const revision = {
    dashboards: (await bus.collection("dashboards").put({ id: "there", name: "n" })).revision ?? 0,
    notes: (await bus.collection("notes").put({ id: "there", text: "t" })).revision ?? 0,
  };
  const [nats, functions] = [await deployment.rawWebserver("web1"), await deployment.rawFunctions()];
  const before = await stateOf(deployment, functions);

  const late = { answers: 0, inbox: "_INBOX_web1.late" };
  nats.subscribe(late.inbox, { callback: () => late.answers++ });
  for (let n = 0; n < LATE; n++) {
    const past = headers();
    past.set("Fs-Deadline", String(Date.now() - 1 - n * 1000));
    const body = JSON.stringify({ mutation: `late:${n}`, by: 0, doc: { id: `late-${n}`, name: "n" } });
    nats.publish("ds.req.dashboards.put.web1", body, { headers: past, reply: late.inbox });
  }

  const sent = new Map<string, number>();
  for (const [kind, arbitrary] of Object.entries({ ...badShapes(), ...badDocuments({ revision }) })) {
    await t.test(`${OF_EACH_KIND} of ${kind}`, async () => {
      const messages = fc.sample(arbitrary, { numRuns: OF_EACH_KIND, seed: SEED });
      await refusesAll(nats, messages);
      for (const { verb } of messages) sent.set(verb, (sent.get(verb) ?? 0) + 1);
    });
  }

  await t.test(`${OF_EACH_KIND} batches of up to 8 bad writes, each refused for itself`, async () => {
    const faults: string[] = [];
    for (const writes of fc.sample(badBatches({ revision }), { numRuns: OF_EACH_KIND, seed: SEED })) {
      const reply = await nats.request("ds.req._.batch.web1", batchOf(writes), { timeout: 60_000 });
      const { results } = reply.json<{ results: { refused?: Answer }[] }>();
      assert.equal(results?.length, writes.length, reply.string().slice(0, 300));
      for (const [at, write] of writes.entries()) {
        const refused = results[at]?.refused;
        const fault = refused ? faultIn(write, refused) : "it was taken";
        if (fault) faults.push(`${write.collection}.${write.verb} ${String(write.body).slice(0, 300)}: ${fault}`);
      }
    }
    assert.deepEqual(faults.slice(0, 5), []);
  });

  await t.test("12 dashboards over the limit of 4 MB", async () => {
    const doc = { id: "new", name: "n", data: "x".repeat(4 * 1024 * 1024) };
    const body = JSON.stringify({ mutation: "raw:1", by: 0, doc });
    const large: BadMessage = { collection: "dashboards", verb: "put", body, codes: ["TOO_LARGE"], limit: 4 * 1024 * 1024 };
    await refusesAll(nats, new Array(12).fill(large));
  });

  await t.test("a name that makes the path of the fault larger than a message, and a deadline that is none", async () => {
    const body = `{"mutation":"raw:1","by":0,"doc":{},"${"~".repeat(5 * 1024 * 1024)}":1}`;
    await refusesAll(nats, [
      { collection: "dashboards", verb: "put", body, codes: ["BAD_MESSAGE"], path: `/${"~0".repeat(500)}`.slice(0, 1000) },
    ]);
    const paths = Array.from({ length: 3 }, (_one, n) => ({ path: `/${String(n).repeat(2 * 1024 * 1024)}`, old: 1, new: 2 }));
    const stale = { mutation: "raw:1", by: 0, doc: { id: "there", name: "n" }, base: 1, diff: paths };
    await refusesAll(nats, [
      { collection: "dashboards", verb: "put", body: JSON.stringify(stale), codes: ["REVISION_CONFLICT"], path: /^\/0{999}$/ },
    ]);
    const junk = headers();
    junk.set("Fs-Deadline", "tomorrow");
    const reply = await nats.request("ds.req._.changes.web1", JSON.stringify({ after: 0 }), { headers: junk, timeout: 60_000 });
    assert.equal(reply.headers?.get("Nats-Service-Error-Code"), "BAD_MESSAGE");
  });

  await t.test("nothing of it was stored, and no handler has died", async () => {
    const counts = VERBS.map((verb) => sent.get(verb) ?? 0);
    t.diagnostic(`${VERBS.map((verb, at) => `${verb} ${counts[at]}`).join(", ")}, late ${LATE}`);
    assert.ok(counts.reduce((sum, count) => sum + count) >= 10_000 && Math.min(...counts) >= 500);
    assert.equal(late.answers, 0, "what is too late is not answered");
    assert.deepEqual(await stateOf(deployment, functions), before);
  });

  await t.test("a batch is answered also where what is there is larger than a message", async () => {
    const data = "語".repeat(1_390_000);
    await bus.caughtUp();
    const large = await bus.collection("dashboards").putMany(
      [1, 2].map((n) => ({ id: `large${n}`, name: "n", data })),
      { timeoutMs: 60_000 },
    );
    await bus.caughtUp();
    const writes = large.map((_one, n) => ({
      collection: "dashboards",
      delete: { mutation: `r:${n}`, by: 0, id: `large${n + 1}`, ifRevision: 1 },
    }));
    const reply = await nats.request("ds.req._.batch.web1", JSON.stringify({ writes }), { timeout: 60_000 });
    const { results } = reply.json<{ results: { refused: Answer }[] }>();
    assert.deepEqual(
      results.map(({ refused }) => [refused.code, refused.current]),
      new Array(2).fill(["REVISION_CONFLICT", undefined]),
    );
  });

  await t.test("a good write of each kind succeeds, on every handler", async () => {
    const dashboards = bus.collection("dashboards");
    for (let n = 0; n < 20; n++) {
      const { id } = await dashboards.put({ name: `good ${n}` });
      await dashboards.patch(id, { description: "better" });
      assert.equal((await dashboards.get(id))?.doc.description, "better");
      if (n % 2) await dashboards.delete(id);
    }
    assert.equal((await bus.collection("notes").get("there"))?.revision, revision.notes);
    await bus.caughtUp();
    const status = await eventually("the bus is synced", 60_000, () => bus.status().state === "synced" && bus.status());
    assert.deepEqual([warningsOf(bus), status.counters.resyncs, status.pending], [[], 0, 0]);
    assert.deepEqual(deployment.datastore.pids, before.pids);
  });
});
