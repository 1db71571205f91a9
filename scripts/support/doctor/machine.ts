/** The machine: its Node, its nats-server, and the room on its disks. */
import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { resolve } from "node:path";
import { findNatsServer } from "../../../functions/nats-server/index.ts";
import { asFrontsyncError } from "../../../schemas/errors.ts";
import type { Settings } from "../config/index.ts";
import { formatBytes } from "../numbers.ts";
import type { Finding } from "./run.ts";

const MIN_NODE = 20;
/** The largest content of a resource. */
const LITTLE_ROOM_BYTES = 512 * 1024 * 1024;

export function nodeFinding(version = process.versions.node): Finding {
  const about = "node";
  if (Number.parseInt(version, 10) >= MIN_NODE) return { about, state: "good", message: version };
  return { about, state: "bad", message: `Node ${version} is too old: install ${MIN_NODE} or later.` };
}

/** Which one a datastore here would run; none is fetched for that. */
export async function natsServerFinding(signal: AbortSignal, env = process.env): Promise<Finding> {
  const about = "nats-server";
  try {
    const { version, path } = await findNatsServer({ env, ways: [], signal });
    return { about, state: "good", message: `${version} at ${path}` };
  } catch (error) {
    signal.throwIfAborted();
    const { code, message } = asFrontsyncError(error);
    // Somebody's explicit wish that can't be followed; else one is fetched when a datastore starts here.
    return { about, state: env.NATS_SERVER ? "bad" : "warning", code, message };
  }
}

/** Of the folders of a datastore and a webserver, where they are here. */
export async function diskFindings({ datastoreDir, webserverDir }: Settings): Promise<Finding[]> {
  const folders = [...new Set([datastoreDir, webserverDir].map((dir) => resolve(dir)))].filter((dir) => existsSync(dir));
  return await Promise.all(
    folders.map(async (dir) => {
      const { bavail, bsize } = await statfs(dir);
      const free = bavail * bsize;
      const message = `${formatBytes(free)} are free in ${dir}`;
      if (free >= LITTLE_ROOM_BYTES) return { about: "disk", state: "good" as const, message };
      return { about: "disk", state: "warning" as const, message: `${message}: make room, or writes will fail with DISK_FULL.` };
    }),
  );
}
