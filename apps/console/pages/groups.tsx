import { useState } from "preact/hooks";
import type { Group, WrittenReply } from "../../../schemas/types.ts";
import { ask } from "../api/client.ts";
import { list } from "../api/lists.ts";
import { go, href } from "../lib/router.ts";
import { counted } from "../lib/text.ts";
import { users } from "../live/session.ts";
import { of, useLive } from "../live/use-live.ts";
import { useValue } from "../live/value.ts";
import { Button } from "../parts/button.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { Area, Text } from "../parts/field.tsx";
import { Empty, Loading, Page } from "../parts/page.tsx";
import { toast } from "../parts/toast.tsx";

const MOST = 1000;

export function Groups() {
  const people = useValue(users);
  const [making, setMaking] = useState(false);
  const { data, error, again } = useLive(
    "groups",
    (signal) => list<Group>("/api/groups", { sort: "name", most: MOST, signal }),
    of("groups", "users"),
  );
  return (
    <Page
      title="Groups"
      about="What is shared with a group is shared with everybody in it."
      error={error}
      again={again}
      actions={
        <Button look="primary" icon="plus" onClick={() => setMaking(true)}>
          New group
        </Button>
      }
    >
      {!data && !error && <Loading />}
      {data?.items.length === 0 && (
        <Empty icon="groups">
          <p>There are no groups yet.</p>
        </Empty>
      )}
      {data && data.items.length > 0 && (
        <ul class="card rows">
          {data.items.map(({ gid, name, description }) => (
            <li key={gid}>
              <div class="what">
                <a href={href("groups", gid)}>{name}</a>
                {description && <p class="quiet small">{description}</p>}
              </div>
              <span class="quiet small">{counted(people.filter((user) => user.groups?.includes(gid)).length, "member")}</span>
            </li>
          ))}
        </ul>
      )}
      {making && <NewGroup onClose={() => setMaking(false)} />}
    </Page>
  );
}

function NewGroup({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const make = async () => {
    const body = { name: name.trim(), ...(description && { description }) };
    const answer = await ask<WrittenReply>("POST", "/api/groups", { body });
    toast("Created.");
    go("groups", answer.body.id);
  };
  return (
    <FormDialog title="New group" submit="Create" onClose={onClose} onSubmit={make} disabled={name.trim() === ""}>
      <Text label="Name" value={name} onInput={setName} required autofocus maxLength={256} />
      <Area label="Description" value={description} onInput={setDescription} />
    </FormDialog>
  );
}
