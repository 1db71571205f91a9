import type { Dashboard, WrittenReply } from "../../../schemas/types.ts";
import { ask, part } from "../api/client.ts";
import { type Panel, panelsOf, shownPanel } from "../lib/panels.ts";
import { go, href } from "../lib/router.ts";
import { me, nameOf, users } from "../live/session.ts";
import { useLive } from "../live/use-live.ts";
import { useValue } from "../live/use-value.ts";
import { Badge } from "../parts/badge.tsx";
import { Button, LinkButton } from "../parts/button.tsx";
import { OwnerActions } from "../parts/owner-actions.tsx";
import { Empty, Loading, Page, When } from "../parts/page.tsx";
import { mayWrite, SharedWith } from "../parts/sharing.tsx";
import { toastSaved } from "../parts/toast.tsx";

export function DashboardPage({ id }: { id: string }) {
  const path = `/api/dashboards/${part(id)}`;
  const { data, error, again } = useLive(
    id,
    (signal) => ask<Dashboard>("GET", path, { signal }),
    (change) => change.collection === "dashboards" && change.id === id,
  );
  const [self, people] = [useValue(me), useValue(users)];
  if (!data || error?.code === "NOT_FOUND")
    return (
      <Page title="Dashboard" error={error} again={again}>
        {!error && <Loading />}
      </Page>
    );
  const dashboard = data.body;
  const panels = panelsOf(dashboard.data);
  const clone = async () => {
    const { body } = await ask<WrittenReply>("POST", `${path}/clone`, { body: {} });
    toastSaved(body.revision, "Copied");
    go("dashboards", body.id);
  };
  return (
    <Page
      title={dashboard.name}
      about={dashboard.description}
      error={error}
      again={again}
      actions={
        <>
          {mayWrite(dashboard, self) && (
            <LinkButton look="primary" href={href("dashboards", id, "edit")}>
              Edit
            </LinkButton>
          )}
          <LinkButton icon="history" href={href("dashboards", id, "versions")}>
            Versions
          </LinkButton>
          <Button onClick={clone}>Clone</Button>
          <OwnerActions
            doc={dashboard}
            path={path}
            what={`“${dashboard.name}”`}
            onShared={again}
            onDeleted={() => go("dashboards")}
          >
            It goes from every webserver. Its versions stay for a while, and a backup has it.
          </OwnerActions>
        </>
      }
    >
      <div class="meta">
        <SharedWith doc={dashboard} />
        {data.pending && <Badge tone="warn">Not sent to the other webservers yet</Badge>}
        <span>Owned by {nameOf(dashboard.ownerId, people)}</span>
        <span>
          Changed <When at={dashboard.updatedAt} /> by {nameOf(dashboard.lastModifiedBy, people)}
        </span>
        {dashboard.labels?.map((label) => (
          <Badge key={label}>{label}</Badge>
        ))}
      </div>
      <Panels panels={panels} data={dashboard.data} />
    </Page>
  );
}

function Panels({ panels, data }: { panels: Panel[] | undefined; data: unknown }) {
  if (panels === undefined)
    return (
      <details class="card padded">
        <summary>The data of this dashboard, as JSON</summary>
        <pre>{JSON.stringify(data, undefined, 2).slice(0, 20_000)}</pre>
      </details>
    );
  if (panels.length === 0)
    return (
      <Empty icon="dashboards">
        <p>This dashboard has no panels yet. Edit it to add some.</p>
      </Empty>
    );
  return (
    <ul class="panels">
      {panels.map((panel, n) => {
        const { title, kind, query } = shownPanel(panel);
        return (
          <li key={panel.id ?? n} class="card panel">
            <div class="stack tight">
              <h2>{title}</h2>
              {kind && (
                <div>
                  <Badge>{kind}</Badge>
                </div>
              )}
              {query && <code>{query}</code>}
            </div>
            {query && (
              <p class="small">
                <a href={`${href("search")}?${new URLSearchParams({ query })}`}>
                  Search for this<span class="hidden">: {title}</span>
                </a>
              </p>
            )}
          </li>
        );
      })}
    </ul>
  );
}
