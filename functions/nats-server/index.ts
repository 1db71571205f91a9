/** The embedded nats-server: finds or fetches the binary, writes its configuration, and runs it as a child process that never
 *  outlives its parent. Knows nothing of streams and documents: those are a matter of bus/wire and the functions. */
export { type NatsConfigOptions, natsConfig } from "./config.ts";
export { type FoundNatsServer, findNatsServer } from "./find.ts";
export { launchNatsServer, type NatsServer } from "./launch.ts";
export { PINNED_VERSION } from "./version.ts";
