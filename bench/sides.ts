import { join } from "node:path";
import { startDatastore } from "../functions/datastore.ts";
import type { FoundNatsServer } from "../functions/nats-server/index.ts";
import type { HandlerJobs } from "./bare/handler.ts";
import { type Sync, startBareServer } from "./bare/server.ts";
import type { ClientJobs } from "./client.ts";
import { Worker } from "./process/worker.ts";
import type { Stage } from "./stage.ts";

/** One way of doing it, ready to be measured: a nats-server process, a handler process and this client process. */
export interface Side {
  client: Worker<ClientJobs>;
  close: () => Promise<void>;
}

/** Both are alive during the whole measurement; one is idle while the other is measured. */
export interface Sides {
  ours: Side;
  bare: Side;
  close: () => Promise<void>;
}

export async function openSides(stage: Stage, found: FoundNatsServer, sync: Sync): Promise<Sides> {
  const [ours, bare] = await Promise.all([openOurs(stage, sync), openBare(stage, found, sync)]);
  return {
    ours,
    bare,
    close: async () => {
      await Promise.all([ours.close(), bare.close()]);
    },
  };
}

async function openOurs(stage: Stage, sync: Sync): Promise<Side> {
  const dir = join(stage.dir, `ours-${sync}`);
  const datastore = await startDatastore({ dir: join(dir, "datastore"), port: 0, sync, handlers: 1 });
  const stop = stage.defer(() => datastore.stop());
  const client = new Worker<ClientJobs>(stage, "../frontsync/client");
  await client.ask("open", { address: datastore.address, dir: join(dir, "webservers") });
  return {
    client,
    close: async () => {
      await client.close();
      await stop();
    },
  };
}

async function openBare(stage: Stage, found: FoundNatsServer, sync: Sync): Promise<Side> {
  const server = await startBareServer(stage, found, `bare-${sync}`, sync);
  const handler = new Worker<HandlerJobs>(stage, "../bare/handler");
  await handler.ask("open", { address: server.address });
  const client = new Worker<ClientJobs>(stage, "../bare/client");
  await client.ask("open", { address: server.address, dir: join(stage.dir, `bare-${sync}`, "client") });
  return {
    client,
    close: async () => {
      await client.close();
      await handler.close();
      await server.stop();
    },
  };
}

/** Measures both sides in each round (the first one is 1), and lets them take turns in going first. `enough` is asked after each. */
export async function alternate<O, B>(
  rounds: number,
  measure: { ours: (round: number) => Promise<O>; bare: (round: number) => Promise<B> },
  enough: (round: number) => boolean = () => false,
): Promise<{ ours: O; bare: B }[]> {
  const results: { ours: O; bare: B }[] = [];
  for (let round = 1; round <= rounds && !enough(round - 1); round++) {
    if (round % 2 === 1) {
      const ours = await measure.ours(round);
      results.push({ ours, bare: await measure.bare(round) });
    } else {
      const bare = await measure.bare(round);
      results.push({ ours: await measure.ours(round), bare });
    }
  }
  return results;
}
