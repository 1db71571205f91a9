// Goal: of edits that three webservers make of one document at the same time none is lost silently, whatever the conflict policy: its marker is
// in the document, or was replaced by an edit that knew it, or is in a conflict copy. Method: random edits on three buses, a listener at the
// store that hears each request with its base and each version; then the copies one by one, by requests whose base is stale for certain.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import type { NatsConnection } from "nats";
import { type Bus, type Conflict, FrontsyncError, type Status } from "../bus/index.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { assertEqualReplicas } from "./support/faults-ledger.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { makeAdmins } from "./support/people.ts";
import { type Name, POLICIES, type Sheet, schemaOf } from "./support/sheets.ts";

const SEED = Number(process.env.CONFLICTS_SEED ?? Math.floor(Math.random() * 2 ** 31));
const CASES = 75;
interface Version {
  revision: number;
  mutation: string;
  doc: Sheet | undefined;
}
interface Edit {
  web: number;
  op: "put" | "patch" | "delete";
  place: "title" | "note" | "panel" | "new panel";
  panel: number;
}

/** What passes the store: each edit's base by its mutation, and each version of each document. */
class Listener {
  readonly bases = new Map<string, number | undefined>();
  readonly versions = new Map<string, Version[]>();
  /** The highest revision that it has heard of. */
  last = 0;

  constructor(nats: NatsConnection) {
    nats.subscribe("ds.req.>", {
      callback: (_error, message) => {
        const request = JSON.parse(message.string() || "{}") as {
          writes?: Record<string, { mutation: string; base?: number }>[];
        };
        const writes = request.writes?.flatMap(({ put, patch, delete: deletion }) => put ?? patch ?? deletion ?? []) ?? [
          request as never,
        ];
        for (const { mutation, base } of writes) this.bases.set(mutation, base);
      },
    });
    nats.subscribe("ds.live.>", {
      callback: (_error, message) => {
        const key = message.subject.slice("ds.live.".length);
        const [revision, mutation] = [Number(message.headers?.get("Nats-Sequence")), message.headers?.get("Fs-Version") ?? ""];
        this.last = Math.max(this.last, revision || 0);
        const doc = message.headers?.has("KV-Operation") ? undefined : (JSON.parse(message.string() || "null") as Sheet);
        this.versions.set(key, [...(this.versions.get(key) ?? []), { revision, mutation, doc }]);
      },
    });
  }

  of(name: Name, id: string): Version[] {
    return this.versions.get(`${name}.${id}`) ?? [];
  }
}

let deployment: Deployment;
let folder: string;
let functions: NatsConnection;
let web9: NatsConnection;
let listener: Listener;

const bus = (n: number) => deployment.buses[n] as Bus;
const has = (value: unknown, marker: string) => JSON.stringify(value ?? null).includes(`"${marker}"`);

async function allCaughtUp(): Promise<void> {
  await Promise.all(deployment.buses.map((one) => one.caughtUp()));
  await functions.flush();
  const head = Math.max(...deployment.buses.map((one) => one.status().cursor));
  await eventually("the listener has heard it, too", 60_000, () => listener.last >= head);
}

async function copiesOf(docId: string): Promise<Conflict[]> {
  await allCaughtUp();
  return (await bus(0).conflicts.list()).filter((copy) => copy.docId === docId);
}

/** A request as it is, with the reply: the new revision, or the refusal's code. */
async function ask(name: Name | "sessions", verb: string, body: object): Promise<{ revision?: number; code?: string }> {
  const reply = await web9.request(`ds.req.${name}.${verb}.web9`, JSON.stringify({ by: 5, ...body }), { timeout: 60_000 });
  return reply.json();
}

