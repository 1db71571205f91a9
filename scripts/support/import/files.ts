/** Finds the JSON files of a folder, through its subfolders and links, always in the same order. */
import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FrontsyncError } from "../../../schemas/errors.ts";
import { type FileFault, faultOf } from "./faults.ts";

export interface FoundFile {
  /** Under the folder, with `/` on every system. */
  path: string;
  /** Where to read it. */
  location: string;
}

interface Search {
  root: string;
  files: FoundFile[];
  faults: FileFault[];
  /** Links to folders, which are followed after all true folders: a file's path does not depend on a link that happens to come first. */
  links: string[];
  /** Folders that were read, or that lie above `root`, by device and inode. */
  seen: Set<string>;
}

/** Every file whose name ends in .json, sorted by path. What can't be read, and links that lead back to a folder that is read
 *  already, are faults, and the rest goes on. Throws NOT_FOUND, NOT_ALLOWED or BAD_CONFIG when `dir` itself can't be read. */
export async function findJsonFiles(dir: string, signal: AbortSignal): Promise<{ files: FoundFile[]; faults: FileFault[] }> {
  let above: string[];
  try {
    above = await identitiesAbove(dir);
    if (!(await stat(dir)).isDirectory()) throw new FrontsyncError("BAD_CONFIG", `${dir} is not a folder.`);
  } catch (error) {
    const { code, message } = faultOf(dir, error);
    throw new FrontsyncError(code, `${dir}: ${message}`, { cause: error });
  }
  const search: Search = { root: dir, files: [], faults: [], links: [], seen: new Set(above) };
  await searchFolders("", search, signal);
  for (let i = 0; i < search.links.length; i++) {
    const link = search.links[i] ?? "";
    if (search.seen.has(await identity(join(dir, link)).catch(() => ""))) {
      const message = "The link leads to a folder that is read already, or that contains this one.";
      search.faults.push({ path: link, code: "BAD_CONFIG", message });
    } else await searchFolders(link, search, signal);
  }
  const byPath = (a: { path: string }, b: { path: string }) => (a.path < b.path ? -1 : Number(a.path > b.path));
  return { files: search.files.sort(byPath), faults: search.faults.sort(byPath) };
}

/** This folder and all true folders in it; its links are only collected. */
async function searchFolders(start: string, search: Search, signal: AbortSignal): Promise<void> {
  const folders = [start];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    signal.throwIfAborted();
    try {
      const location = join(search.root, folder);
      const id = await identity(location);
      if (search.seen.has(id)) continue;
      search.seen.add(id);
      for (const entry of sorted(await readdir(location, { withFileTypes: true }))) {
        const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
        if (entry.isDirectory()) folders.push(path);
        else await sortIn(path, entry, search);
      }
    } catch (error) {
      search.faults.push(faultOf(folder, error));
    }
  }
}

async function sortIn(path: string, entry: Dirent, search: Search): Promise<void> {
  const location = join(search.root, path);
  try {
    const target = entry.isSymbolicLink() ? await stat(location) : entry;
    if (target.isDirectory()) search.links.push(path);
    else if (!isJson(path)) return;
    else if (target.isFile()) search.files.push({ path, location });
    else search.faults.push({ path, code: "BAD_CONFIG", message: "It is not a regular file." });
  } catch (error) {
    const fault = faultOf(path, error);
    // A broken link concerns us if it could have been a dashboard; a circle of links could have been a folder of them.
    if (isJson(path) || fault.code !== "NOT_FOUND") search.faults.push(fault);
  }
}

function isJson(path: string): boolean {
  return path.toLowerCase().endsWith(".json");
}

function sorted(entries: Dirent[]): Dirent[] {
  return entries.sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
}

async function identity(folder: string): Promise<string> {
  const { dev, ino } = await stat(folder, { bigint: true });
  return `${dev}:${ino}`;
}

async function identitiesAbove(dir: string): Promise<string[]> {
  const identities: string[] = [];
  for (let folder = await realpath(dir); folder !== dirname(folder); ) {
    folder = dirname(folder);
    identities.push(await identity(folder));
  }
  return identities;
}
