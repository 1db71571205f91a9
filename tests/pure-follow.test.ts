// Goal: what follows the store goes on until it is synced, however slow the replica is. Method: live messages and pages as a datastore would send
// them, and a replica that applies nothing.
import assert from "node:assert/strict";
import { it } from "node:test";
import { Follow } from "../bus/follow.ts";
import type { Link } from "../bus/link.ts";
import { type Deferred, deferred } from "../bus/platform/deadline.ts";
import type { Msg } from "../bus/wire/nats.ts";
import { encodePage } from "../bus/wire/page.ts";
import { liveSubjectOf, storeSubject } from "../bus/wire/subjects.ts";
import { loadSchemas } from "../schemas/index.ts";
import type { Epochs } from "../schemas/types.ts";
import { eventually } from "./support/nats-server-kit.ts";

const WAIT_MS = 60_000;
const EPOCHS: Epochs = [{ epoch: "e", firstSeq: 1, serverId: "s" }];
const MIB = 1024 * 1024;

/** A live message of 1 MiB. */
function live(revision: number): Msg {
  const headers = `NATS/1.0\r\nNats-Sequence: ${revision}\r\nFs-Version: v${revision}\r\n\r\n`;
  const subject = liveSubjectOf(storeSubject("dashboards", `d${revision}`));
  return { subject, headers, data: Buffer.alloc(MIB, " ") } as unknown as Msg;
}

const nothing = () => {};

type Options = ConstructorParameters<typeof Follow>[0];

/** What follows a store, and what is played to it. */
function following(parts: Pick<Options, "apply"> & Partial<Options>) {
  let heard: (message: Msg) => void = nothing;
  const asked: Deferred<Uint8Array>[] = [];
  const link = {
    connected: true,
    hear(hear: (message: Msg) => void) {
      heard = hear;
      return { unsubscribe() {} };
    },
    ask() {
      const answer = deferred<Uint8Array>();
      asked.push(answer);
      return answer.promise;
    },
  };
  const counters = { checkIns: 0, gaps: 0, catchUps: 0, resyncs: 0, dropped: 0, drifts: 0, rebuilds: 0, repaired: 0 };
  const follow = new Follow(
    {
      ...{ link: link as unknown as Link, schemas: loadSchemas(), counters },
      ...{ move: nothing, onState: nothing, onArrival: nothing, onPage: nothing, onProgress: nothing },
      returning: () => ({ begin: nothing, notePage: nothing, complete: async () => {}, suspect: undefined }),
      ...parts,
    },
    { epoch: "e", generation: "e", cursor: 10, consistent: 10 },
  );
  return {
    follow,
    counters,
    hear: (message: Msg) => heard(message),
    /** The next page is asked for, and says that there is nothing after a revision. */
    async page(last: number): Promise<void> {
      const answer = await eventually("asked", WAIT_MS, () => asked.shift());
      answer.resolve(encodePage({ epochs: EPOCHS, head: last, last, done: true, records: 0 }, []));
    },
    synced: () => eventually("synced", WAIT_MS, () => follow.state === "synced"),
  };
}

it("a catch-up that ends with more than the replica can take is followed by the next one", async () => {
  const { follow, counters, hear, page, synced } = following({ apply: () => new Promise(nothing) });
  follow.meet(EPOCHS, 10);
  void follow.catchUp();
  await page(10);
  await synced();
  for (let revision = 11; revision < 20; revision++) hear(live(revision));
  for (let revision = 21; revision < 29; revision++) hear(live(revision));
  assert.equal(follow.state, "catching-up", "20 is missing");
  await page(20);
  await page(28);
  await synced();
  assert.deepEqual([follow.position.consistent, counters.catchUps], [28, 3]);
  follow.close();
});

it("who hears that it is synced finds what came live meanwhile in the replica: a document may have come with it alone", async () => {
  const events: string[] = [];
  const { follow, hear, page, synced } = following({
    apply: async (_records, { cursor }) => void events.push(`applied up to ${cursor}`),
    onState: (state) => void events.push(state),
  });
  follow.meet(EPOCHS, 10);
  void follow.catchUp();
  for (let revision = 12; revision < 15; revision++) hear(live(revision));
  await page(11);
  await synced();
  assert.deepEqual(events.slice(-2), ["applied up to 14", "synced"]);
  follow.close();
});
