/** What is read from the webserver and read again when it changes there. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { ChangeEvent } from "../../../schemas/types.ts";
import type { ApiError } from "../api/client.ts";
import { asApiError, isFinal } from "../lib/errors.ts";
import { onChange } from "./events.ts";

/** While a lot changes it is read this often, ms. */
const AGAIN_MS = 400;
/** After an answer that says nothing of what was asked, ms. */
export const RETRY_MS = 2000;

export interface Live<T> {
  /** undefined: not read yet. The last one stays while another one is read, and when that fails. */
  data: T | undefined;
  error: ApiError | undefined;
  again(): void;
}

/** Reads when `key` changes, and when `concerns` says that a change is of it. */
export function useLive<T>(
  key: string,
  read: (signal: AbortSignal) => Promise<T>,
  concerns: (change: ChangeEvent) => boolean,
): Live<T> {
  const [state, setState] = useState<{ key: string; data?: T; error?: ApiError }>({ key });
  const parts = useRef({ read, concerns });
  parts.current = { read, concerns };
  const wish = useRef<() => void>(() => {});
  useEffect(() => {
    const gone = new AbortController();
    let [reading, wanted] = [false, false];
    let timer: number | undefined;
    const load = async () => {
      reading = true;
      let wait = AGAIN_MS;
      try {
        const data = await parts.current.read(gone.signal);
        if (!gone.signal.aborted) setState({ key, data });
      } catch (thrown) {
        if (gone.signal.aborted) return;
        const error = asApiError(thrown);
        setState((before) => ({ ...(before.key === key ? before : { key }), error }));
        if (!isFinal(error)) [wait, wanted] = [RETRY_MS, true];
      }
      timer = window.setTimeout(() => {
        reading = false;
        if (wanted) wish.current();
      }, wait);
    };
    wish.current = () => {
      wanted = reading;
      if (!reading && !gone.signal.aborted) void load();
    };
    wish.current();
    const off = onChange((change) => {
      if (change === undefined || parts.current.concerns(change)) wish.current();
    });
    return () => {
      gone.abort();
      window.clearTimeout(timer);
      off();
    };
  }, [key]);
  const again = useCallback(() => wish.current(), []);
  const current = state.key === key ? state : undefined;
  return { data: current?.data, error: current?.error, again };
}

/** Of one of these collections. */
export const of =
  (...collections: string[]) =>
  ({ collection }: ChangeEvent): boolean =>
    collections.includes(collection);
