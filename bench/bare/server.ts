import { join } from "node:path";
import { connect, RetentionPolicy, StorageType } from "nats";
import { type FoundNatsServer, launchNatsServer } from "../../functions/nats-server/index.ts";
import type { Stage } from "../stage.ts";
import { ALL_LIVE, ALL_STORED, STREAM } from "./subjects.ts";

export type Sync = "always" | "default";

export interface BareServer {
  /** host:port */
  address: string;
  stop: () => Promise<void>;
}

/** A nats-server for the bare pipeline: the same binary, limits and sync setting as the embedded one, but one account and no
 *  authorization, since that is the least that a program on NATS needs. */
export async function startBareServer(stage: Stage, found: FoundNatsServer, name: string, sync: Sync): Promise<BareServer> {
  const dir = join(stage.dir, name);
  const server = await launchNatsServer({ binary: found.path, dir, config: config(join(dir, "store"), sync) });
  const stop = stage.defer(() => server.stop({ timeoutMs: 2000 }));
  const address = `127.0.0.1:${server.port}`;
  await addStream(address);
  return { address, stop };
}

function config(storeDir: string, sync: Sync): string {
  return `host: "127.0.0.1"
port: -1
max_payload: 8388608
max_pending: 67108864
write_deadline: "5s"
jetstream {
  store_dir: ${JSON.stringify(storeDir)}
${sync === "always" ? "  sync_interval: always\n" : ""}}
`;
}

/** As frontsync's: on disk, 20 versions of each document, republished once it is stored. */
async function addStream(address: string): Promise<void> {
  const connection = await connect({ servers: address });
  const manager = await connection.jetstreamManager();
  await manager.streams.add({
    name: STREAM,
    subjects: [ALL_STORED],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    max_msgs_per_subject: 20,
    allow_direct: true,
    republish: { src: ALL_STORED, dest: ALL_LIVE },
  });
  await connection.close();
}
