/** What a webserver warns of, and what to do then. `undefined` stays so: it is over. */
import type { FrontsyncError } from "../schemas/errors.ts";
import { VERSION } from "./platform/package.ts";

export function snapshotFailed(dir: string, failed: string | undefined): string | undefined {
  return (
    failed && `The replica could not be written to ${dir}: ${failed}. Free space; nothing is lost, but a restart reads it anew.`
  );
}

export function incompatible({ message }: FrontsyncError): string {
  return `The datastore does not understand this webserver (frontsync ${VERSION}): ${message}`;
}

export function replicaEnded({ message }: FrontsyncError): string {
  return `${message}. Restart this webserver: it opens the last snapshot and reads the rest.`;
}
