import { useState } from "preact/hooks";
import type { User, WrittenReply } from "../../../schemas/types.ts";
import { ask } from "../api/client.ts";
import { go, href } from "../lib/router.ts";
import { counted, fits } from "../lib/text.ts";
import { groupName, groups } from "../live/session.ts";
import { useList } from "../live/use-list.ts";
import { useValue } from "../live/use-value.ts";
import { Badge } from "../parts/badge.tsx";
import { Button } from "../parts/button.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { Text } from "../parts/field.tsx";
import { Page } from "../parts/page.tsx";
import { Picker } from "../parts/picker.tsx";
import { Rows } from "../parts/rows.tsx";
import { toast } from "../parts/toast.tsx";

export function Users() {
  const [words, setWords] = useState("");
  const [making, setMaking] = useState(false);
  const teams = useValue(groups);
  const users = useList<User>("/api/users", { sort: "user", piece: 500, collections: ["users", "groups"] });
  const { data, error, again } = users;
  const found = (data?.items ?? []).filter(({ user, name, email }) => fits(words, user, name, email));
  return (
    <Page
      title="Users"
      about={data && counted(data.items.length, "user")}
      error={error}
      again={again}
      actions={
        <Button look="primary" icon="plus" onClick={() => setMaking(true)}>
          New user
        </Button>
      }
    >
      <search class="finder">
        <Text label="Find" type="search" placeholder="Name or e-mail" value={words} onInput={setWords} />
      </search>
      <Rows list={users} found={found} icon="users" noun={["user"]} none="There are no users yet.">
        {(user) => (
          <li key={user.uid}>
            <div class="what">
              <a href={href("users", user.uid)}>{user.name || user.user}</a>
              <p class="meta">
                <span>{user.user}</span>
                {user.email && <span>{user.email}</span>}
                {user.groups?.map((gid) => (
                  <Badge key={gid}>{groupName(gid, teams)}</Badge>
                ))}
              </p>
            </div>
            {user.locked && <Badge tone="bad">Locked</Badge>}
            {user.admin && <Badge tone="accent">Admin</Badge>}
          </li>
        )}
      </Rows>
      {making && <NewUser onClose={() => setMaking(false)} />}
    </Page>
  );
}

function NewUser({ onClose }: { onClose: () => void }) {
  const [user, setUser] = useState("");
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [chosen, setChosen] = useState<number[]>([]);
  const teams = useValue(groups);
  const make = async () => {
    const doc = {
      user: user.trim(),
      ...(name && { name }),
      ...(email && { email }),
      ...(chosen.length > 0 && { groups: chosen }),
    };
    const { body } = await ask<WrittenReply>("POST", "/api/users", { body: { ...doc, password } });
    toast(`${user} can log in now.`);
    go("users", body.id);
  };
  return (
    <FormDialog
      title="New user"
      submit="Create"
      onClose={onClose}
      onSubmit={make}
      disabled={user.trim() === "" || password === ""}
    >
      <Text
        label="User name"
        hint="What they log in with"
        value={user}
        onInput={setUser}
        required
        autofocus
        maxLength={256}
        autocomplete="off"
      />
      <Text label="Name" value={name} onInput={setName} maxLength={1024} autocomplete="off" />
      <Text label="E-mail" type="email" value={email} onInput={setEmail} maxLength={1024} autocomplete="off" />
      <Text
        label="Password"
        type="password"
        value={password}
        onInput={setPassword}
        required
        maxLength={1024}
        autocomplete="new-password"
      />
      <Picker
        label="Groups"
        options={teams.map(({ gid, name: team }) => [gid, team] as const)}
        chosen={chosen}
        onChange={setChosen}
      />
    </FormDialog>
  );
}
