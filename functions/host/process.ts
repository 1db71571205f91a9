/** The entry of a handler process. Its parent sends it its configuration, and it ends when its parent does. */
import { log, setLogLevel } from "../../bus/platform/log.ts";
import { asFrontsyncError } from "../../schemas/errors.ts";
import { type Handler, type HandlerConfig, startHandler } from "./handler.ts";

/** What a handler process says to its parent. */
export type HandlerReport = { ready: true; generation: string } | { ready: false; code: string; message: string };

/** What its parent says later. */
export interface HandlerOrder {
  logLevel: string;
}

const DRAIN_MS = 8000;
let handler: Handler | undefined;
let stopping = false;

const report = (message: HandlerReport) => process.connected && process.send?.(message);

async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  setTimeout(() => process.exit(1), DRAIN_MS).unref();
  await handler?.drain().catch((error: unknown) => log.error({ err: error }, "the handler could not drain"));
  process.exit(0);
}

process.once("message", (config: HandlerConfig) => {
  if (config.logLevel !== undefined) setLogLevel(config.logLevel);
  process.on("message", ({ logLevel }: HandlerOrder) => setLogLevel(logLevel));
  startHandler(config).then(
    (started) => {
      handler = started;
      report({ ready: true, generation: started.generation });
    },
    (error: unknown) => {
      const { code, message } = asFrontsyncError(error);
      report({ ready: false, code, message });
      process.exit(1);
    },
  );
});
process.on("disconnect", () => void stop());
process.on("SIGTERM", () => void stop());
// A Ctrl-C reaches the whole process group; whoever started us decides when to drain.
process.on("SIGINT", () => {});
process.on("SIGHUP", () => {});
