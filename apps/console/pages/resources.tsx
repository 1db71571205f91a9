import { useRef, useState } from "preact/hooks";
import type { Resource, WrittenReply } from "../../../schemas/types.ts";
import { ask, part } from "../api/client.ts";
import { bytes, fits } from "../lib/text.ts";
import { me, nameOf, users } from "../live/session.ts";
import { begin } from "../live/uploads.ts";
import { useList } from "../live/use-list.ts";
import { useValue } from "../live/use-value.ts";
import { Button, LinkButton } from "../parts/button.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { Area, Text } from "../parts/field.tsx";
import { FilePicker, Uploads } from "../parts/files.tsx";
import { OwnerActions } from "../parts/owner-actions.tsx";
import { Page, When } from "../parts/page.tsx";
import { Rows } from "../parts/rows.tsx";
import { mayWrite, SharedWith } from "../parts/sharing.tsx";
import { toastSaved } from "../parts/toast.tsx";

export function Resources() {
  const [words, setWords] = useState("");
  const resources = useList<Resource>("/api/resources", { sort: "-updatedAt", piece: 200, collections: ["resources"] });
  const { data, error, again } = resources;
  const found = (data?.items ?? []).filter(({ name, description }) => fits(words, name, description));
  return (
    <Page
      title="Resources"
      about="Files that every webserver has: upload one here, and use it anywhere."
      error={error}
      again={again}
    >
      <FilePicker />
      <Uploads />
      <search class="finder">
        <Text label="Find" type="search" placeholder="Name or description" value={words} onInput={setWords} />
      </search>
      <Rows list={resources} found={found} icon="resources" noun={["resource"]} none="There are no resources yet.">
        {(resource) => <Row key={resource.id} resource={resource} again={again} />}
      </Rows>
    </Page>
  );
}

function Row({ resource, again }: { resource: Resource; again: () => void }) {
  const { id, name, description, size, version, sha256 } = resource;
  const [self, people] = [useValue(me), useValue(users)];
  const [editing, setEditing] = useState(false);
  const picker = useRef<HTMLInputElement>(null);
  const path = `/api/resources/${part(id)}`;
  const of = <span class="hidden"> {name}</span>;
  return (
    <li>
      <div class="what">
        <strong>{name}</strong>
        {description && <p class="quiet small">{description}</p>}
        <p class="meta">
          {sha256 === undefined ? (
            <span>No content yet</span>
          ) : (
            <span>
              {bytes(size ?? 0)}, version {version ?? 1}
            </span>
          )}
          <span>
            Changed <When at={resource.updatedAt} /> by {nameOf(resource.lastModifiedBy, people)}
          </span>
          <SharedWith doc={resource} />
        </p>
      </div>
      <div class="actions">
        {sha256 !== undefined && (
          <LinkButton icon="download" href={`${path}/raw`} download>
            Download{of}
          </LinkButton>
        )}
        {mayWrite(resource, self) && (
          <>
            <Button look="plain" onClick={() => picker.current?.click()}>
              New version{of}
            </Button>
            <input
              ref={picker}
              type="file"
              hidden
              aria-label={`New version of ${name}`}
              onChange={({ currentTarget }) => {
                const [file] = currentTarget.files ?? [];
                if (file) begin(file, id);
                currentTarget.value = "";
              }}
            />
            <Button look="plain" onClick={() => setEditing(true)}>
              Edit{of}
            </Button>
          </>
        )}
        <OwnerActions doc={resource} path={path} what={`“${name}”`} bare={name} onShared={again} onDeleted={again}>
          It goes from every webserver.
        </OwnerActions>
      </div>
      {editing && <EditResource resource={resource} onClose={() => setEditing(false)} again={again} />}
    </li>
  );
}

/** Only the fields that were changed are sent, so that another one's change of another field stays. */
function EditResource({ resource, onClose, again }: { resource: Resource; onClose: () => void; again: () => void }) {
  const [name, setName] = useState(resource.name);
  const [description, setDescription] = useState(resource.description ?? "");
  const save = async () => {
    const body = {
      ...(name.trim() !== resource.name && { name: name.trim() }),
      ...(description !== (resource.description ?? "") && { description }),
    };
    const saved = await ask<WrittenReply>("PATCH", `/api/resources/${part(resource.id)}`, { body });
    toastSaved(saved.body.revision);
    again();
  };
  return (
    <FormDialog title="Edit a resource" submit="Save" onClose={onClose} onSubmit={save} disabled={name.trim() === ""}>
      <Text label="Name" value={name} onInput={setName} required autofocus maxLength={1024} />
      <Area label="Description" value={description} onInput={setDescription} />
    </FormDialog>
  );
}
