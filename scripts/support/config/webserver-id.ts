/** A webserver's id when the configuration gives none: made at the first start, and kept. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, writeAtomically } from "../../../bus/platform/files.ts";
import { randomId } from "../../../bus/platform/random.ts";
import { WEBSERVER_ID } from "../../../bus/wire/subjects.ts";
import { at } from "./fault.ts";
import type { Settings } from "./index.ts";

/** Webserver-UUID, else the id in `<Webserver-Dir>/webserver-id`, which is made when it is missing. Throws BAD_CONFIG when the file holds no
 *  id: a new one would be another webserver. */
export function webserverId({ webserverUuid, webserverDir }: Pick<Settings, "webserverUuid" | "webserverDir">): string {
  if (webserverUuid !== undefined) return webserverUuid;
  const file = join(webserverDir, "webserver-id");
  let kept: string;
  try {
    kept = readFileSync(file, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT")
      throw at(file, `it can't be read: ${(error as Error).message}.`, error);
    const made = randomId();
    makeFolder(webserverDir);
    writeAtomically(file, `${made}\n`);
    return made;
  }
  if (WEBSERVER_ID.test(kept)) return kept;
  throw at(file, "it holds no webserver's id. Put it back, or give Webserver-UUID.");
}
