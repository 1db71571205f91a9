// Goal: webservers and a datastore that know different versions of a collection share its documents: nobody loses what only another knows,
// and a document is read as its reader's schema has it. Method: one collection in folders of its own, older and newer, given to some of
// the parts; documents written by each side, before and after the datastore is upgraded.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { Bus } from "../bus/index.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { taskFolder } from "./support/evolving.ts";
import { temporaryFolder } from "./support/nats-server-kit.ts";

const tasks = (bus: Bus) => bus.collection("tasks");
const doc = async (bus: Bus, id: string) => {
  const { createdAt: _c, updatedAt: _u, lastModifiedBy: _l, ...rest } = (await tasks(bus).get(id))?.doc ?? {};
  return rest;
};

/** Two folders with the collection as it was and as it is. */
function folders(t: TestContext, older: Parameters<typeof taskFolder>[1], newer: Parameters<typeof taskFolder>[1]) {
  const dir = temporaryFolder(t);
  return { older: [taskFolder(join(dir, "older"), older)], newer: [taskFolder(join(dir, "newer"), newer)] };
}

async function open(deployment: Deployment, schemas: { older: string[]; newer: string[] }): Promise<[Bus, Bus]> {
  return [
    await deployment.connect("older", { schemas: schemas.older }),
    await deployment.connect("newer", { schemas: schemas.newer }),
  ];
}

async function both(buses: readonly Bus[], revision: number | null): Promise<void> {
  await Promise.all(buses.map((bus) => bus.caughtUp(revision)));
}

describe("fields that only a newer webserver knows", () => {
  for (const datastore of ["older", "newer"] as const)
    it(`survive a round trip through an older one, with ${datastore === "older" ? "an older" : "a newer"} datastore`, async (t) => {
      const title = { title: { type: "string" } };
      const schemas = folders(t, { fields: title }, { fields: { ...title, color: { type: "string" } } });
      await using deployment = await deploy({ schemas: schemas[datastore] });
      const buses = await open(deployment, schemas);
      const [older, newer] = buses;
      const first = await tasks(newer).put({ id: "t", title: "one", color: "red", nested: { deep: [1, { x: null }] } });
      await both(buses, first.revision);

      const patched = await tasks(older).patch("t", { title: "two" });
      await both(buses, patched.revision);
      assert.deepEqual(await doc(newer, "t"), { id: "t", title: "two", color: "red", nested: { deep: [1, { x: null }] } });

      const read = (await tasks(older).get("t"))?.doc ?? {};
      const put = await tasks(older).put({ ...read, title: "three" });
      await both(buses, put.revision);
      assert.deepEqual(await doc(newer, "t"), { id: "t", title: "three", color: "red", nested: { deep: [1, { x: null }] } });

      // Both at once, on what each of them holds: a merge by field.
      const edits = await Promise.all([tasks(newer).patch("t", { color: "blue" }), tasks(older).put({ ...read, title: "four" })]);
      await both(buses, Math.max(...edits.map(({ revision }) => Number(revision))));
      assert.deepEqual(await doc(newer, "t"), { id: "t", title: "four", color: "blue", nested: { deep: [1, { x: null }] } });
    });
});

describe("a renamed field", () => {
  const OLD = { fields: { caption: { type: "string" } }, indexes: ["caption"] };
  const NEW = {
    version: 2,
    upcast: [{ from: 1, rename: { caption: "title" }, defaults: { priority: 3 } }],
    fields: { title: { type: "string" }, priority: { type: "integer" } },
    indexes: ["title"],
  };

  it("is read by its new name everywhere, whoever wrote it and when", async (t) => {
    const schemas = folders(t, OLD, NEW);
    await using deployment = await deploy({ schemas: schemas.older });
    const buses = await open(deployment, schemas);
    const [older, newer] = buses;
    const changes = tasks(newer).changes();
    const written = await tasks(older).put({ id: "t", caption: "old", extra: 1 });
    await tasks(older).put({ id: "untouched", caption: "b" });
    await both(buses, (await tasks(older).put({ id: "last", caption: "c" })).revision);

    const expected = { id: "t", title: "old", extra: 1, priority: 3 };
    assert.deepEqual(await doc(newer, "t"), expected);
    const title = (change: { doc?: object | undefined } | undefined) => (change?.doc as { title?: string } | undefined)?.title;
    assert.equal(title((await changes.next()).value), "old");
    await changes.return?.();
    const listed = await tasks(newer).list({ sort: "title" });
    assert.deepEqual(listed.items.map(title), ["b", "c", "old"]);
    assert.deepEqual(
      (await tasks(newer).list({ where: { title: "b" } })).items.map(({ id }) => id),
      ["untouched"],
    );
    const since = tasks(newer).changes({ since: 0 });
    assert.equal(title((await since.next()).value), "old");
    await since.return?.();

    // The datastore first, then the webservers.
    await deployment.restartDatastore({ schemas: schemas.newer });
    await both(buses, null);
    const edited = await tasks(newer).patch("t", { priority: 1 });
    await both(buses, edited.revision);
    assert.deepEqual(await doc(newer, "t"), { ...expected, priority: 1 });
    assert.deepEqual(await doc(older, "t"), { ...expected, priority: 1 }, "an older webserver sees what is stored");
    const versions = await tasks(newer).versions("t");
    assert.deepEqual(
      versions.map((version) => [version.revision, title(version)]),
      [
        [edited.revision, "old"],
        [written.revision, "old"],
      ],
    );

    // What an older webserver writes is brought up to date: a put, a patch, and a merge on an outdated base.
    await both(buses, (await tasks(older).put({ id: "t", caption: "older's", extra: 2 })).revision);
    assert.deepEqual(await doc(newer, "t"), { id: "t", title: "older's", extra: 2, priority: 3 });
    await both(buses, (await tasks(older).patch("t", { caption: "patched" })).revision);
    assert.deepEqual(await doc(newer, "t"), { id: "t", title: "patched", extra: 2, priority: 3 });
    const edits = await Promise.all([
      tasks(newer).patch("untouched", { priority: 9 }),
      tasks(older).patch("untouched", { caption: "d" }),
    ]);
    await both(buses, Math.max(...edits.map(({ revision }) => Number(revision))));
    assert.deepEqual(await doc(newer, "untouched"), { id: "untouched", title: "d", priority: 9 });
    assert.deepEqual((await tasks(newer).list({ sort: "-title" })).items.map(title), ["patched", "d", "c"]);

    // The envelope says by which version each was written, and what was read but not written stays as it was.
    const store = await (await deployment.rawFunctions()).jetstreamManager();
    const stored = async (id: string) => {
      const { header, data } = await store.streams.getMessage("KV_datastore", { last_by_subj: `$KV.datastore.tasks.${id}` });
      return [header.get("Fs-Schema"), Object.keys(JSON.parse(new TextDecoder().decode(data)) as object).includes("title")];
    };
    assert.deepEqual(
      [await stored("t"), await stored("last")],
      [
        ["2", true],
        ["", false],
      ],
    );
  });

  it("is kept by a newer webserver's writes through an older datastore", async (t) => {
    const schemas = folders(t, OLD, NEW);
    await using deployment = await deploy({ schemas: schemas.older });
    const [older, newer] = await open(deployment, schemas);
    await both([older, newer], (await tasks(older).put({ id: "t", caption: "old" })).revision);
    const read = (await tasks(newer).get("t"))?.doc ?? {};
    await both([older, newer], (await tasks(newer).put({ ...read, title: "new" })).revision);
    assert.deepEqual(await doc(newer, "t"), { id: "t", title: "new", priority: 3 });
  });
});