describe("conflicts", () => {
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "frontsync-test-"));
    for (const name of Object.keys(POLICIES) as Name[])
      writeFileSync(join(folder, `${name}.json`), JSON.stringify(schemaOf(name)));
    deployment = await deploy({ webservers: 3, handlers: 2, schemas: [folder], bus: { updateInterval: 1 } });
    await makeAdmins(deployment.buses[0] as Bus, 5);
    [functions, web9] = [await deployment.rawFunctions(), await deployment.rawWebserver("web9")];
    listener = new Listener(functions);
    await functions.flush();
  });
  after(async () => {
    await deployment[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Makes the edit of what the webserver holds now. */
  async function make(name: Name, id: string, { web, op, place, panel }: Edit, marker: string): Promise<string> {
    const collection = bus(web).collection(name);
    const held = ((await collection.get(id))?.doc ?? { id, panels: [] }) as Sheet;
    const panels = held.panels.map((one, at) =>
      place === "panel" && at === panel % held.panels.length ? { ...one, text: marker } : one,
    );
    if (place === "new panel" || panels.length === 0) panels.push({ id: marker, text: marker });
    const change = place === "title" || place === "note" ? { [place]: marker } : { panels };
    const options = { mutationId: marker, timeoutMs: 60_000 };
    const written =
      op === "put"
        ? collection.put({ ...held, ...change }, options)
        : op === "patch"
          ? collection.patch(id, change, options)
          : collection.delete(id, options);
    return await written.then(
      () => "stored",
      (error: FrontsyncError) => error.code,
    );
  }

  /** Where the edit's marker, or for a deletion the deletion, has gone; throws when it is lost. */
  function account(name: Name, id: string, op: Edit["op"], marker: string, outcome: string, copies: readonly Conflict[]): string {
    const versions = listener.of(name, id);
    const holds = (version: Version | undefined) =>
      op === "delete" ? version !== undefined && !version.doc : has(version?.doc, marker);
    const inCopy = () => copies.some(({ losing }) => (op === "delete" ? losing === null : has(losing, marker)));
    const versionAt = (revision: number | undefined) => versions.findLast((version) => version.revision <= (revision ?? 0));
    if (outcome !== "stored") {
      if (inCopy()) return "kept";
      // What somebody else has deleted is as a deletion wanted it; else it was wrong on what it was based on.
      const wasThere = op !== "delete" && versionAt(listener.bases.get(marker))?.doc;
      assert.ok(
        ["SCHEMA_INVALID", ...(wasThere ? [] : ["NOT_FOUND"])].includes(outcome),
        `${marker}: ${outcome}, and it is lost`,
      );
      return "refused";
    }
    let at = versions.findIndex(({ mutation }) => mutation === marker);
    assert.ok(holds(versions[at]), `${marker} was acknowledged, and is not there`);
    while (holds(versions[at])) at++;
    const next = versions[at];
    if (!next) return "there";
    if (holds(versionAt(listener.bases.get(next.mutation)))) return "replaced";
    assert.ok(inCopy(), `${marker} was overwritten by ${next.mutation}, which did not know it, and is lost`);
    return "kept";
  }

  it(`over one document, by three webservers at once: every edit is accounted for; ${CASES} cases`, async (t) => {
    t.diagnostic(`seed ${SEED} (CONFLICTS_SEED=${SEED} repeats it)`);
    const edit = fc.record<Edit>({
      web: fc.nat(2),
      op: fc.constantFrom("put", "put", "patch", "patch", "delete"),
      place: fc.constantFrom("title", "note", "panel", "new panel"),
      panel: fc.nat(2),
    });
    const found = new Map<string, number>();
    let cases = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<Name>("merged", "merged", "rejected", "overwritten"),
        fc.array(edit, { minLength: 3, maxLength: 7 }),
        async (name, edits) => {
          const id = `case${cases++}`;
          const panels = ["a", "b", "c"].map((panel) => ({ id: panel, text: "base" }));
          await bus(0).collection(name).put({ id, title: "base", panels });
          await allCaughtUp();
          const outcomes: { op: Edit["op"]; marker: string; outcome: string }[] = [];
          // Each webserver makes its edits one after the other, beside the other two.
          const work = async (web: number) => {
            for (const [n, one] of edits.entries()) {
              const marker = `${id}.${n}`;
              if (one.web === web) outcomes.push({ op: one.op, marker, outcome: await make(name, id, one, marker) });
            }
          };
          await Promise.all([0, 1, 2].map(work));
          const copies = await copiesOf(id);
          for (const { op, marker, outcome } of outcomes) {
            const where = `${POLICIES[name]}: ${account(name, id, op, marker, outcome, copies)}`;
            found.set(where, (found.get(where) ?? 0) + 1);
          }
          const total = (await bus(0).conflicts.list()).length;
          for (const one of deployment.buses) assert.equal(one.status().conflicts, total);
        },
      ),
      { numRuns: CASES, seed: SEED, endOnFailure: true },
    );
    t.diagnostic(
      [...found]
        .map(([where, count]) => `${where} ${count}`)
        .sort()
        .join(", "),
    );
    for (const policy of new Set(Object.values(POLICIES)))
      assert.ok((found.get(`${policy}: kept`) ?? 0) > 0, `${policy} was tried`);
    await assertEqualReplicas(deployment.buses);
  });

  /** A document at its second version, and the revision of the first: stale for certain. */
  async function outdated(name: Name, id: string): Promise<{ base: number; current: number }> {
    const { revision: base } = await ask(name, "put", { mutation: `${id}-1`, doc: { id, title: "base", secret: "s1" } });
    const { revision: current } = await ask(name, "put", {
      mutation: `${id}-2`,
      doc: { id, title: "theirs", secret: "s2" },
      base,
      by: 3,
    });
    assert.ok(base && current);
    return { base, current };
  }

  it("keep a refused put, patch and delete, once, without secrets, and say whose they are", async () => {
    for (const name of ["merged", "rejected"] as const) {
      const id = `refused-${name}`;
      const { base, current } = await outdated(name, id);
      const edits = {
        put: { doc: { id, title: "mine", secret: "s3" } },
        patch: { id, merge: { note: "mine" }, diff: [{ path: "/title", old: "x", new: "y" }] },
        delete: { id },
      };
      for (const [verb, body] of Object.entries(edits))
        for (let time = 0; time < 2; time++)
          assert.equal((await ask(name, verb, { ...body, mutation: `${id}-${verb}`, base })).code, "REVISION_CONFLICT");
      const copies = await copiesOf(id);
      assert.equal(copies.length, 3);
      for (const copy of copies) {
        assert.deepEqual([copy.collection, copy.base, copy.winner, copy.by], [name, base, current, 5]);
        assert.ok(Math.abs(Date.parse(copy.at) - Date.now()) < 60_000);
      }
      const losing = copies.map((copy) => JSON.stringify(copy.losing)).sort();
      assert.deepEqual(
        losing,
        [JSON.stringify({ id, title: "mine" }), "null", JSON.stringify({ patch: { note: "mine" } })].sort(),
      );
      // Discarded, a copy does not come back with a late retry.
      for (const copy of copies) await bus(1).conflicts.discard(copy.id);
      await ask(name, "put", { ...edits.put, mutation: `${id}-put`, base });
      assert.deepEqual(await copiesOf(id), []);
    }
  });

  it("keep what the last writer goes over unseen, with the revision that it lost to", async () => {
    const { base } = await outdated("overwritten", "over");
    const doc = { id: "over", title: "mine" };
    const { revision } = await ask("overwritten", "put", { doc, mutation: "over-3", base });
    assert.deepEqual((await ask("overwritten", "put", { doc, mutation: "over-3", base })).revision, revision);
    const [copy, ...more] = await copiesOf("over");
    assert.deepEqual(more, []);
    assert.deepEqual([copy?.losing, copy?.base, copy?.winner, copy?.by], [{ id: "over", title: "theirs" }, base, revision, 3]);
    // The same once more is no loss.
    await ask("overwritten", "put", { doc, mutation: "over-4", base });
    assert.equal((await copiesOf("over")).length, 1);
    await ask("overwritten", "delete", { id: "over", mutation: "over-5", base });
    await ask("overwritten", "put", { doc, mutation: "over-6", base });
    assert.deepEqual(
      (await copiesOf("over"))
        .map(({ losing }) => losing)
        .filter((losing) => losing === null || (losing as Sheet).title === "mine").length,
      2,
    );
  });

  it("keep a patch of what was deleted meanwhile, made of its base where that is known", async () => {
    const dashboards = bus(0).collection("dashboards");
    const { revision: base } = await dashboards.put({ id: "gone", name: "base", description: "kept" });
    await dashboards.delete("gone");
    const refused = await web9.request(
      "ds.req.dashboards.patch.web9",
      JSON.stringify({ id: "gone", merge: { name: "mine" }, mutation: "gone-1", by: 0, base }),
      { timeout: 60_000 },
    );
    assert.equal(refused.json<{ code: string }>().code, "NOT_FOUND");
    const [copy] = await copiesOf("gone");
    assert.deepEqual(copy?.losing, { id: "gone", name: "mine", description: "kept" });
  });

  it("are what a merge makes that the schema refuses", async () => {
    const panels = (...ids: string[]) => ids.map((id) => ({ id, text: "x" }));
    const { revision: base } = await ask("merged", "put", {
      doc: { id: "many", panels: panels("a", "b", "c") },
      mutation: "many-1",
    });
    await ask("merged", "put", { doc: { id: "many", panels: panels("a", "b", "c", "d") }, mutation: "many-2", base });
    const diff = [{ path: "/panels/~:e", new: { id: "e", text: "x" } }];
    const doc = { id: "many", panels: panels("a", "b", "c", "e") };
    assert.equal((await ask("merged", "put", { doc, diff, base, mutation: "many-3" })).code, "REVISION_CONFLICT");
    assert.deepEqual(
      (await copiesOf("many")).map(({ losing }) => losing),
      [doc],
    );
    const tooMany = { ...doc, panels: panels("a", "b", "c", "e", "f") };
    assert.equal((await ask("merged", "put", { doc: tooMany, diff, base, mutation: "many-4" })).code, "SCHEMA_INVALID");
  });

  it("leave no copy with ifRevision, of a collection that keeps none, and of what is too large for one", async () => {
    const { base } = await outdated("merged", "explicit");
    assert.equal(
      (await ask("merged", "put", { doc: { id: "explicit" }, mutation: "explicit-3", ifRevision: base })).code,
      "REVISION_CONFLICT",
    );
    const careless = await outdated("careless", "careless");
    assert.ok((await ask("careless", "put", { doc: { id: "careless" }, mutation: "careless-3", base: careless.base })).revision);
    const large = await outdated("rejected", "large");
    const note = "x".repeat(4_210_600);
    assert.equal(
      (await ask("rejected", "put", { doc: { id: "large", note }, mutation: "large-3", base: large.base })).code,
      "REVISION_CONFLICT",
    );
    for (const id of ["explicit", "careless", "large"]) assert.deepEqual(await copiesOf(id), []);
    const over = await ask("overwritten", "put", { doc: { id: "huge", note }, mutation: "huge-1" });
    assert.equal(
      (await ask("overwritten", "put", { doc: { id: "huge" }, mutation: "huge-2", base: (over.revision ?? 0) - 1 })).code,
      "TOO_LARGE",
    );
    await allCaughtUp();
    assert.equal((await bus(0).collection("overwritten").get("huge"))?.revision, over.revision, "nothing was overwritten");
  });

  it("are resolved by a document that takes the current one's place, once, and told to onStatus", async () => {
    const { base } = await outdated("merged", "solved");
    await ask("merged", "put", { doc: { id: "solved", title: "mine" }, mutation: "solved-3", base });
    const [copy] = await copiesOf("solved");
    assert.ok(copy);
    const told: Status["conflicts"][] = [];
    const stop = bus(2).onStatus(({ conflicts }) => told.push(conflicts));
    const count = bus(2).status().conflicts;
    const doc = { id: "solved", title: "ours" };
    await assert.rejects(bus(0).conflicts.resolve(copy.id, { ...doc, id: "other" }), { code: "BAD_ID" });
    await assert.rejects(bus(0).conflicts.resolve(copy.id, { ...doc, title: 5 }), { code: "SCHEMA_INVALID" });
    // Two at once are as one that is called again after a crash: the same mutation.
    const [one, other] = await Promise.all([0, 1].map((web) => bus(web).conflicts.resolve(copy.id, doc)));
    assert.equal(one?.revision, other?.revision);
    assert.deepEqual(await copiesOf("solved"), []);
    assert.deepEqual(
      listener.of("merged", "solved").map((version) => version.doc?.title),
      ["base", "theirs", "ours"],
    );
    await eventually("onStatus tells that there is one less", 60_000, () => told.at(-1) === count - 1);
    stop();
    await assert.rejects(bus(0).conflicts.resolve(copy.id, doc), { code: "NOT_FOUND" });
    await assert.rejects(bus(0).conflicts.discard(copy.id), { code: "NOT_FOUND" });
    await assert.rejects(bus(0).conflicts.discard(""), (error) => error instanceof FrontsyncError && error.code === "BAD_ID");
  });

  it("are counted by a webserver that opens, and one that starts anew", async () => {
    const total = (await bus(0).conflicts.list()).length;
    assert.ok(total > 0);
    const late = await deployment.connect("web4");
    assert.equal(late.status().conflicts, total);
    await late.close();
    const again = await deployment.connect("web4");
    assert.equal(again.status().conflicts, total);
  });
});
