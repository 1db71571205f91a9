import { useState } from "preact/hooks";
import type { User } from "../../../schemas/types.ts";
import { ask } from "../api/client.ts";
import { useEdit } from "../edit/use-edit.ts";
import { go, href } from "../lib/router.ts";
import { groups, me } from "../live/session.ts";
import { useValue } from "../live/use-value.ts";
import { Badge } from "../parts/badge.tsx";
import { Button, LinkButton } from "../parts/button.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { Text } from "../parts/field.tsx";
import { Merge } from "../parts/merge.tsx";
import { Loading, Page, When } from "../parts/page.tsx";
import { Picker } from "../parts/picker.tsx";
import { SaveBar } from "../parts/save-bar.tsx";
import { toast } from "../parts/toast.tsx";

/** Whom nobody may lock, delete or make a plain user. */
const FIRST_ADMIN = 1;

export function UserPage({ uid }: { uid: number }) {
  const path = `/api/users/${uid}`;
  const { edit, state, changed } = useEdit(path, "users", String(uid));
  const teams = useValue(groups);
  const mine = state.mine as User | undefined;
  if (!mine)
    return (
      <Page title="User" error={state.error}>
        {!state.error && <Loading />}
      </Page>
    );
  const change = (fields: Partial<User>) => edit.change(fields);
  return (
    <Page title={mine.name || mine.user} about={mine.user} actions={<LinkButton href={href("users")}>All users</LinkButton>}>
      <div class="meta">
        {mine.locked && <Badge tone="bad">Locked</Badge>}
        {mine.admin && <Badge tone="accent">Admin</Badge>}
        <span>uid {mine.uid}</span>
        <span>
          Changed <When at={mine.updatedAt} />
        </span>
      </div>
      <Merge edit={edit} state={state} final />
      <form class="stack" onSubmit={(event) => event.preventDefault()}>
        <div class="card padded stack">
          <div class="columns">
            <Text
              label="User name"
              value={mine.user}
              onInput={(user) => change({ user })}
              required
              maxLength={256}
              autocomplete="off"
            />
            <Text label="Name" value={mine.name ?? ""} onInput={(name) => change({ name })} maxLength={1024} autocomplete="off" />
            <Text
              label="E-mail"
              type="email"
              value={mine.email ?? ""}
              onInput={(email) => change({ email })}
              maxLength={1024}
              autocomplete="off"
            />
          </div>
          <Picker
            label="Groups"
            options={teams.map(({ gid, name }) => [gid, name] as const)}
            chosen={mine.groups ?? []}
            onChange={(chosen) => change({ groups: chosen })}
          />
        </div>
        <SaveBar edit={edit} state={state} changed={changed} />
      </form>
      {!state.deleted && <Access user={mine} path={path} />}
    </Page>
  );
}

function Access({ user, path }: { user: User; path: string }) {
  const self = useValue(me);
  const [asking, setAsking] = useState<"password" | "delete" | "sessions">();
  const [password, setPassword] = useState("");
  const close = () => {
    setAsking(undefined);
    setPassword("");
  };
  const { uid, locked = false, admin = false } = user;
  const fixed = uid === FIRST_ADMIN || uid === self?.uid;
  const lock = async () => {
    await ask(locked ? "DELETE" : "PUT", `${path}/lock`);
    toast(locked ? "Unlocked." : "Locked, and logged out everywhere.");
  };
  const promote = async () => {
    await ask(admin ? "DELETE" : "PUT", `${path}/admin`);
    toast(admin ? "No longer an admin." : "An admin now.");
  };
  const end = async () => {
    await ask("DELETE", `${path}/sessions`);
    toast("Logged out on every webserver.");
  };
  const set = async () => {
    await ask("PUT", `${path}/pwd`, { body: { password } });
    toast("The password is set, and counts on every webserver.");
  };
  const remove = async () => {
    await ask("DELETE", path);
    toast("Deleted. What the user owned belongs to the first admin now.");
    go("users");
  };
  return (
    <section class="card" aria-label="Access">
      <header>
        <h2>Access</h2>
      </header>
      <div class="card-body actions">
        {uid !== self?.uid && <Button onClick={() => setAsking("password")}>Set a password</Button>}
        <Button onClick={() => setAsking("sessions")}>End all sessions</Button>
        {!fixed && <Button onClick={lock}>{locked ? "Unlock" : "Lock"}</Button>}
        {!fixed && <Button onClick={promote}>{admin ? "Make a plain user" : "Make an admin"}</Button>}
        {!fixed && (
          <Button look="plain danger" onClick={() => setAsking("delete")}>
            Delete
          </Button>
        )}
        {uid === self?.uid && <LinkButton href={href("account")}>Change your password</LinkButton>}
      </div>
      {asking === "password" && (
        <FormDialog
          title={`A password for ${user.user}`}
          submit="Set it"
          onClose={close}
          onSubmit={set}
          disabled={password === ""}
        >
          <p>It ends the user’s sessions on every webserver.</p>
          <Text
            label="New password"
            type="password"
            value={password}
            onInput={setPassword}
            required
            autofocus
            maxLength={1024}
            autocomplete="new-password"
          />
        </FormDialog>
      )}
      {asking === "sessions" && (
        <FormDialog title={`Log ${user.user} out everywhere?`} submit="End all sessions" onClose={close} onSubmit={end} />
      )}
      {asking === "delete" && (
        <FormDialog title={`Delete ${user.user}?`} submit="Delete the user" danger onClose={close} onSubmit={remove}>
          <p>What the user owns goes to the first admin. The number {uid} is never given again.</p>
        </FormDialog>
      )}
    </section>
  );
}
