/** Uploads that are under way: they go on when another page is shown. */
import { part } from "../api/client.ts";
import { STOPPED, upload } from "../api/upload.ts";
import { asApiError, words } from "../lib/errors.ts";
import { me } from "./session.ts";
import { Value } from "./value.ts";

export interface Upload {
  key: number;
  name: string;
  size: number;
  /** 0 to 1. */
  share: number;
  state: "waiting" | "running" | "done" | "failed";
  message?: string;
  /** Only this webserver has it yet. */
  waits?: boolean;
  stop: () => void;
}

export const uploads = new Value<readonly Upload[]>([]);
let made = 0;

/** Browsers open only six connections to a webserver without HTTP/2, for all tabs: pages are to be read while files are on their way. */
const MOST = 2;
let running = 0;
const waiting: { key: number; run: () => Promise<void> }[] = [];

function next(): void {
  if (running >= MOST) return;
  const first = waiting.shift();
  if (!first) return;
  running++;
  void first.run().finally(() => {
    running--;
    next();
  });
}

/** Sends a file as the new content of a resource; without an id as a new resource, which is there when all of it has arrived. */
export function begin(file: File, id?: string): void {
  const key = ++made;
  const stopping = new AbortController();
  const set = (change: Partial<Upload>) => uploads.set(uploads.now.map((one) => (one.key === key ? { ...one, ...change } : one)));
  const { name, size } = file;
  const stop = () => {
    const at = waiting.findIndex((one) => one.key === key);
    if (at >= 0) {
      waiting.splice(at, 1);
      set({ state: "failed", message: STOPPED.message });
    }
    stopping.abort();
  };
  uploads.set([...uploads.now, { key, name, size, share: 0, state: "waiting", stop }]);
  const query = new URLSearchParams({ name });
  const to =
    id === undefined ? (["POST", `/api/resources/raw?${query}`] as const) : (["PUT", `/api/resources/${part(id)}/raw`] as const);
  const run = async () => {
    set({ state: "running" });
    try {
      const { revision } = await upload(to, file, (share) => set({ share }), stopping.signal);
      set({ state: "done", share: 1, waits: revision === null });
    } catch (error) {
      set({ state: "failed", message: words(asApiError(error)) });
    }
  };
  waiting.push({ key, run });
  next();
}

const isOn = ({ state }: Upload) => state === "waiting" || state === "running";

/** Whoever logs in next sees nothing of them. */
let whose: number | undefined;
me.on((user) => {
  if (user && (whose === undefined || whose === user.uid)) {
    whose = user.uid;
    return;
  }
  whose = user?.uid;
  for (const one of uploads.now.filter(isOn)) one.stop();
  uploads.set([]);
});

export function forget(key: number): void {
  uploads.set(uploads.now.filter((one) => one.key !== key));
}

window.addEventListener("beforeunload", (event) => {
  if (uploads.now.some(isOn)) event.preventDefault();
});
