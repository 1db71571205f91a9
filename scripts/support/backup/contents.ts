/** The contents of resources, on their way into a backup: one after the other through a file, so that neither the memory nor the disk holds
 *  more than one. */

import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Snapshots } from "../../../bus/replica/snapshot.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import { RESOURCES } from "../../../schemas/resource.ts";
import type { Resource } from "../../../schemas/types.ts";
import type { Target } from "../config/target.ts";
import { connectObserver } from "../observer.ts";
import type { ContentFile } from "./write.ts";

/** A content, and one of the documents that refer to it. */
export interface Wanted {
  id: string;
  sha256: string;
  size: number;
}

/** The contents that the documents refer to, each once. */
export function contentsOf(snapshots: Snapshots): Wanted[] {
  const wanted = new Map<string, Wanted>();
  for (const { collection, id, body } of snapshots.versions()) {
    if (collection !== RESOURCES || body === undefined) continue;
    const { sha256, size = 0 } = JSON.parse(body) as Resource;
    if (sha256 !== undefined) wanted.set(sha256, { id, sha256, size });
  }
  return [...wanted.values()];
}

export class BackupContents {
  readonly #wanted: readonly Wanted[];
  readonly #dir: string;
  readonly #target: Target;
  readonly #signal: AbortSignal;
  /** Hashes of those that the datastore does not have, when all files were read. */
  readonly missing: string[] = [];

  /** `dir`: for a folder of theirs. */
  constructor(wanted: readonly Wanted[], dir: string, target: Target, signal: AbortSignal) {
    this.#wanted = wanted;
    this.#dir = join(dir, "contents");
    this.#target = target;
    this.#signal = signal;
  }

  /** Each is there until the next one is asked for. Throws what keeps them from being fetched. */
  async *files(): AsyncGenerator<ContentFile, void> {
    if (this.#wanted.length === 0) return;
    const { bus } = await connectObserver("backup", { target: this.#target, dir: this.#dir, signal: this.#signal });
    try {
      for (const wanted of this.#wanted) {
        const path = await bus.transfers.fetch(wanted, { signal: this.#signal }).catch((error: unknown) => {
          if (error instanceof FrontsyncError && error.code === "CONTENT_MISSING") return undefined;
          throw error;
        });
        if (path === undefined) {
          this.missing.push(wanted.sha256);
          continue;
        }
        yield { sha256: wanted.sha256, size: wanted.size, path };
        await rm(path, { force: true });
      }
    } finally {
      await bus.close();
    }
  }
}
