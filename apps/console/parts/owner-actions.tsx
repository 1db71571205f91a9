/** What the owner of a document, or an admin, may do with it: share it, and delete it. For everybody else there is nothing. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Audience, WrittenReply } from "../../../schemas/types.ts";
import { ask } from "../api/client.ts";
import { me } from "../live/session.ts";
import { useValue } from "../live/use-value.ts";
import { Button } from "./button.tsx";
import { FormDialog } from "./dialog.tsx";
import { owns, type Shared, SharingDialog } from "./sharing.tsx";
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
  if (!owns(doc, self)) return null;
  const close = () => setAsking(undefined);
  const share = async (sharing: { readers: Audience; writers?: Audience }) => {
    const { body } = await ask<WrittenReply>("PATCH", path, { body: sharing });
    toastSaved(body.revision, "Sharing saved");
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
      <Button icon="share" onClick={() => setAsking("share")} {...(row && { look: "plain", bare: true, title: "Share" })}>
        {named("Share")}
      </Button>
      <Button
        look="plain danger"
        onClick={() => setAsking("delete")}
        {...(row && { icon: "remove", bare: true, title: "Delete" })}
      >
        {named("Delete")}
      </Button>
      {asking === "share" && <SharingDialog doc={doc} onClose={close} onSave={share} {...(readersOnly && { readersOnly })} />}
      {asking === "delete" && (
        <FormDialog title={`Delete ${what}?`} submit="Delete it" danger onClose={close} onSubmit={remove}>
          <p>{children}</p>
        </FormDialog>
      )}
    </>
  );
}
