/** What can be restored from: a verified backup, or the folder of a webserver. */
import { openSnapshots } from "../../../bus/replica/snapshot.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import { type BackupRecord, recordOf } from "../backup/format.ts";
import { openBackup } from "../backup/read.ts";
import { readPassword } from "../password.ts";

export interface Source {
  /** For people. */
  name: string;
  count: number;
  /** The datastore's, when it was written. */
  revision: number;
  withoutSecrets: boolean;
  records(): AsyncIterable<BackupRecord> | Iterable<BackupRecord>;
  close(): Promise<void> | void;
}

/** `passwordFile`: of an encrypted backup; undefined: the password is asked for. */
export type From = { file: string; passwordFile: string | undefined } | { replica: string };

/** Opens and verifies it all, before anything is written. Throws BACKUP_DAMAGED, NOT_FOUND, BAD_CONFIG. */
export async function openSource(from: From, signal: AbortSignal): Promise<Source> {
  return "file" in from ? await openFile(from.file, from.passwordFile, signal) : await openReplica(from.replica, signal);
}

async function openFile(file: string, passwordFile: string | undefined, signal: AbortSignal): Promise<Source> {
  const askPassword = () => readPassword(passwordFile, "known", signal);
  const { header, count, records, close } = await openBackup(file, askPassword, signal);
  const { revision, withoutSecrets } = header;
  return { name: file, count, revision, withoutSecrets, records, close };
}

async function openReplica(dir: string, signal: AbortSignal): Promise<Source> {
  const snapshots = await openSnapshots(dir);
  const { revision, close } = snapshots;
  function* records(): Generator<BackupRecord> {
    for (const version of snapshots.versions()) yield recordOf(version);
  }
  try {
    let count = 0;
    for (const _verified of snapshots.versions()) {
      count++;
      signal.throwIfAborted();
    }
    if (count === 0)
      throw new FrontsyncError("NOT_FOUND", `The webserver of ${dir} has no documents. Give the folder of another one.`);
    return { name: dir, count, revision, withoutSecrets: false, records, close };
  } catch (error) {
    close();
    throw error;
  }
}
