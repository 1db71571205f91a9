/** The contents that this webserver has: `<dir>/resources/<sha256>`, each whole and verified. What is being written is in folders beside them. */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { KeyedQueue } from "../platform/keyed-queue.ts";
import { log } from "../platform/log.ts";
import { randomId } from "../platform/random.ts";
import { CHUNK_BYTES } from "../wire/contents.ts";
import { ContentFile, hashFile } from "./content-file.ts";

const SHA256 = /^[0-9a-f]{64}$/;

export class LocalStore {
  readonly #folder: string;
  readonly #queue = new KeyedQueue();
  /** false: from an earlier life of this webserver, and not looked at yet. */
  readonly #verified = new Map<string, boolean>();

  /** `folder` is made when it is missing. What an upload of an earlier life has left there is taken away; what was being fetched stays. */
  constructor(folder: string) {
    this.#folder = folder;
    rmSync(join(folder, "spool"), { recursive: true, force: true });
    for (const part of ["spool", "partial"]) mkdirSync(join(folder, part), { recursive: true, mode: 0o700 });
    for (const name of readdirSync(folder)) if (SHA256.test(name)) this.#verified.set(name, false);
  }

  has(sha256: string): boolean {
    return this.#verified.has(sha256);
  }

  /** The path of a content; undefined: it is not here. One from an earlier life is hashed at its first use, and a damaged one is dropped. */
  async verified(sha256: string): Promise<string | undefined> {
    const path = join(this.#folder, sha256);
    if (this.#verified.get(sha256) !== false) return this.has(sha256) ? path : undefined;
    return await this.#queue.run(sha256, async () => {
      if (this.#verified.get(sha256) === false) {
        const found = await hashFile(path).catch((error: unknown) => String(error));
        if (found === sha256) this.#verified.set(sha256, true);
        else {
          log.error({ sha256, found }, "a content is damaged here, and is fetched again");
          await this.remove(sha256);
        }
      }
      return this.has(sha256) ? path : undefined;
    });
  }

  /** For an upload, whose hash is not known before its end. */
  async spool(): Promise<ContentFile> {
    return await ContentFile.create(join(this.#folder, "spool", randomId()));
  }

  /** For a download: goes on behind the last whole chunk that is here. */
  async partial(sha256: string, size: number): Promise<ContentFile> {
    return await ContentFile.resume(join(this.#folder, "partial", sha256), CHUNK_BYTES, size);
  }

  /** Takes a file whose hash this is. Returns where it is now. */
  async adopt(sha256: string, file: ContentFile): Promise<string> {
    const path = join(this.#folder, sha256);
    await file.seal(path);
    this.#verified.set(sha256, true);
    return path;
  }

  async remove(sha256: string): Promise<void> {
    this.#verified.delete(sha256);
    await rm(join(this.#folder, sha256), { force: true });
  }
}
