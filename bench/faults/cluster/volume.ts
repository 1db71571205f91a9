/** A file system of its own for a folder: it can be full, and its power can be cut. It is ext4 in a file; what a program has not fsynced (and the
 *  kernel has not written by itself) is in memory alone, and a copy of the file is what the disk holds after a power cut. Needs the right to mount. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, statfsSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const BYTES = 192 * 1024 * 1024;
/** With less a disk is full. */
const FULL_BYTES = 16 * 1024;
const TIMEOUT_MS = 20_000;
/** What nobody has asked to be on the disk stays in memory for longer than a round. */
const OPTIONS = "loop,commit=300";

export class Volume {
  readonly folder: string;
  readonly #image: string;

  private constructor(folder: string, image: string) {
    this.folder = folder;
    this.#image = image;
  }

  /** Makes the folder and mounts an empty file system there. Throws what the machine says. */
  static make(folder: string): Volume {
    const image = `${folder}.image`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(image, "", { mode: 0o600 });
    truncateSync(image, BYTES);
    run("mkfs.ext4", ["-q", "-F", "-m", "0", "-E", "lazy_itable_init=1,nodiscard", image]);
    const volume = new Volume(folder, image);
    volume.#mount();
    return volume;
  }

  /** Why there can't be any here; undefined: there can. */
  static whyNot(folder: string): string | undefined {
    try {
      const volume = Volume.make(join(folder, "probe"));
      volume.remove();
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** What it is after a power cut. Nothing may be at work on it. */
  cutPower(): void {
    const cut = `${this.#image}.cut`;
    run("cp", ["--sparse=always", this.#image, cut]);
    this.#unmount();
    renameSync(cut, this.#image);
    this.#mount();
    // What filled it may be back: that it was taken away was in memory alone.
    this.free();
  }

  /** Takes all space that is left. Returns the bytes. */
  fill(): number {
    const { bavail, bsize } = statfsSync(this.folder);
    for (const size of ["64k", "1k"]) {
      const append = [`of=${this.#ballast}`, "oflag=append", "conv=notrunc"];
      spawnSync("dd", ["if=/dev/zero", ...append, `bs=${size}`], { stdio: "ignore", timeout: TIMEOUT_MS });
    }
    return (bavail - statfsSync(this.folder).bavail) * bsize;
  }

  get isFull(): boolean {
    const { bavail, bsize } = statfsSync(this.folder);
    return bavail * bsize < FULL_BYTES;
  }

  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  remove(): void {
    this.#unmount();
    for (const file of [this.#image, `${this.#image}.cut`]) if (existsSync(file)) rmSync(file);
  }

  get #ballast(): string {
    return join(this.folder, "ballast");
  }

  #mount(): void {
    run("mount", ["-t", "ext4", "-o", OPTIONS, this.#image, this.folder]);
  }

  #unmount(): void {
    spawnSync("umount", ["-l", this.folder], { stdio: "ignore", timeout: TIMEOUT_MS });
  }
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: "utf8", timeout: TIMEOUT_MS });
  if (error) throw new Error(`${command} can't be run: ${error.message}`);
  if (status !== 0) throw new Error(`${command}: ${stderr.trim().split("\n").at(-1) ?? `exit ${status}`}`);
}
