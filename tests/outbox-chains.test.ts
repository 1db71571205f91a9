// Goal: several edits of one document that wait together, with and without somebody else's in between, lose nothing: each is in the document, or in
// a conflict copy or a dead letter. Method: webservers behind gates of their own, which are shut while they edit; one chain for each
// policy, then random edits.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { type Bus, type Collection, connectBus, type DeadLetter, FrontsyncError, type Written } from "../bus/index.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { assertEqualReplicas } from "./support/faults-ledger.ts";
import { allCaughtUp, Gate, offline } from "./support/offline.ts";

type Things = Collection<Record<string, unknown>>;

const POLICIES = ["merge", "reject", "last-writer-wins"] as const;
const RUNS = 25;

const schemaOf = (policy: string) => ({
  $schema: "http://json-schema.org/draft-07/schema#",
  $id: policy.replaceAll("-", ""),
  title: `Thing${policy.replaceAll("-", "")}`,
  description: "A thing.",
  type: "object",
  required: ["id"],
  properties: { id: { type: "string", minLength: 1 } },
  additionalProperties: { type: "string" },
  collection: {
    ...{ version: 1, database: "webstore", key: ["id"], access: "directory", indexes: [], limits: { bytes: 10_000 } },
    ...{ policy, offline: true, retention: { versions: 20 } },
  },
});

const schemas = mkdtempSync(join(tmpdir(), "frontsync-test-"));
const gates: Gate[] = [];
const buses: Bus[] = [];
let deployment: Deployment;
let [a, b, c]: Bus[] = [];

async function lettersOf(policy: string, id: string): Promise<DeadLetter[]> {
  const letters = (await a?.deadLetters.list()) ?? [];
  return letters.filter((letter) => letter.collection === policy.replaceAll("-", "") && letter.id === id);
}

const things = (bus: Bus | undefined, policy: string) => (bus as Bus).collection(policy.replaceAll("-", "")) as Things;

/** All that was kept of what lost, on any webserver. */
async function losers(): Promise<string> {
  const kept = await Promise.all(buses.map(async (bus) => [await bus.deadLetters.list(), await bus.conflicts.list()]));
  return JSON.stringify(kept);
}

