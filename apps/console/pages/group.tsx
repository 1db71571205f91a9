import { useState } from "preact/hooks";
import type { Group } from "../../../schemas/types.ts";
import { ask } from "../api/client.ts";
import { useEdit } from "../edit/use-edit.ts";
import { go, href } from "../lib/router.ts";
import { users } from "../live/session.ts";
import { useValue } from "../live/use-value.ts";
import { Button, LinkButton } from "../parts/button.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { Area, Text } from "../parts/field.tsx";
import { Merge } from "../parts/merge.tsx";
import { Loading, Page } from "../parts/page.tsx";
import { Picker } from "../parts/picker.tsx";
import { SaveBar } from "../parts/save-bar.tsx";
import { toast } from "../parts/toast.tsx";

export function GroupPage({ gid }: { gid: number }) {
  const path = `/api/groups/${gid}`;
  const { edit, state, changed } = useEdit(path, "groups", String(gid));
  const [asking, setAsking] = useState(false);
  const mine = state.mine as Group | undefined;
  if (!mine)
    return (
      <Page title="Group" error={state.error}>
        {!state.error && <Loading />}
      </Page>
    );
  const remove = async () => {
    await ask("DELETE", path);
    toast("Deleted.");
    go("groups");
  };
  return (
    <Page
      title={mine.name}
      about={`gid ${gid}`}
      actions={
        <>
          <LinkButton href={href("groups")}>All groups</LinkButton>
          <Button look="plain danger" onClick={() => setAsking(true)}>
            Delete
          </Button>
        </>
      }
    >
      <Merge edit={edit} state={state} />
      <form class="stack" onSubmit={(event) => event.preventDefault()}>
        <div class="card padded stack">
          <Text label="Name" value={mine.name} onInput={(name) => edit.change({ name })} required maxLength={256} />
          <Area label="Description" value={mine.description ?? ""} onInput={(description) => edit.change({ description })} />
        </div>
        <SaveBar edit={edit} state={state} changed={changed} />
      </form>
      <Members gid={gid} path={path} />
      {asking && (
        <FormDialog
          title={`Delete “${mine.name}”?`}
          submit="Delete the group"
          danger
          onClose={() => setAsking(false)}
          onSubmit={remove}
        >
          <p>What was shared with it is no longer shared with its members.</p>
        </FormDialog>
      )}
    </Page>
  );
}

function Members({ gid, path }: { gid: number; path: string }) {
  const people = useValue(users);
  const [wanted, setWanted] = useState<number[]>();
  const are = people.filter((user) => user.groups?.includes(gid)).map(({ uid }) => uid);
  const save = async () => {
    await ask("PUT", `${path}/members`, { body: { members: wanted } });
    toast("The members are saved.");
    setWanted(undefined);
  };
  return (
    <section class="card padded stack" aria-label="Members">
      <Picker
        label="Members"
        options={people.map(({ uid, name, user }) => [uid, name || user] as const)}
        chosen={wanted ?? are}
        onChange={setWanted}
      />
      <div class="actions">
        <Button look="primary" disabled={wanted === undefined} onClick={save}>
          Save the members
        </Button>
        {wanted && (
          <Button look="plain" onClick={() => setWanted(undefined)}>
            Undo
          </Button>
        )}
      </div>
    </section>
  );
}
