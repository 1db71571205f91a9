import { useState } from "preact/hooks";
import type { Group } from "../../../schemas/types.ts";
import { ask, get } from "../api/client.ts";
import { useEdit } from "../edit/use-edit.ts";
import { go, href } from "../lib/router.ts";
import { users } from "../live/session.ts";
import { of, useLive } from "../live/use-live.ts";
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
          {!state.deleted && (
            <Button look="plain danger" onClick={() => setAsking(true)}>
              Delete
            </Button>
          )}
        </>
      }
    >
      <Merge edit={edit} state={state} final />
      <form class="stack" onSubmit={(event) => event.preventDefault()}>
        <div class="card padded stack">
          <Text label="Name" value={mine.name} onInput={(name) => edit.change({ name })} required maxLength={256} />
          <Area label="Description" value={mine.description ?? ""} onInput={(description) => edit.change({ description })} />
        </div>
        <SaveBar edit={edit} state={state} changed={changed} />
      </form>
      {!state.deleted && <Members gid={gid} path={path} />}
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

const NOBODY: ReadonlyMap<number, boolean> = new Map();

function Members({ gid, path }: { gid: number; path: string }) {
  const people = useValue(users);
  const read = async (signal?: AbortSignal) => (await get<{ members: number[] }>(`${path}/members`, signal)).members;
  const { data: are, error, again } = useLive(`members of ${gid}`, read, of("users", "groups"));
  // Who is to come in, and who is to go: the others stay as they are, whoever changes them meanwhile, and whether or not they are shown here.
  const [wanted, setWanted] = useState<ReadonlyMap<number, boolean>>(NOBODY);
  const withWanted = (members: readonly number[]) => [
    ...members.filter((uid) => wanted.get(uid) !== false),
    ...[...wanted].flatMap(([uid, comes]) => (comes && !members.includes(uid) ? [uid] : [])),
  ];
  const choose = (chosen: readonly number[]) => {
    const differ = people.filter(({ uid }) => chosen.includes(uid) !== (are ?? []).includes(uid));
    setWanted(new Map(differ.map(({ uid }) => [uid, chosen.includes(uid)])));
  };
  const save = async () => {
    await ask("PUT", `${path}/members`, { body: { members: withWanted(await read()) } });
    toast("The members are saved.");
    setWanted(NOBODY);
    again();
  };
  if (!are) return error ? <p class="quiet">The members can’t be read now.</p> : <Loading />;
  return (
    <section class="card padded stack" aria-label="Members">
      <Picker
        label="Members"
        options={people.map(({ uid, name, user }) => [uid, name || user] as const)}
        chosen={withWanted(are)}
        onChange={choose}
      />
      <div class="actions">
        <Button look="primary" disabled={wanted.size === 0} onClick={save}>
          Save the members
        </Button>
        {wanted.size > 0 && (
          <Button look="plain" onClick={() => setWanted(NOBODY)}>
            Undo
          </Button>
        )}
      </div>
    </section>
  );
}
