import { useRef, useState } from "preact/hooks";
import type { Audience, Resource, WrittenReply } from "../../../schemas/types.ts";
import { ask, part } from "../api/client.ts";
import { list } from "../api/lists.ts";
import { bytes, counted } from "../lib/text.ts";
import { me, nameOf, users } from "../live/session.ts";
import { begin } from "../live/uploads.ts";
import { of, useLive } from "../live/use-live.ts";
import { useValue } from "../live/value.ts";
import { Button, LinkButton } from "../parts/button.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { Area, Text } from "../parts/field.tsx";
import { FilePicker, Uploads } from "../parts/files.tsx";
import { Empty, Loading, Page, When } from "../parts/page.tsx";
import { mayWrite, SharedWith, SharingDialog } from "../parts/sharing.tsx";
import { toastSaved } from "../parts/toast.tsx";

const PAGE = 200;

export function Resources() {
  const [words, setWords] = useState("");
  const [most, setMost] = useState(PAGE);
  const { data, error, again } = useLive(
    `${most}`,
    (signal) => list<Resource>("/api/resources", { sort: "-updatedAt", most, signal }),
    of("resources"),
  );
  const found = (data?.items ?? []).filter(({ name, description = "" }) =>
    `${name} ${description}`.toLowerCase().includes(words.trim().toLowerCase()),
  );
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
      {!data && !error && <Loading />}
      {data && found.length === 0 && (
        <Empty icon="resources">
          <p>{data.items.length === 0 ? "There are no resources yet." : "No resource fits. Try another word."}</p>
        </Empty>
      )}
      {found.length > 0 && (
        <ul class="card rows" aria-label={counted(found.length, "resource")}>
          {found.map((resource) => (
            <Row key={resource.id} resource={resource} again={again} />
          ))}
        </ul>
      )}
      {data?.more && (
        <div class="actions">
          <Button onClick={() => setMost(most + PAGE)}>Read more</Button>
        </div>
      )}
    </Page>
  );
}

function Row({ resource, again }: { resource: Resource; again: () => void }) {
  const { id, name, description, size, version, sha256 } = resource;
  const [self, people] = [useValue(me), useValue(users)];
  const [asking, setAsking] = useState<"edit" | "share" | "delete">();
  const picker = useRef<HTMLInputElement>(null);
  const path = `/api/resources/${part(id)}`;
  const close = () => setAsking(undefined);
  const share = async (sharing: { readers: Audience; writers?: Audience }) => {
    const { body } = await ask<WrittenReply>("PATCH", path, { body: sharing });
    toastSaved(body.revision, "Sharing saved");
    again();
  };
  const remove = async () => {
    const { body } = await ask<WrittenReply>("DELETE", path);
    toastSaved(body.revision, "Deleted");
    again();
  };
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
                if (file) void begin(file, id);
                currentTarget.value = "";
              }}
            />
            <Button look="plain" onClick={() => setAsking("edit")}>
              Edit{of}
            </Button>
          </>
        )}
        {(self?.admin || resource.ownerId === self?.uid) && (
          <>
            <Button look="plain" icon="share" bare onClick={() => setAsking("share")} title="Share">
              Share {name}
            </Button>
            <Button look="plain danger" icon="remove" bare onClick={() => setAsking("delete")} title="Delete">
              Delete {name}
            </Button>
          </>
        )}
      </div>
      {asking === "edit" && <EditResource resource={resource} onClose={close} again={again} />}
      {asking === "share" && <SharingDialog doc={resource} onClose={close} onSave={share} />}
      {asking === "delete" && (
        <FormDialog title={`Delete “${name}”?`} submit="Delete it" danger onClose={close} onSubmit={remove}>
          <p>It goes from every webserver.</p>
        </FormDialog>
      )}
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
