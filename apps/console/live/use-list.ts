/** A list that is read as far as somebody wants to see it. */
import { useRef } from "preact/hooks";
import { list } from "../api/lists.ts";
import { type Live, of, useLive } from "./use-live.ts";

export interface Listed<T> extends Live<{ items: T[]; more: boolean }> {
  /** Reads one more piece; what is there stays meanwhile. */
  readMore(): void;
}

interface Asked {
  sort?: string;
  /** So many items are read at first, and each time that more is asked for. */
  piece?: number;
  /** It is read again when something changes in one of these. */
  collections: readonly string[];
}

export function useList<T>(path: string, { sort, piece = 100, collections }: Asked): Listed<T> {
  const most = useRef(piece);
  const live = useLive(
    `${path} ${sort}`,
    (signal) => list<T>(path, { ...(sort && { sort }), most: most.current, signal }),
    of(...collections),
  );
  const readMore = () => {
    most.current += piece;
    live.again();
  };
  return { ...live, readMore };
}
