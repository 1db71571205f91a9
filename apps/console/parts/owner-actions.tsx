/** What the owner of a document, or an admin, may do with it: share it, and delete it. For everybody else there is nothing. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Audience, WrittenReply } from "../../../schemas/types.ts";
import { ApiError, ask } from "../api/client.ts";
import { status } from "../live/events.ts";
import { me } from "../live/session.ts";
import { useValue } from "../live/use-value.ts";
import { Button } from "./button.tsx";
import { FormDialog } from "./dialog.tsx";
import { owns, type Shared, SharingDialog, withChoices } from "./sharing.tsx";
import { toastSaved } from "./toast.tsx";

export function OwnerActions({
  doc,
  path,
  what,
  bare,
  readersOnly,
  onShared,
  onDeleted,
  children,
}: {
  doc: Shared;
  /** Of the document, in the API. */
  path: string;
  /** What the question whether to delete it calls it. */
  what: string;
  /** In a row of a list: only icons are seen, and this is the document's name. */
  bare?: string;
  /** Nobody else may change it. */
  readersOnly?: boolean;
  onShared: () => void;
  onDeleted: () => void;
  /** What deleting it means. */
  children: ComponentChildren;
}) {
  const self = useValue(me);
  const [asking, setAsking] = useState<"share" | "delete">();
  /** As it was when the question was asked: that is what the choices are made from. */
  const [before, setBefore] = useState(doc);
  if (!owns(doc, self)) return null;
  const close = () => setAsking(undefined);
  const share = async (sharing: Sharing) => {
    toastSaved(await saveSharing(path, before, sharing), "Sharing saved");
    onShared();
  };
  const remove = async () => {
    const { body } = await ask<WrittenReply>("DELETE", path);
    toastSaved(body.revision, "Deleted");
    onDeleted();
  };
  const row = bare !== undefined;
  const named = (action: string) => (row ? `${action} ${bare}` : action);
  return (
    <>
      <Button
        icon="share"
        onClick={() => {
          setBefore(doc);
          setAsking("share");
        }}
        {...(row && { look: "plain", bare: true, title: "Share" })}
      >
        {named("Share")}
      </Button>
      <Button
        look="plain danger"
        onClick={() => setAsking("delete")}
        {...(row && { icon: "remove", bare: true, title: "Delete" })}
      >
        {named("Delete")}
      </Button>
      {asking === "share" && <SharingDialog doc={before} onClose={close} onSave={share} {...(readersOnly && { readersOnly })} />}
      {asking === "delete" && (
        <FormDialog title={`Delete ${what}?`} submit="Delete it" danger onClose={close} onSubmit={remove}>
          <p>{children}</p>
        </FormDialog>
      )}
    </>
  );
}

interface Sharing {
  readers: Audience;
  writers?: Audience;
}

const TRIES = 20;

/** Somebody else may share it, too, at the same time: on top of that, and again when that was in between. */
async function saveSharing(path: string, before: Shared, { readers, writers }: Sharing): Promise<number | null> {
  for (let attempt = 1; ; attempt++) {
    const { body: now, revision, pending } = await ask<Shared>("GET", path);
    const sharing = {
      readers: withChoices(before.readers, readers, now.readers),
      ...(writers && { writers: withChoices(before.writers, writers, now.writers) }),
    };
    // Without contact nobody can say whether it is the latest.
    const alone = pending || status.now?.state === "degraded";
    try {
      const asked = { body: sharing, ifRevision: alone ? undefined : revision };
      return (await ask<WrittenReply>("PATCH", path, asked)).body.revision;
    } catch (error) {
      if (!(error instanceof ApiError && error.code === "REVISION_CONFLICT") || attempt === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
