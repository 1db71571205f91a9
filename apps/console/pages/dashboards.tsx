import { useState } from "preact/hooks";
import type { Dashboard, WrittenReply } from "../../../schemas/types.ts";
import { ask } from "../api/client.ts";
import { list } from "../api/lists.ts";
import { go, href } from "../lib/router.ts";
import { counted } from "../lib/text.ts";
import { me, nameOf, users } from "../live/session.ts";
import { of, useLive } from "../live/use-live.ts";
import { useValue } from "../live/value.ts";
import { Badge } from "../parts/badge.tsx";
import { Button } from "../parts/button.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { Choice, Text } from "../parts/field.tsx";
import { Empty, Loading, Page, When } from "../parts/page.tsx";
import { SharedWith } from "../parts/sharing.tsx";
import { toastSaved } from "../parts/toast.tsx";

const PAGE = 100;
const WHOSE = [
  ["all", "Everybody’s"],
  ["mine", "Mine"],
  ["others", "Shared with me"],
] as const;
const ORDERS = [
  ["-updatedAt", "Latest first"],
  ["name", "By name"],
] as const;

export function Dashboards() {
  const self = useValue(me);
  const people = useValue(users);
  const [words, setWords] = useState("");
  const [whose, setWhose] = useState<string>("all");
  const [sort, setSort] = useState<string>("-updatedAt");
  const [most, setMost] = useState(PAGE);
  const [making, setMaking] = useState(false);
  const { data, error, again } = useLive(
    `${sort} ${most}`,
    (signal) => list<Dashboard>("/api/dashboards", { sort, most, signal }),
    of("dashboards"),
  );
  const found = (data?.items ?? []).filter(
    (dashboard) => fits(dashboard, words) && (whose === "all" || (whose === "mine") === (dashboard.ownerId === self?.uid)),
  );
  return (
    <Page
      title="Dashboards"
      about={data && `${counted(found.length, "dashboard")}${data.more ? " of those that were read; there are more" : ""}`}
      error={error}
      again={again}
      actions={
        <Button look="primary" icon="plus" onClick={() => setMaking(true)}>
          New dashboard
        </Button>
      }
    >
      <search class="finder">
        <Text label="Find" type="search" placeholder="Name, description or label" value={words} onInput={setWords} />
        <Choice class="narrow" label="Whose" value={whose} onChange={setWhose} options={WHOSE} />
        <Choice class="narrow" label="Order" value={sort} onChange={setSort} options={ORDERS} />
      </search>
      {!data && !error && <Loading />}
      {data && found.length === 0 && (
        <Empty icon="dashboards">
          {data.items.length === 0 ? (
            <p>There are no dashboards yet. Make the first one: it is on every webserver at once.</p>
          ) : (
            <p>No dashboard fits. Try another word.</p>
          )}
        </Empty>
      )}
      {found.length > 0 && (
        <ul class="card rows">
          {found.map((dashboard) => (
            <li key={dashboard.id}>
              <div class="what">
                <a href={href("dashboards", dashboard.id)}>{dashboard.name}</a>
                {dashboard.description && <p class="quiet small">{dashboard.description}</p>}
                <p class="meta">
                  <span>
                    Changed <When at={dashboard.updatedAt} /> by {nameOf(dashboard.lastModifiedBy, people)}
                  </span>
                  {dashboard.labels?.map((label) => (
                    <Badge key={label}>{label}</Badge>
                  ))}
                </p>
              </div>
              <SharedWith doc={dashboard} />
            </li>
          ))}
        </ul>
      )}
      {data?.more && (
        <div class="actions">
          <Button onClick={() => setMost(most + PAGE)}>Read more</Button>
        </div>
      )}
      {making && <NewDashboard onClose={() => setMaking(false)} />}
    </Page>
  );
}

function NewDashboard({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const make = async () => {
    const { body } = await ask<WrittenReply>("POST", "/api/dashboards", { body: { name: name.trim(), data: { panels: [] } } });
    toastSaved(body.revision, "Created");
    go("dashboards", body.id, "edit");
  };
  return (
    <FormDialog title="New dashboard" submit="Create" onClose={onClose} onSubmit={make} disabled={name.trim() === ""}>
      <Text label="Name" value={name} onInput={setName} required autofocus maxLength={1024} />
    </FormDialog>
  );
}

function fits({ name, description = "", labels = [] }: Dashboard, words: string): boolean {
  const text = [name, description, ...labels].join(" ").toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
