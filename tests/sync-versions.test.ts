// Goal: the versions that the datastore keeps of a document can be read, whole and in order, and brought back. Method: two webservers and
// two handlers; edits sent at once, deletions, documents of several MB, a collection without history; raw requests in a user's name.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Bus, Change } from "../bus/index.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { makeAdmins } from "./support/people.ts";

let deployment: Deployment;
let buses: readonly Bus[];

const dashboards = (bus = buses[0] as Bus) => bus.collection("dashboards");
const short = ({ op, doc }: Change<object>) => `${op} ${(doc as { name?: string } | undefined)?.name ?? ""}`.trim();

describe("versions()", () => {
  before(async () => {
    deployment = await deploy({ webservers: 3, handlers: 2, bus: { updateInterval: 1 } });
    await makeAdmins(deployment.buses[0] as Bus, 9);
    buses = deployment.buses;
  });
  after(() => deployment[Symbol.asyncDispose]());

  it("has each of 15 edits that several webservers send at once", async () => {
    const { revision } = await dashboards().put({ id: "busy", name: "first", data: {} });
    await Promise.all(buses.map((bus) => bus.caughtUp(revision)));
    const from = Date.now();
    const written = await Promise.all(
      Array.from({ length: 15 }, (_, n) => dashboards(buses[n % 3]).patch("busy", { data: { [`edit${n}`]: n } })),
    );
    const versions = await dashboards(buses[1]).versions("busy");
    assert.equal(versions.length, 16);
    const revisions = versions.map((version) => version.revision);
    assert.deepEqual(
      revisions,
      [revision, ...written.map((one) => one.revision)].sort((x, y) => Number(y) - Number(x)),
    );
    for (const [index, { op, id, by, at, doc }] of versions.entries()) {
      assert.deepEqual([op, id, by, Object.keys(doc?.data as object).length], ["put", "busy", 0, 15 - index]);
      assert.equal(at, doc?.updatedAt);
      assert.ok(index === 15 || Date.parse(at) >= from - 1000);
      assert.ok(index === 0 || at < (versions[index - 1]?.at ?? ""), "each is later than the one before");
    }
  });

  it("says who made each version, a deletion too, and one is brought back by putting it", async () => {
    const web = await deployment.rawWebserver("raw");
    const ask = async (verb: string, request: object) => {
      const reply = await web.request(`ds.req.dashboards.${verb}.raw`, JSON.stringify(request), { timeout: 60_000 });
      assert.equal(reply.headers?.get("Nats-Service-Error-Code") ?? "", "", reply.string());
    };
    await ask("put", { mutation: "raw:1", by: 7, doc: { id: "who", name: "seven's" } });
    await ask("patch", { mutation: "raw:2", by: 8, id: "who", merge: { name: "eight's" } });
    await ask("delete", { mutation: "raw:3", by: 9, id: "who" });
    const versions = await dashboards().versions("who");
    assert.deepEqual(
      versions.map((version) => [short(version), version.by]),
      [
        ["delete", 9],
        ["put eight's", 8],
        ["put seven's", 7],
      ],
    );
    assert.ok(versions.every(({ at }) => Math.abs(Date.parse(at) - Date.now()) < 60_000));
    await dashboards().put(versions[2]?.doc ?? {});
    assert.equal((await dashboards().get("who"))?.doc.name, "seven's");
    assert.deepEqual((await dashboards().versions("who")).map(short), ["put seven's", "delete", "put eight's", "put seven's"]);
  });

  it("has the last 20, or only the current one where a collection keeps no history", async () => {
    for (let n = 0; n < 23; n++) await dashboards().put({ id: "long", name: `${n}` });
    const names = (await dashboards().versions("long")).map(({ doc }) => doc?.name);
    assert.deepEqual(
      names,
      Array.from({ length: 20 }, (_, n) => `${22 - n}`),
    );
    const sessions = (buses[0] as Bus).collection("sessions");
    const session = { id: "s", uid: 1, issuedAt: "2030-01-01T00:00:00Z", expiresAt: "2030-01-02T00:00:00Z" };
    await sessions.put(session);
    await sessions.put({ ...session, expiresAt: "2030-01-03T00:00:00Z" });
    assert.equal((await sessions.versions("s")).length, 1);
  });

  it("has documents that together are larger than a message, and ids of any kind", async () => {
    const text = "x".repeat(3 * 1024 * 1024);
    const id = `Ä/${"long ".repeat(60)}`;
    for (let n = 0; n < 7; n++) await dashboards().put({ id, name: `${n}`, data: { text } });
    const versions = await dashboards(buses[2]).versions(id, { timeoutMs: 60_000 });
    assert.deepEqual(
      versions.map(({ doc }) => doc?.name),
      ["6", "5", "4", "3", "2", "1", "0"],
    );
    assert.ok(
      versions.every((version) => version.id === id && (version.doc?.data as { text?: string } | undefined)?.text === text),
    );
  });

  it("refuses what was never there, what is no id, and what is not declared", async () => {
    await assert.rejects(dashboards().versions("never"), { code: "NOT_FOUND" });
    await assert.rejects(dashboards().versions(""), { code: "BAD_ID" });
    await assert.rejects((buses[0] as Bus).collection("nope").versions("x"), { code: "UNKNOWN_COLLECTION" });
    await assert.rejects(dashboards().versions("busy", { signal: AbortSignal.abort(new Error("enough")) }), {
      message: "enough",
    });
    const closed = await deployment.connect("closed");
    await closed.close();
    await assert.rejects(dashboards(closed).versions("busy"), { code: "CLOSED" });
  });

  it("needs the datastore: without it, it fails at once", async () => {
    await deployment.stopDatastore();
    await eventually("the webserver knows", 60_000, () => buses[0]?.status().state === "degraded");
    await assert.rejects(dashboards().versions("busy"), { code: "DATASTORE_UNREACHABLE" });
  });
});
