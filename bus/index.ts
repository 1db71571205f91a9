/** The bus: what a webserver embeds. `connectBus` opens the local replica and keeps it in step with the datastore. */
import { loadSchemas } from "../schemas/index.ts";
import type { Bus, BusOptions } from "./api.ts";
import { EmbeddedBus } from "./bus.ts";
import { CONTROL_SOCKET } from "./control.ts";
import { checkOptions } from "./options.ts";
import { lockDir } from "./platform/dir-lock.ts";

export { asFrontsyncError, type ErrorCode, FrontsyncError, isErrorCode } from "../schemas/errors.ts";
export { type CollectionSchema, loadSchemas, type Schemas } from "../schemas/index.ts";
export { sessionIsOver } from "../schemas/session.ts";
export type * from "../schemas/types.ts";
export type * from "./api.ts";
export { clock } from "./platform/clock.ts";
export { isDiskFull, makeFolder, writeAtomically } from "./platform/files.ts";
export { log } from "./platform/log.ts";
export { VERSION } from "./platform/package.ts";
export { random, randomId } from "./platform/random.ts";

/** Opens the replica in `dir` (one bus for each folder: DIR_IN_USE) and starts to connect. Resolves without a datastore: reads work from
 *  what the replica holds. Throws BAD_CONFIG. */
export async function connectBus(options: BusOptions): Promise<Bus> {
  const checked = checkOptions(options);
  const schemas = loadSchemas(checked.schemas);
  const lock = lockDir(checked.dir, CONTROL_SOCKET);
  try {
    return await EmbeddedBus.open(checked, schemas, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}