describe("edits of one document that wait together", () => {
  before(async () => {
    for (const policy of POLICIES)
      writeFileSync(join(schemas, `${policy.replaceAll("-", "")}.json`), JSON.stringify(schemaOf(policy)));
    deployment = await deploy({ schemas: [schemas] });
    for (const webserver of ["web1", "web2", "web3"]) {
      const gate = await Gate.to(deployment.datastore.address);
      const dir = join(deployment.dir, webserver);
      gates.push(gate);
      buses.push(await connectBus({ datastore: gate.address, webserver, dir, schemas: [schemas], updateInterval: 0.5 }));
    }
    await allCaughtUp(buses);
    [a, b, c] = buses;
  });
  after(async () => {
    for (const bus of buses) await bus.close();
    for (const gate of gates) await gate[Symbol.asyncDispose]();
    await deployment?.[Symbol.asyncDispose]();
    rmSync(schemas, { recursive: true, force: true });
  });

  for (const policy of POLICIES) {
    it(`are stored one after the other (${policy})`, async () => {
      const written = await offline(a as Bus, gates[0] as Gate, async () => {
        const mine = things(a, policy);
        const done: Written[] = [await mine.put({ id: "chain", x: "1" })];
        done.push(await mine.patch("chain", { y: "2" }), await mine.put({ id: "chain", x: "3", y: "2" }));
        done.push(await mine.delete("chain"), await mine.put({ id: "chain", x: "4" }), await mine.patch("chain", { z: "5" }));
        assert.deepEqual((await mine.get("chain"))?.doc, { ...(await mine.get("chain"))?.doc, id: "chain", x: "4", z: "5" });
        return done;
      });
      assert.ok(written.every(({ revision }) => revision === null));
      await allCaughtUp(buses);
      assert.deepEqual(await lettersOf(policy, "chain"), []);
      const { doc } = (await things(b, policy).get("chain")) ?? {};
      assert.deepEqual([doc?.x, doc?.y, doc?.z], ["4", undefined, "5"]);
    });

    it(`with somebody else's in between keep both, or what lost (${policy})`, async () => {
      await allCaughtUp(buses);
      await things(b, policy).put({ id: "both", x: "0", theirs: "0" });
      await allCaughtUp(buses);
      await offline(a as Bus, gates[0] as Gate, async () => {
        const mine = things(a, policy);
        await mine.patch("both", { mine: "my first" });
        await mine.patch("both", { x: "my second" });
        await things(b, policy).patch("both", { theirs: "theirs" });
      });
      await allCaughtUp(buses);
      const doc = JSON.stringify((await things(c, policy).get("both"))?.doc);
      const all = `${doc}${await losers()}`;
      for (const text of ["my first", "my second", "theirs"]) assert.ok(all.includes(`"${text}"`), `${text} is lost: ${all}`);
      if (policy === "merge") for (const text of ["my first", "my second", "theirs"]) assert.ok(doc.includes(text), doc);
      await assertEqualReplicas(buses);
    });

    it(`by ifRevision go on from each other, and not over somebody else's (${policy})`, async () => {
      await things(b, policy).put({ id: "exact", x: "0" });
      await allCaughtUp(buses);
      await offline(a as Bus, gates[0] as Gate, async () => {
        for (const x of ["1", "2", "3"]) {
          const { revision } = (await things(a, policy).get("exact")) ?? {};
          await things(a, policy).put({ id: "exact", x }, { ifRevision: revision ?? Number.NaN });
        }
      });
      await allCaughtUp(buses);
      assert.equal((await things(b, policy).get("exact"))?.doc.x, "3");
      await offline(a as Bus, gates[0] as Gate, async () => {
        const { revision } = (await things(a, policy).get("exact")) ?? {};
        await things(a, policy).put({ id: "exact", x: "mine" }, { ifRevision: revision ?? Number.NaN });
        await things(b, policy).patch("exact", { x: "theirs" });
      });
      await allCaughtUp(buses);
      assert.equal((await things(b, policy).get("exact"))?.doc.x, "theirs");
      const [letter, ...others] = await lettersOf(policy, "exact");
      assert.deepEqual([letter?.code, letter?.body, others], ["REVISION_CONFLICT", { id: "exact", x: "mine" }, []]);
    });
  }

  it("at random on two webservers, while a third goes on: each is in the result, a conflict copy or a dead letter", async () => {
    const edit = fc.record({
      bus: fc.nat(2),
      policy: fc.constantFrom(...POLICIES),
      id: fc.constantFrom("r1", "r2"),
      op: fc.constantFrom("put", "patch", "patch", "delete"),
      field: fc.constantFrom("f1", "f2", "f3"),
    });
    let marker = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 12 }), async (edits) => {
        const last = new Map<string, string>();
        const run = `run${++marker}`;
        const work = async () => {
          for (const { bus, policy, id, op, field } of edits) {
            const mine = things(buses[bus], policy);
            const text = `m${++marker}.`;
            const key = `${policy} ${id}-${run}`;
            try {
              if (op === "put") await mine.put({ id: `${id}-${run}`, [field]: text });
              else if (op === "patch") await mine.patch(`${id}-${run}`, { [field]: text });
              else await mine.delete(`${id}-${run}`);
            } catch (error) {
              assert.ok(
                error instanceof FrontsyncError && ["NOT_FOUND", "REVISION_CONFLICT"].includes(error.code),
                String(error),
              );
              continue;
            }
            // What the same webserver wrote over itself was meant to go: a put replaces all, a patch its field.
            for (const known of [...last.keys()])
              if (known.startsWith(`${bus} ${key} `) && (op !== "patch" || known.endsWith(` ${field}`))) last.delete(known);
            if (op !== "delete") last.set(`${bus} ${key} ${field}`, text);
          }
        };
        await offline(a as Bus, gates[0] as Gate, () => offline(b as Bus, gates[1] as Gate, work));
        await allCaughtUp(buses);
        await assertEqualReplicas(buses);
        let all = await losers();
        for (const policy of POLICIES)
          for (const id of ["r1", "r2"]) all += JSON.stringify((await things(c, policy).get(`${id}-${run}`))?.doc);
        for (const [where, text] of last) assert.ok(all.includes(`"${text}"`), `${text} of ${where} is lost`);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  });
});
