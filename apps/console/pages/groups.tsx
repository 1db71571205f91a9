import { useState } from "preact/hooks";
import type { Group, WrittenReply } from "../../../schemas/types.ts";
import { ask } from "../api/client.ts";
import { go, href } from "../lib/router.ts";
import { counted } from "../lib/text.ts";
import { users } from "../live/session.ts";
import { useList } from "../live/use-list.ts";
import { useValue } from "../live/use-value.ts";
import { Button } from "../parts/button.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { Area, Text } from "../parts/field.tsx";
import { Page } from "../parts/page.tsx";
import { Rows } from "../parts/rows.tsx";
import { toast } from "../parts/toast.tsx";

export function Groups() {
  const people = useValue(users);
  const [making, setMaking] = useState(false);
  const groups = useList<Group>("/api/groups", { sort: "name", piece: 1000, collections: ["groups", "users"] });
  return (
    <Page
      title="Groups"
      about="What is shared with a group is shared with everybody in it."
      error={groups.error}
      again={groups.again}
      actions={
        <Button look="primary" icon="plus" onClick={() => setMaking(true)}>
          New group
        </Button>
      }
    >
      <Rows list={groups} icon="groups" noun={["group"]} none="There are no groups yet.">
        {({ gid, name, description }) => (
          <li key={gid}>
            <div class="what">
              <a href={href("groups", gid)}>{name}</a>
              {description && <p class="quiet small">{description}</p>}
            </div>
            <span class="quiet small">{counted(people.filter((user) => user.groups?.includes(gid)).length, "member")}</span>
          </li>
        )}
      </Rows>
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
