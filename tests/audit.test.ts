// Goal: the audit has who changed what and when, of every commit of every handler, once, and costs few messages; nothing of it is lost when
// a handler is drained or NATS is away for a while. Method: real handlers, and the stream read as an operator would; then the audit alone,
// on a connection that fails.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { NatsConnection } from "nats";
import type { Bus } from "../bus/index.ts";
import { deferred } from "../bus/platform/deadline.ts";
import type { Connection } from "../bus/wire/nats.ts";
import { storeSubject } from "../bus/wire/subjects.ts";
import { Audit } from "../functions/store/audit.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { makeAdmins } from "./support/people.ts";

interface Line {
  collection: string;
  id: string;
  revision: number;
  op: string;
  by: number;
  webserver: string;
  version: string;
  at: string;
}

const linesOf = (body: string): Line[] => body.split("\n").map((line) => JSON.parse(line) as Line);

/** All messages of the audit, each as its lines. */
async function readAudit(nats: NatsConnection): Promise<Line[][]> {
  const manager = await nats.jetstreamManager();
  const { state } = await manager.streams.info("frontsync_audit");
  const messages: Line[][] = [];
  for (let seq = Math.max(1, state.first_seq); seq <= state.last_seq; seq++)
    messages.push(linesOf((await manager.streams.getMessage("frontsync_audit", { seq })).string()));
  return messages;
}

describe("the audit", () => {
  let deployment: Deployment;
  before(async () => {
    deployment = await deploy({ webservers: 2, handlers: 2 });
    await makeAdmins(deployment.buses[0] as Bus, 9);
  });
  after(() => deployment[Symbol.asyncDispose]());

  it("has who changed what, when and from where, and no bodies", async () => {
    const nats = await deployment.rawFunctions();
    const web = await deployment.rawWebserver("raw");
    const id = `Ü ${"long".repeat(40)}`;
    for (const [verb, request] of [
      ["put", { mutation: "raw:1", by: 7, doc: { id, name: "secret" } }],
      ["patch", { mutation: "raw:2", by: 8, id, merge: { description: "d" } }],
      ["delete", { mutation: "raw:3", by: 9, id }],
    ] as const)
      await web.request(`ds.req.dashboards.${verb}.raw`, JSON.stringify(request), { timeout: 60_000 });
    const versions = await deployment.buses[0]?.collection("dashboards").versions(id);
    const written = await eventually("it is written", 60_000, async () => {
      const lines = (await readAudit(nats)).flat().filter((line) => line.id === id);
      return lines.length === 3 && lines.sort((a, b) => a.revision - b.revision);
    });
    const expected = versions?.reverse().map(({ op, revision, by, at }, index) => {
      return { collection: "dashboards", id, revision, op, by, webserver: "raw", version: `raw:${index + 1}`, at };
    });
    assert.deepEqual(written, expected);
  });

  it("has every commit of a flood once, in few messages; a drain leaves nothing behind", async () => {
    const before = (await readAudit(await deployment.rawFunctions())).length;
    const count = 2000;
    const docs = Array.from({ length: count }, (_, n) => ({ id: `flood${n}`, name: `${n}` }));
    const begun = performance.now();
    const written = await Promise.all(
      deployment.buses.map((bus, half) =>
        bus.collection("dashboards").putMany(
          docs.filter((_, n) => n % 2 === half),
          { timeoutMs: 60_000 },
        ),
      ),
    );
    const revisions = written.flat().map((one) => (one instanceof Error ? 0 : (one.revision ?? 0)));
    const took = performance.now() - begun;
    await deployment.restartDatastore();
    const messages = (await readAudit(await deployment.rawFunctions())).slice(before);
    const found = messages.flat().filter(({ id }) => id.startsWith("flood"));
    const ascending = (x: number, y: number) => x - y;
    assert.deepEqual(found.map(({ revision }) => revision).sort(ascending), revisions.sort(ascending));
    assert.deepEqual(new Set(found.map(({ webserver }) => webserver)), new Set(["web1", "web2"]));
    // Each of two handlers sends one every 100 ms at most, but for full ones: on a slow machine these are more.
    assert.ok(messages.length < Math.max(count / 20, (2 * took) / 100), `${messages.length} messages in ${took} ms`);
  });

  it("is kept for 90 days, or for as long as an operator has set", async () => {
    const day = 24 * 3600e9;
    const manager = await (await deployment.rawFunctions()).jetstreamManager();
    const { config } = await manager.streams.info("frontsync_audit");
    assert.deepEqual([config.subjects, config.max_age, config.storage], [["ds.audit.>"], 90 * day, "file"]);
    await manager.streams.update("frontsync_audit", { max_age: 7 * day });
    await deployment.restartDatastore();
    const again = await (await deployment.rawFunctions()).jetstreamManager();
    assert.equal((await again.streams.info("frontsync_audit")).config.max_age, 7 * day);
  });
});

