// Goal: when a handler gets no answer to a write, nobody is told that it is not stored when it may be, and nothing is decided on a view that lacks what
// came in between. Method: a handler's parts on a connection of their own to a real store, which loses the answers that it is to lose; what others do
// meanwhile goes through the deployment's own handler.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Bus } from "../bus/index.ts";
import { clock } from "../bus/platform/clock.ts";
import type { Connection, Msg } from "../bus/wire/nats.ts";
import { storeSubject } from "../bus/wire/subjects.ts";
import { handOverLate } from "../functions/accounts/hand-over.ts";
import { Committer } from "../functions/commit/committer.ts";
import { ConflictCopies } from "../functions/commit/conflict-copies.ts";
import { CopyRoom } from "../functions/commit/copy-room.ts";
import type { Asked } from "../functions/commit/decide.ts";
import type { Context } from "../functions/host/define.ts";
import { loadRules } from "../functions/rules/index.ts";
import { Seeding } from "../functions/seed/seeding.ts";
import { Epochs } from "../functions/store/epochs.ts";
import { Follower } from "../functions/store/follower.ts";
import { Restoring } from "../functions/store/restoring.ts";
import { Views } from "../functions/store/views.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { loadSchemas } from "../schemas/index.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { connectFunctions } from "./support/faults-ledger.ts";
import { eventually } from "./support/nats-server-kit.ts";

const WAIT_MS = 60_000;
const schemas = loadSchemas();
const users = schemas.collection("users");

describe("a write that got no answer", () => {
  let deployment: Deployment;
  let connection: Connection;
  let bus: Bus;
  let committer: Committer;
  let follower: Follower;
  /** Gets each request before it is answered; what it throws comes instead of the answer. */
  let onAnswer: ((subject: string) => Promise<void>) | undefined;
  let n = 0;

  /** This connection, with answers that may be lost. */
  function lossy(real: Connection): Connection {
    const request: Connection["request"] = async (subject, ...rest): Promise<Msg> => {
      const reply = await real.request(subject, ...rest);
      await onAnswer?.(subject);
      return reply;
    };
    return new Proxy(real, {
      get(target, name) {
        if (name === "request") return request;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  /** The answer to the next write of a document is lost; `meanwhile` is done before that is known. */
  function loseAnswer(subject: string, meanwhile: () => Promise<void> = async () => {}): void {
    onAnswer = async (asked) => {
      if (asked !== subject) return;
      onAnswer = undefined;
      await meanwhile();
      throw new FrontsyncError("TIMEOUT", "No answer came.");
    };
  }

  const edit = (what: Asked["what"], id?: string): Asked => ({ id, what, mutation: `t.a.${++n}`, by: 0, webserver: "t" });
  const commit = (asked: Asked) => committer.commit(users, asked, clock.now() + WAIT_MS);

  before(async () => {
    deployment = await deploy({ webservers: 1, sync: "default" });
    bus = deployment.buses[0] as Bus;
    connection = lossy(await connectFunctions(deployment));
    const epochs = new Epochs(connection, schemas);
    follower = new Follower(connection, schemas, () => {});
    const views = new Views(connection, schemas, follower);
    const copies = new ConflictCopies(connection, schemas.collection("conflicts"), new CopyRoom(connection));
    const signingKey = Buffer.alloc(32);
    committer = new Committer({
      ...{ connection, epochs, follower, views, copies, signingKey, rules: await loadRules() },
      ...{ restoring: new Restoring(connection, schemas), seeding: new Seeding(connection, schemas, signingKey, WAIT_MS) },
    });
    follower.start();
    await connection.flush();
    await epochs.connected();
  });
  after(async () => {
    follower?.stop();
    await connection?.close();
    await deployment[Symbol.asyncDispose]();
  });

  it("is not told as never sent when the store can't be asked what became of it", async () => {
    const written = await commit(edit({ op: "put", doc: { user: "asked" } }));
    const subject = storeSubject("users", written.id);
    loseAnswer(subject, async () => {
      onAnswer = async (asked) => {
        if (!asked.includes(".MSG.GET.")) return;
        onAnswer = undefined;
        throw new FrontsyncError("DATASTORE_UNREACHABLE", "A version can't be read: JetStream has no leader.");
      };
    });
    await assert.rejects(commit(edit({ op: "patch", merge: { name: "stored" } }, written.id)), { code: "TIMEOUT" });
    await bus.caughtUp();
    assert.equal((await bus.collection("users").get(written.id))?.doc.name, "stored");
  });

  it("and has a later version on top, leaves no view that lacks what came in between", async () => {
    const { id } = await commit(edit({ op: "put", doc: { user: "first" } }));
    let last = 0;
    loseAnswer(storeSubject("users", id), async () => {
      await bus.caughtUp();
      await bus.collection("users").put({ user: "taken" });
      last = (await bus.collection("users").patch(id, { name: "later" })).revision as number;
      await eventually("it is heard of", WAIT_MS, () => {
        follower.settle();
        return follower.lastOf("users") === last;
      });
    });
    const { revision } = await commit(edit({ op: "patch", merge: { email: "a@b.c" } }, id));
    assert.equal(revision, last, "the version that has it in it");
    await assert.rejects(commit(edit({ op: "put", doc: { user: "taken" } })), { code: "USER_NAME_TAKEN" });
  });
});

describe("what goes along with a write that is stored", () => {
  const handOver = (refusal: FrontsyncError) => {
    const views = { of: async () => ({ revision: 0, held: new Map() }) };
    const commit = async () => {
      throw refusal;
    };
    const edit = { mutation: "t.a.1", webserver: "t", by: 5 };
    const context = { views, committer: { commit } } as unknown as Context;
    return handOverLate(schemas.collection("dashboards"), "d", edit, clock.now() + WAIT_MS, context);
  };

  it("is asked for again with it when it can't be done now: nobody hears that nothing was sent", async () => {
    for (const code of ["DATASTORE_UNREACHABLE", "DISK_FULL", "SEEDING"] as const)
      await assert.rejects(handOver(new FrontsyncError(code, "Not now.")), { code: "TIMEOUT" });
  });

  it("refuses nothing when it can't be done at all", async () => {
    await handOver(new FrontsyncError("SCHEMA_INVALID", "Never."));
  });
});
