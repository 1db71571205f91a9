/** Short messages of what was done, which are also read aloud. */
import { useValue } from "../live/use-value.ts";
import { Value } from "../live/value.ts";

type Kind = "good" | "warn" | "bad";

interface Toast {
  id: number;
  text: string;
  kind: Kind;
}

const LASTS_MS = 5000;
const MOST = 2;
const toasts = new Value<readonly Toast[]>([]);
let made = 0;

export function toast(text: string, kind: Kind = "good"): void {
  const id = ++made;
  toasts.set([...toasts.now, { id, text, kind }].slice(-MOST));
  window.setTimeout(() => toasts.set(toasts.now.filter((one) => one.id !== id)), kind === "good" ? LASTS_MS : 3 * LASTS_MS);
}

/** What a write has come to. */
export function toastSaved(revision: number | null, what = "Saved"): void {
  if (revision === null)
    toast(`${what} on this webserver. It goes to the others when the datastore can be reached again.`, "warn");
  else toast(`${what}.`);
}

export function Toasts() {
  const shown = useValue(toasts);
  return (
    <div class="toasts" aria-live="polite">
      {shown.map(({ id, text, kind }) => (
        <div key={id} class="toast appear" data-kind={kind}>
          <span class={`dot ${kind}`} aria-hidden="true" /> {text}
        </div>
      ))}
    </div>
  );
}
