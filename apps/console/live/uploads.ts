/** Uploads that are under way: they go on when another page is shown. */
import type { WrittenReply } from "../../../schemas/types.ts";
import { ask, part } from "../api/client.ts";
import { upload } from "../api/upload.ts";
import { asApiError, words } from "../lib/errors.ts";
import { Value } from "./value.ts";

export interface Upload {
  key: number;
  name: string;
  size: number;
  /** 0 to 1. */
  share: number;
  state: "running" | "done" | "failed";
  message?: string;
  stop: () => void;
}

export const uploads = new Value<readonly Upload[]>([]);
let made = 0;

/** Sends a file as the new content of a resource; without an id as a new resource. */
export async function begin(file: File, id?: string): Promise<void> {
  const key = ++made;
  const stopping = new AbortController();
  const set = (change: Partial<Upload>) => uploads.set(uploads.now.map((one) => (one.key === key ? { ...one, ...change } : one)));
  const { name, size } = file;
  uploads.set([...uploads.now, { key, name, size, share: 0, state: "running", stop: () => stopping.abort() }]);
  try {
    const to = id ?? (await ask<WrittenReply>("POST", "/api/resources", { body: { name } })).body.id;
    await upload(`/api/resources/${part(to)}/raw`, file, (share) => set({ share }), stopping.signal);
    set({ state: "done", share: 1 });
  } catch (error) {
    set({ state: "failed", message: words(asApiError(error)) });
  }
}

export function forget(key: number): void {
  uploads.set(uploads.now.filter((one) => one.key !== key));
}

window.addEventListener("beforeunload", (event) => {
  if (uploads.now.some(({ state }) => state === "running")) event.preventDefault();
});
