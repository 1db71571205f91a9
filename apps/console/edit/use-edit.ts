/** An edit as a component uses it. */

import { useEffect, useMemo } from "preact/hooks";
import type { Doc } from "../../../schemas/document.ts";
import type { WrittenReply } from "../../../schemas/types.ts";
import { ask } from "../api/client.ts";
import { guardLeaving } from "../lib/router.ts";
import { onChange, status } from "../live/events.ts";
import { RETRY_MS } from "../live/use-live.ts";
import { useValue } from "../live/use-value.ts";
import { Edit, type EditState, type Remote } from "./edit.ts";

const QUESTION = "You have changes that are not saved. Leave this page and lose them?";

/** `path`: of the document in the API. */
const remoteAt = (path: string): Remote => ({
  read: () => ask<Doc>("GET", path),
  write: async (doc, ifRevision) => (await ask<WrittenReply>("PUT", path, { body: doc, ifRevision })).body,
  isAlone: () => status.now?.state === "degraded",
});

/** Reads the document, follows it, and asks before changes of it are left behind. */
export function useEdit(
  path: string,
  collection: string,
  id: string,
  blank?: Doc,
): { edit: Edit; state: EditState; changed: boolean } {
  const edit = useMemo(() => new Edit(remoteAt(path), blank), [path]);
  const state = useValue(edit.state);
  useEffect(() => {
    void edit.read();
    return onChange((change) => {
      if (change === undefined || (change.collection === collection && change.id === id)) edit.heard(change);
    });
  }, [edit, collection, id]);
  useEffect(() => {
    if (!edit.unread) return;
    const timer = window.setTimeout(() => void edit.read(), RETRY_MS);
    return () => window.clearTimeout(timer);
  }, [edit, state.error]);
  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => {
      if (edit.changed) event.preventDefault();
    };
    window.addEventListener("beforeunload", warn);
    guardLeaving(() => !edit.changed || window.confirm(QUESTION));
    return () => {
      window.removeEventListener("beforeunload", warn);
      guardLeaving(undefined);
    };
  }, [edit]);
  return { edit, state, changed: edit.changed };
}