describe("an audit whose NATS fails", () => {
  const version = (n: number) => ({
    subject: storeSubject("dashboards", `d${n}`),
    revision: n,
    deleted: false,
    envelope: {
      version: `web1.a.${n}`,
      by: 1,
      webserver: "web1",
      at: "2030-01-01T00:00:00.000Z",
      created: "2030-01-01T00:00:00.000Z",
      sha256: "",
      seen: "",
      signature: "",
    },
  });

  interface Message {
    subject: string;
    seq: number;
    hdrs: string;
  }

  /** A connection whose audit messages go to `store`, which may throw. `last`: what is read of their subjects. */
  function connectionTo(
    store: (body: string, messageId: string, subject: string) => void | Promise<void>,
    last: ReadonlyMap<string, Message> = new Map(),
  ): Connection {
    const reply = { json: () => ({}) };
    const request = async (subject: string, body: string, { headers }: { headers?: { encode(): Uint8Array } }) => {
      const text = headers ? Buffer.from(headers.encode()).toString() : "";
      if (subject.startsWith("ds.audit.")) await store(body, /Nats-Msg-Id: (\S+)/.exec(text)?.[1] ?? "", subject);
      if (subject.startsWith("$JS.API.STREAM.MSG.GET.")) {
        const message = last.get((JSON.parse(body) as { last_by_subj: string }).last_by_subj);
        return { json: () => (message ? { message } : { error: { code: 404, err_code: 10037 } }) };
      }
      return reply;
    };
    return { request } as unknown as Connection;
  }

  it("sends a message again under its own id until it is stored", async () => {
    const tries: string[] = [];
    const stored: Line[][] = [];
    const audit = new Audit(
      connectionTo((body, messageId) => {
        tries.push(messageId);
        if (tries.length < 3) throw new FrontsyncError("TIMEOUT", "away");
        stored.push(linesOf(body));
      }),
      "handler-x",
    );
    audit.note(version(1));
    audit.note(version(2));
    await audit.drain();
    assert.deepEqual(tries, ["handler-x.0", "handler-x.0", "handler-x.0"]);
    assert.deepEqual(
      stored.map((lines) => lines.map(({ revision }) => revision)),
      [[1, 2]],
    );
  });

  it("writes nothing twice when its NATS was away for longer than that knows what is sent again", async () => {
    const last = new Map<string, Message>();
    let stored = 0;
    const audit = new Audit(
      connectionTo((_, messageId, subject) => {
        // It is stored, and its answer is lost.
        stored++;
        last.set(subject, {
          subject,
          seq: stored,
          hdrs: Buffer.from(`NATS/1.0\r\nNats-Msg-Id: ${messageId}\r\n\r\n`).toString("base64"),
        });
        if (stored === 1) throw new FrontsyncError("TIMEOUT", "away");
      }, last),
      "handler-x",
    );
    audit.note(version(1));
    await audit.drain();
    assert.equal(stored, 1);
    assert.deepEqual([...last.keys()], ["ds.audit.commits.handler-x"]);
  });

  it("keeps a bounded number of records, and says how many are missing", async () => {
    const away = deferred<void>();
    const stored: Partial<Line & { lost: number }>[] = [];
    const audit = new Audit(
      connectionTo(async (body) => {
        await away.promise;
        stored.push(...linesOf(body));
      }),
      "handler-x",
    );
    const count = 120_000;
    for (let n = 1; n <= count; n++) audit.note(version(n));
    away.resolve();
    await audit.drain();
    const lost = stored.reduce((sum, line) => sum + (line.lost ?? 0), 0);
    assert.ok(lost > 0 && lost < count / 2, `${lost} are missing`);
    assert.equal(stored.filter(({ revision }) => revision !== undefined).length, count - lost);
  });
});
