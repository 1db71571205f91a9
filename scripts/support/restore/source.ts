/** What can be restored from: a verified backup, or the folder of a webserver. */
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { CONTROL_SOCKET } from "../../../bus/control.ts";
import { clock } from "../../../bus/platform/clock.ts";
import { lockDir } from "../../../bus/platform/dir-lock.ts";
import { openSnapshots } from "../../../bus/replica/snapshot.ts";
import { sha256 as hashOf } from "../../../schemas/digest.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import { contentsOf } from "../backup/contents.ts";
import { type BackupRecord, recordOf } from "../backup/format.ts";
import { openBackup } from "../backup/read.ts";
import type { ContentFile } from "../backup/write.ts";
import { readPassword } from "../password.ts";
import { startProgress } from "../progress.ts";
import { filesIn, spooled } from "./contents.ts";

export type Mode = "merge" | "replace";

export interface Source {
  /** For people. */
  name: string;
  /** SHA-256, hex: a restore that was interrupted goes on with the same one. */
  hash: string;
  count: number;
  contents: number;
  /** The datastore's, when it was written. */
  revision: number;
  withoutSecrets: boolean;
  records(): AsyncIterable<BackupRecord> | Iterable<BackupRecord>;
  /** The contents that it has, verified; each is there until the next one is asked for. `dir`: for one at a time. */
  files(dir: string): AsyncIterable<ContentFile>;
  close(): Promise<void> | void;
}

/** `passwordFile`: of an encrypted backup; undefined: the password is asked for. */
export type From = { file: string; passwordFile: string | undefined } | { replica: string };

/** Opens and verifies it all, before anything is written. Throws BACKUP_DAMAGED, NOT_FOUND, BAD_CONFIG; to replace, DIR_IN_USE. */
export async function openSource(from: From, mode: Mode, signal: AbortSignal): Promise<Source> {
  return "file" in from ? await openFile(from.file, from.passwordFile, signal) : await openReplica(from.replica, mode, signal);
}

async function openFile(file: string, passwordFile: string | undefined, signal: AbortSignal): Promise<Source> {
  const askPassword = () => readPassword(passwordFile, "known", signal);
  const progress = startProgress("byte", process.stderr, clock.monotonic);
  const opened = await openBackup(file, askPassword, signal, progress.update).finally(progress.end);
  const { header, sha256, count, contents, pieces, records, close } = opened;
  const { revision, withoutSecrets } = header;
  const files = (dir: string) => spooled(pieces(), dir);
  return { name: file, hash: sha256, count, contents, revision, withoutSecrets, records, files, close };
}

/** To replace, what it has not is deleted: so it must be all that there was, and nobody may be changing it. */
async function openReplica(dir: string, mode: Mode, signal: AbortSignal): Promise<Source> {
  const lock = mode === "replace" ? lockDir(dir, CONTROL_SOCKET) : undefined;
  try {
    const snapshots = await openSnapshots(dir);
    const close = () => {
      snapshots.close();
      lock?.release();
    };
    try {
      if (mode === "replace" && !snapshots.settled)
        throw new FrontsyncError(
          "BACKUP_DAMAGED",
          `${dir} is not all that a datastore had at one revision: its webserver was not stopped in an orderly way, or was still catching up. Give another one, or --mode merge.`,
        );
      const { revision, epoch } = snapshots;
      function* records(): Generator<BackupRecord> {
        for (const version of snapshots.versions()) yield recordOf(version);
      }
      let count = 0;
      for (const _verified of snapshots.versions()) {
        count++;
        signal.throwIfAborted();
      }
      if (count === 0)
        throw new FrontsyncError("NOT_FOUND", `The webserver of ${dir} has no documents. Give the folder of another one.`);
      const wanted = contentsOf(snapshots);
      // Not of its bytes: a webserver may be at work in the folder.
      const hash = hashOf(JSON.stringify([await realpath(dir), epoch])).toString("hex");
      const files = () => filesIn(join(dir, "resources"), wanted);
      return { name: dir, hash, count, contents: wanted.length, revision, withoutSecrets: false, records, files, close };
    } catch (error) {
      close();
      throw error;
    }
  } catch (error) {
    lock?.release();
    throw error;
  }
}
