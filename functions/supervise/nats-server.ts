/** Keeps the embedded nats-server running: one that dies is started again on the same port with the same store. */
import { join } from "node:path";
import { pause } from "../../bus/platform/deadline.ts";
import { log } from "../../bus/platform/log.ts";
import { nkeys } from "../../bus/wire/nats.ts";
import { findNatsServer, launchNatsServer, type NatsServer, natsConfig } from "../nats-server/index.ts";
import { type Keys, STORE } from "./keys.ts";
import { WriteFaults } from "./write-faults.ts";

const MAX_PAUSE_MS = 2000;
const TELL_MS = 30_000;
const encoder = new TextEncoder();

export interface NatsOptions {
  dir: string;
  listen: string;
  port: number;
  sync: "always" | "default";
  keys: Keys;
  tls?: { certificateFile: string; keyFile: string } | undefined;
  onProgress?: (line: string) => void;
}

export interface SupervisedNats {
  readonly port: number;
  /** undefined: it died and is being started again. */
  readonly pid: number | undefined;
  /** Has it read its certificate again. */
  reload(): void;
  stop(): Promise<void>;
}

export async function superviseNatsServer(options: NatsOptions): Promise<SupervisedNats> {
  const { path: binary } = await findNatsServer(options.onProgress ? { onProgress: options.onProgress } : {});
  const stopping = new AbortController();
  const launch = async (port: number) => {
    const opening = setInterval(() => log.warn("nats-server is still opening its store"), TELL_MS);
    try {
      return await launchNatsServer({
        binary,
        config: configOf(options, port),
        dir: join(options.dir, "nats"),
        signal: stopping.signal,
        log(line) {
          log.debug({ line }, "nats-server");
          writeFaults.heard(line);
        },
      });
    } finally {
      clearInterval(opening);
    }
  };
  let server: NatsServer | undefined;
  const writeFaults = new WriteFaults(options.dir, () => server?.kill("SIGTERM"));
  server = await launch(options.port);
  const { port } = server;

  async function watch(): Promise<void> {
    for (let wait = 50; !stopping.signal.aborted; wait = Math.min(wait * 2, MAX_PAUSE_MS)) {
      if (server) {
        const exited = await server.exited;
        server = undefined;
        if (stopping.signal.aborted) return;
        log.error({ ...exited }, "nats-server died and is started again");
        wait = 50;
      }
      try {
        server = await launch(port);
      } catch (error) {
        if (stopping.signal.aborted) return;
        log.error({ err: error }, "nats-server could not be started again");
        await pause(wait, stopping.signal);
      }
    }
  }
  const watching = watch();

  return {
    port,
    get pid() {
      return server?.pid;
    },
    reload() {
      server?.kill("SIGHUP");
    },
    async stop() {
      stopping.abort();
      writeFaults.close();
      await server?.stop();
      await watching;
      // One that was being started just then.
      await server?.stop();
    },
  };
}

function configOf({ dir, listen, sync, keys, tls }: NatsOptions, port: number): string {
  return natsConfig({
    listen,
    port,
    tls,
    storeDir: join(dir, STORE),
    sync,
    functionsPassword: keys.functionsPassword,
    authPassword: keys.authPassword,
    issuer: nkeys.fromSeed(encoder.encode(keys.issuerSeed)).getPublicKey(),
  });
}
