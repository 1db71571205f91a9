/** An edit as a component uses it. */

import { useEffect, useMemo } from "preact/hooks";
import type { Doc } from "../../../schemas/document.ts";
import { guardLeaving } from "../lib/router.ts";
import { onChange } from "../live/events.ts";
import { useValue } from "../live/value.ts";
import { Edit, type EditState } from "./edit.ts";

const QUESTION = "You have changes that are not saved. Leave this page and lose them?";

/** Reads the document, follows it, and asks before changes of it are left behind. */
export function useEdit(
  path: string,
  collection: string,
  id: string,
  blank?: Doc,
): { edit: Edit; state: EditState; changed: boolean } {
  const edit = useMemo(() => new Edit(path, blank), [path]);
  const state = useValue(edit.state);
  useEffect(() => {
    void edit.read();
    return onChange((change) => {
      if (change === undefined || (change.collection === collection && change.id === id)) edit.heard(change);
    });
  }, [edit, collection, id]);
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
