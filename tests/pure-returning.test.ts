// Goal: a webserver notices when tombstones are taken away while it reads, whether it held something before or not, and trusts no list that was
// made meanwhile. Method: pages as a datastore would answer them, and a replica that notes down what it is asked.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Link } from "../bus/link.ts";
import type { Replica } from "../bus/replica/index.ts";
import { NOWHERE } from "../bus/replica/position.ts";
import { Resync } from "../bus/resync.ts";
import { Returning } from "../bus/returning.ts";
import { encodePage, encodeRecords } from "../bus/wire/page.ts";
import { floorSubject, storeSubject } from "../bus/wire/subjects.ts";
import { StoredVersion } from "../bus/wire/version.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { loadSchemas } from "../schemas/index.ts";

const HEADERS = Buffer.from("NATS/1.0\r\nFs-Version: v\r\n\r\n");
const version = (subject: string, revision: number, body = "{}") =>
  StoredVersion.of(subject, revision, HEADERS, Buffer.from(body));
const floor = (revision: number, upTo: number) => version(floorSubject("dashboards"), revision, JSON.stringify({ floor: upTo }));

describe("a webserver that reads what changed", () => {
  const compared: string[] = [];
  const resync = {
    async collection(name: string) {
      compared.push(name);
      return { missing: [], deleted: 0, aside: [], unexplained: 0, recounted: false, gone: [] };
    },
  };

  it("compares the collections whose floor is above what it knows, before it has caught up", async () => {
    const returning = new Returning(resync);
    returning.begin({ ...NOWHERE, epoch: "e", cursor: 20, consistent: 20 });
    returning.notePage(encodeRecords([version(storeSubject("dashboards", "a"), 21), floor(22, 20)]));
    assert.equal(returning.pending, false, "every deletion up to there is known here");
    returning.notePage(encodeRecords([floor(30, 25)]));
    assert.equal(returning.pending, true);
    await returning.complete();
    assert.deepEqual(compared.splice(0), ["dashboards"]);
    assert.equal(returning.pending, false);
  });

  it("goes on with those that a process before it did not compare any more", async () => {
    const returning = new Returning(resync);
    returning.begin({ ...NOWHERE, epoch: "e", cursor: 30, consistent: 20, suspect: ["macros"] });
    returning.notePage(encodeRecords([floor(31, 25)]));
    assert.deepEqual(returning.suspect, ["macros", "dashboards"]);
    await returning.complete();
    assert.deepEqual([compared.splice(0), returning.suspect], [["macros", "dashboards"], undefined]);
  });

  it("does not wait for a collection that an older datastore does not list any more", async () => {
    const refusing = async () => {
      throw new FrontsyncError("UNKNOWN_COLLECTION", "No schema declares it.");
    };
    const returning = new Returning({ collection: refusing });
    returning.begin(NOWHERE);
    returning.notePage(encodeRecords([floor(30, 5)]));
    await returning.complete();
    assert.equal(returning.pending, false);
  });

  it("also when it held nothing: a document may have come just before its tombstone was taken away", async () => {
    const returning = new Returning(resync);
    returning.begin(NOWHERE);
    returning.notePage(encodeRecords([version(storeSubject("dashboards", "a"), 3), floor(30, 5)]));
    assert.equal(returning.pending, true);
    await returning.complete();
    assert.deepEqual(compared.splice(0), ["dashboards"]);
  });
});

describe("a list of a collection", () => {
  const schemas = loadSchemas();
  const epochs = [{ epoch: "e", firstSeq: 1, serverId: "s" }];

  /** Answers with pages of one document each: the floor of each, the last page once all these are used. */
  function resyncWith(floors: readonly number[], pages: number) {
    const asked: { after: number }[] = [];
    const listed: { first: boolean }[] = [];
    const reconciled: { floor: number; until: number }[] = [];
    const link = {
      async ask(_verb: string, _collection: string, request: { after: number }) {
        asked.push(request);
        const last = request.after + 1;
        const head = {
          epochs,
          head: 100,
          last,
          done: last === pages,
          floor: floors[asked.length - 1] ?? floors.at(-1) ?? 0,
          records: 1,
        };
        return encodePage(head, [version(storeSubject("dashboards", String(last)), last)]);
      },
    };
    const replica = {
      async call(method: string, argument: { first: boolean; floor: number; until: number }) {
        if (method === "listed") listed.push({ first: argument.first });
        if (method === "reconcile") reconciled.push({ floor: argument.floor, until: argument.until });
        return { missing: [], deleted: 0, aside: [], unexplained: 0, recounted: false, gone: [] };
      },
    };
    const resync = new Resync({
      webserver: "w",
      link: link as unknown as Link,
      schemas,
      replica: replica as unknown as Replica,
      meet: () => true,
      settle: () => {},
      done: async () => {},
    });
    return { resync, asked, listed, reconciled };
  }

  it("is compared with when all its pages have one floor", async () => {
    const { resync, asked, listed, reconciled } = resyncWith([7], 3);
    await resync.collection("dashboards", { aside: false });
    assert.deepEqual(
      asked.map(({ after }) => after),
      [0, 1, 2],
    );
    assert.deepEqual(
      listed.map(({ first }) => first),
      [true, false, false],
    );
    assert.deepEqual(reconciled, [{ floor: 7, until: 3 }]);
  });

  it("is begun anew when the floor rises between two pages", async () => {
    const { resync, asked, listed, reconciled } = resyncWith([7, 9], 3);
    await resync.collection("dashboards", { aside: false });
    assert.deepEqual(
      asked.map(({ after }) => after),
      [0, 1, 0, 1, 2],
    );
    assert.deepEqual(
      listed.map(({ first }) => first),
      [true, false, true, false, false],
    );
    assert.deepEqual(reconciled, [{ floor: 9, until: 3 }]);
  });

  it("is not compared with at all when the floor rises all the time", async () => {
    const rising = Array.from({ length: 1000 }, (_, n) => n);
    const { resync, asked, reconciled } = resyncWith(rising, 3);
    const failed = await resync.collection("dashboards", { aside: false }).catch((error: unknown) => error);
    assert.ok(failed instanceof FrontsyncError && failed.code === "TIMEOUT" && failed.retryable, String(failed));
    assert.deepEqual(reconciled, []);
    assert.ok(asked.length < 50);
  });
});
