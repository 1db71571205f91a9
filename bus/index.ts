/** The bus: what a webserver embeds. `connectBus` opens the local replica and keeps it in step with the datastore. */
import { asFrontsyncError, FrontsyncError } from "../schemas/errors.ts";
import { loadSchemas } from "../schemas/index.ts";
import type { Bus, BusOptions } from "./api.ts";
import { EmbeddedBus } from "./bus.ts";
import { CONTROL_SOCKET } from "./control.ts";
import { checkOptions } from "./options.ts";
import { lockDir } from "./platform/dir-lock.ts";
import { isDiskFull } from "./platform/files.ts";

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
 *  what the replica holds. Throws BAD_CONFIG, DISK_FULL. */
export async function connectBus(options: BusOptions): Promise<Bus> {
  const checked = checkOptions(options);
  const schemas = loadSchemas(checked.schemas);
  const lock = lockDir(checked.dir, CONTROL_SOCKET);
  try {
    return await EmbeddedBus.open(checked, schemas, lock);
  } catch (error) {
    lock.release();
    throw asRefusal(error, checked.dir);
  }
}

/** A folder where a file should be, or the other way round, or one that is not ours. */
function asRefusal(error: unknown, dir: string): unknown {
  if (error instanceof FrontsyncError || (error as NodeJS.ErrnoException).syscall === undefined) return asFrontsyncError(error);
  const what = `The folder ${dir} can't be used: ${(error as Error).message}`;
  if (isDiskFull(error)) return new FrontsyncError("DISK_FULL", `${what}. Free some space.`, { cause: error });
  return new FrontsyncError("BAD_CONFIG", `${what}. Move away what is in the way, or choose another folder.`, { cause: error });
}
