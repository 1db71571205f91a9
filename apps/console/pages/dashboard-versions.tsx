import { useState } from "preact/hooks";
import type { Doc } from "../../../schemas/document.ts";
import { diff } from "../../../schemas/merge.ts";
import type { Dashboard, VersionOfReply, WrittenReply } from "../../../schemas/types.ts";
import { ask, get, part } from "../api/client.ts";
import { named } from "../edit/three-way.ts";
import { go, href } from "../lib/router.ts";
import { shownValue } from "../lib/text.ts";
import { me, nameOf, users } from "../live/session.ts";
import { useLive } from "../live/use-live.ts";
import { useValue } from "../live/use-value.ts";
import { Badge } from "../parts/badge.tsx";
import { Button, LinkButton } from "../parts/button.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { Loading, Page, When } from "../parts/page.tsx";
import { mayWrite, owns } from "../parts/sharing.tsx";
import { toastSaved } from "../parts/toast.tsx";

type Version = VersionOfReply & { doc?: Dashboard };

const UNSAID = new Set(["/updatedAt", "/lastModifiedBy", "/createdAt"]);

export function DashboardVersions({ id }: { id: string }) {
  const path = `/api/dashboards/${part(id)}`;
  const { data, error, again } = useLive(
    id,
    (signal) => get<{ items: Version[] }>(`${path}/versions`, signal),
    (change) => change.collection === "dashboards" && change.id === id,
  );
  const [self, people] = [useValue(me), useValue(users)];
  const [wanted, setWanted] = useState<Version>();
  const versions = data?.items ?? [];
  const current = versions[0];
  // With whom it is shared is the owner's to say.
  const keepsSharing = current?.doc !== undefined && !owns(current.doc, self);
  const bringBack = async ({ doc }: Version) => {
    const wanted = doc && keepsSharing && current?.doc ? { ...doc, ...sharingOf(current.doc) } : doc;
    const { body } = await ask<WrittenReply>("PUT", path, { body: wanted, ifRevision: current?.revision });
    toastSaved(body.revision, "Brought back");
    go("dashboards", id);
  };
  return (
    <Page
      title={`Versions of ${current?.doc?.name ?? "a dashboard"}`}
      about="The latest twenty are kept. Bringing one back makes a new version: nothing is lost by it."
      error={error}
      again={again}
      actions={<LinkButton href={href("dashboards", id)}>View</LinkButton>}
    >
      {!data && !error && <Loading />}
      {versions.length > 0 && (
        <ol class="card rows">
          {versions.map((version, n) => (
            <li key={version.revision}>
              <div class="what stack tight">
                <strong>{version.doc?.name ?? "Deleted"}</strong>
                <p class="meta">
                  <When at={version.at} /> by {nameOf(version.by, people)}
                </p>
                <Changed version={version} before={versions[n + 1]} />
              </div>
              {n === 0 ? (
                <Badge tone="good">Current</Badge>
              ) : (
                version.doc &&
                mayWrite(current?.doc ?? version.doc, self) && (
                  <Button onClick={() => setWanted(version)}>
                    Bring back<span class="hidden"> what was {n} versions ago</span>
                  </Button>
                )
              )}
            </li>
          ))}
        </ol>
      )}
      {wanted && (
        <FormDialog
          title="Bring this version back?"
          submit="Bring it back"
          onClose={() => setWanted(undefined)}
          onSubmit={() => bringBack(wanted)}
        >
          <p>
            It becomes the current version on every webserver,{" "}
            {keepsSharing ? "shared as it is now" : "with the sharing that it had"}. What is current now stays in this list.
          </p>
        </FormDialog>
      )}
    </Page>
  );
}

/** What is undefined is not sent. */
const sharingOf = ({ ownerId, readers, writers }: Dashboard) => ({ ownerId, readers, writers });

function Changed({ version, before }: { version: Version; before: Version | undefined }) {
  if (!version.doc) return null;
  if (!before?.doc) return <p class="small quiet">{before ? "Made again" : "The oldest that is kept"}</p>;
  const doc = version.doc as unknown as Doc;
  const changes = diff(before.doc as unknown as Doc, doc).filter(({ path }) => !UNSAID.has(path));
  if (changes.length === 0) return <p class="small quiet">Nothing was changed</p>;
  return (
    <details class="small">
      <summary>Changed {[...new Set(changes.map(({ path }) => named(doc, path)))].slice(0, 6).join(", ")}</summary>
      <ul class="stack tight">
        {changes.slice(0, 30).map(({ path, old, new: next }) => (
          <li key={path}>
            <span class="quiet">{named(doc, path)}:</span> {shownValue(old).slice(0, 200)} → {shownValue(next).slice(0, 200)}
          </li>
        ))}
      </ul>
    </details>
  );
}
