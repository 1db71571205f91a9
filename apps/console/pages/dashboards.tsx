import { useState } from "preact/hooks";
import type { Dashboard, WrittenReply } from "../../../schemas/types.ts";
import { ask } from "../api/client.ts";
import { go, href } from "../lib/router.ts";
import { counted, fits } from "../lib/text.ts";
import { me, nameOf, users } from "../live/session.ts";
import { useList } from "../live/use-list.ts";
import { useValue } from "../live/use-value.ts";
import { Badge } from "../parts/badge.tsx";
import { Button } from "../parts/button.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { Choice, Text } from "../parts/field.tsx";
import { Page, When } from "../parts/page.tsx";
import { Rows } from "../parts/rows.tsx";
import { SharedWith } from "../parts/sharing.tsx";
import { toastSaved } from "../parts/toast.tsx";

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
  const [making, setMaking] = useState(false);
  const dashboards = useList<Dashboard>("/api/dashboards", { sort, collections: ["dashboards"] });
  const { data, error, again } = dashboards;
  const found = (data?.items ?? []).filter(
    ({ name, description, labels = [], ownerId }) =>
      fits(words, name, description, ...labels) && (whose === "all" || (whose === "mine") === (ownerId === self?.uid)),
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
      <Rows
        list={dashboards}
        found={found}
        icon="dashboards"
        noun={["dashboard"]}
        none="There are no dashboards yet. Make the first one: it is on every webserver at once."
      >
        {(dashboard) => (
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
        )}
      </Rows>
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
