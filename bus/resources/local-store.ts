/** The contents that this webserver has: `<dir>/resources/<sha256>`, each whole and verified. What is being written is in folders beside them. */
import { readdirSync, rmSync } from "node:fs";
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "../platform/files.ts";
import { KeyedQueue } from "../platform/keyed-queue.ts";
import { log } from "../platform/log.ts";
import { randomId } from "../platform/random.ts";
import { CHUNK_BYTES } from "../wire/contents.ts";
import { ContentFile, hashFile } from "./content-file.ts";

const SHA256 = /^[0-9a-f]{64}$/;

export class LocalStore {
  readonly #folder: string;
  readonly #queue = new KeyedQueue();
  readonly #onlyCopy: (sha256: string) => boolean;
  /** false: from an earlier life of this webserver, and not looked at yet. */
  readonly #verified = new Map<string, boolean>();

  /** `folder` is made when it is missing. What an upload of an earlier life has left there unfinished is taken away; what was being fetched stays.
   *  `onlyCopy`: whether the datastore may not have a content, so that a damaged file is set aside. */
  constructor(folder: string, onlyCopy: (sha256: string) => boolean) {
    this.#folder = folder;
    this.#onlyCopy = onlyCopy;
    rmSync(join(folder, "spool"), { recursive: true, force: true });
    for (const part of ["spool", "partial"]) makeFolder(join(folder, part));
    for (const name of readdirSync(folder)) if (SHA256.test(name)) this.#verified.set(name, false);
  }

  has(sha256: string): boolean {
    return this.#verified.has(sha256);
  }

  /** Of all that are here, whole or in part. */
  async names(): Promise<string[]> {
    const parts = await readdir(join(this.#folder, "partial")).catch(() => []);
    return [...this.#verified.keys(), ...parts.filter((name) => SHA256.test(name))];
  }

  /** The path of a content; undefined: it is not here. One from an earlier life is hashed at its first use, and a damaged one is dropped. */
  async verified(sha256: string): Promise<string | undefined> {
    const path = join(this.#folder, sha256);
    if (this.#verified.get(sha256) !== false) return this.has(sha256) ? path : undefined;
    return await this.#queue.run(sha256, async () => {
      if (this.#verified.get(sha256) === false) {
        const found = await hashFile(path).catch((error: unknown) => String(error));
        if (found === sha256) this.#verified.set(sha256, true);
        else await this.#drop(sha256, found);
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
    await this.#queue.run(sha256, async () => {
      await file.seal(path);
      this.#verified.set(sha256, true);
    });
    return path;
  }

  /** And what there is of a part of it. */
  async remove(sha256: string): Promise<void> {
    await this.#queue.run(sha256, async () => {
      this.#verified.delete(sha256);
      for (const path of [sha256, join("partial", sha256)]) await rm(join(this.#folder, path), { force: true });
    });
  }

  /** Hashed again at its next use: it is not what it was. */
  doubt(sha256: string): void {
    if (this.has(sha256)) this.#verified.set(sha256, false);
  }

  async #drop(sha256: string, found: string): Promise<void> {
    this.#verified.delete(sha256);
    const path = join(this.#folder, sha256);
    const aside = this.#onlyCopy(sha256) ? `${path}.damaged` : undefined;
    log.error({ sha256, found, aside }, "a content is damaged here; it is fetched again if the datastore has it");
    await (aside === undefined ? rm(path, { force: true }) : rename(path, aside).catch(() => {}));
  }
}
