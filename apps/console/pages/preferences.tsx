import { useState } from "preact/hooks";
import type { Doc } from "../../../schemas/document.ts";
import type { Preference, WrittenReply } from "../../../schemas/types.ts";
import { ask, part } from "../api/client.ts";
import { list } from "../api/lists.ts";
import { useEdit } from "../edit/use-edit.ts";
import { go, href } from "../lib/router.ts";
import { PREFS, type Prefs } from "../live/prefs.ts";
import { me } from "../live/session.ts";
import { of, useLive } from "../live/use-live.ts";
import { useValue } from "../live/use-value.ts";
import { Button, LinkButton } from "../parts/button.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { Choice, Text } from "../parts/field.tsx";
import { Merge } from "../parts/merge.tsx";
import { Loading, Page, When } from "../parts/page.tsx";
import { SaveBar } from "../parts/save-bar.tsx";
import { toastSaved } from "../parts/toast.tsx";
import { Json } from "../parts/typed.tsx";

const THEMES = [
  ["system", "As this device"],
  ["light", "Light"],
  ["dark", "Dark"],
] as const;
const HOURS = [
  ["", "All that there is"],
  ["1", "The last hour"],
  ["24", "The last day"],
  ["168", "The last week"],
] as const;
const BLANK: Doc = { data: {} };

function useSet(name: string) {
  const uid = me.now?.uid ?? 0;
  return useEdit(`/api/preferences/${part(name)}`, "preferences", `${uid}/${name}`, BLANK);
}

export function Preferences() {
  const { edit, state, changed } = useSet(PREFS);
  const prefs = (state.mine?.data ?? {}) as Prefs;
  const change = (fields: Prefs) => edit.change({ data: { ...prefs, ...fields } });
  return (
    <Page title="Preferences" about="They follow you: they are the same on every webserver.">
      <Merge edit={edit} state={state} />
      {!state.mine && !state.error && <Loading />}
      {state.mine && (
        <form class="stack" onSubmit={(event) => event.preventDefault()}>
          <div class="card padded columns">
            <Choice
              label="Colours"
              value={String(prefs.theme ?? "system")}
              options={THEMES}
              onChange={(theme) => change({ theme: theme as NonNullable<Prefs["theme"]> })}
            />
            <Choice
              label="A new search looks at"
              value={String(prefs.searchHours ?? "")}
              options={HOURS}
              onChange={(searchHours) => change({ searchHours })}
            />
          </div>
          <SaveBar edit={edit} state={state} changed={changed} />
        </form>
      )}
      <Sets />
    </Page>
  );
}

/** What other programs keep for this user. */
function Sets() {
  const self = useValue(me);
  const { data, error } = useLive("sets", (signal) => list<Preference>("/api/preferences", { signal }), of("preferences"));
  const [making, setMaking] = useState(false);
  const [name, setName] = useState("");
  const others = (data?.items ?? []).filter((set) => set.name !== PREFS && set.uid === self?.uid);
  return (
    <section class="card" aria-label="Other sets">
      <header>
        <div>
          <h2>Other sets</h2>
          <p class="quiet small">What programs keep for you, such as e-mail settings.</p>
        </div>
        <Button icon="plus" onClick={() => setMaking(true)}>
          New set
        </Button>
      </header>
      {others.length === 0 && <p class="card-body quiet">{error ? "They can’t be read now." : "None."}</p>}
      {others.length > 0 && (
        <ul class="rows">
          {others.map((set) => (
            <li key={set.name}>
              <div class="what">
                <a href={href("preferences", set.name)}>{set.name}</a>
                <p class="meta">
                  Changed <When at={set.updatedAt} />
                </p>
              </div>
            </li>
          ))}
        </ul>
      )}
      {making && (
        <FormDialog
          title="New set of preferences"
          submit="Go on"
          onClose={() => setMaking(false)}
          onSubmit={async () => go("preferences", name.trim())}
          disabled={name.trim() === ""}
        >
          <Text label="Name" value={name} onInput={setName} required autofocus maxLength={256} />
        </FormDialog>
      )}
    </section>
  );
}

export function PreferenceSet({ name }: { name: string }) {
  const { edit, state, changed } = useSet(name);
  const [asking, setAsking] = useState(false);
  const remove = async () => {
    const { body } = await ask<WrittenReply>("DELETE", `/api/preferences/${part(name)}`);
    toastSaved(body.revision, "Deleted");
    go("preferences");
  };
  return (
    <Page
      title={name}
      about="A set of your preferences, as JSON."
      actions={
        <>
          <LinkButton href={href("preferences")}>All preferences</LinkButton>
          {(state.base?.revision ?? 0) > 0 && (
            <Button look="plain danger" onClick={() => setAsking(true)}>
              Delete
            </Button>
          )}
        </>
      }
    >
      <Merge edit={edit} state={state} />
      {!state.mine && !state.error && <Loading />}
      {state.mine && (
        <form class="stack" onSubmit={(event) => event.preventDefault()}>
          <div class="card padded">
            <Json label="Data" value={state.mine.data} onChange={(data) => edit.change({ data })} />
          </div>
          <SaveBar edit={edit} state={state} changed={changed} />
        </form>
      )}
      {asking && (
        <FormDialog title={`Delete “${name}”?`} submit="Delete it" danger onClose={() => setAsking(false)} onSubmit={remove}>
          <p>The program that keeps it begins anew.</p>
        </FormDialog>
      )}
    </Page>
  );
}
