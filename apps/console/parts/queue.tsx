/** What waits on this webserver for the datastore, and what was refused when it got there. */
import type { QueuedReply, WrittenReply } from "../../../schemas/types.ts";
import { ask, get, part } from "../api/client.ts";
import { kindOf } from "../lib/documents.ts";
import { words } from "../lib/errors.ts";
import { href } from "../lib/router.ts";
import { status } from "../live/events.ts";
import { useLive } from "../live/use-live.ts";
import { useValue } from "../live/use-value.ts";
import { Button } from "./button.tsx";
import { When } from "./page.tsx";
import { toast, toastSaved } from "./toast.tsx";

const OPS = { put: "Save", patch: "Change", delete: "Delete" };

function Queue({
  path,
  title,
  about,
  children,
}: {
  path: string;
  title: string;
  about: string;
  children: (one: QueuedReply, again: () => void) => preact.ComponentChildren;
}) {
  // Both lists are of this webserver alone: its state says when they may have changed.
  const state = useValue(status)?.state;
  const { data, again } = useLive(
    `${path} ${state}`,
    (signal) => get<{ items: QueuedReply[] }>(path, signal),
    () => true,
  );
  if (!data || data.items.length === 0) return null;
  return (
    <section class="card" aria-label={title}>
      <header>
        <div>
          <h2>{title}</h2>
          <p class="quiet small">{about}</p>
        </div>
      </header>
      <ul class="rows">
        {data.items.map((one) => (
          <li key={one.mutationId}>
            <div class="what">
              <strong>
                {OPS[one.op]} {kindOf(one.collection)}{" "}
                {one.collection === "dashboards" && one.id !== "" ? <a href={href("dashboards", one.id)}>{one.id}</a> : one.id}
              </strong>
              <p class="meta">
                <When at={one.at} />
                {one.code === "REVISION_CONFLICT" ? (
                  <span>Somebody else had changed the same; the conflict is above.</span>
                ) : (
                  one.message && <span>{one.message}</span>
                )}
              </p>
            </div>
            {children(one, again)}
          </li>
        ))}
      </ul>
    </section>
  );
}

export const Waiting = () => (
  <Queue path="/api/outbox" title="Waiting to be sent" about="Kept safely on this webserver until the datastore can be reached.">
    {() => null}
  </Queue>
);

export const Refused = () => (
  <Queue
    path="/api/deadletters"
    title="Refused later"
    about="Saved here without contact, and refused when it reached the datastore."
  >
    {({ mutationId }, again) => (
      <div class="actions">
        <Button
          onClick={async () => {
            const { body } = await ask<WrittenReply>("POST", `/api/deadletters/${part(mutationId)}/retry`);
            toastSaved(body.revision, "Saved");
            again();
          }}
        >
          Try again
        </Button>
        <Button
          look="plain danger"
          onClick={async () => {
            await ask("DELETE", `/api/deadletters/${part(mutationId)}`).catch((error: unknown) => toast(words(error), "bad"));
            again();
          }}
        >
          Give it up
        </Button>
      </div>
    )}
  </Queue>
);
