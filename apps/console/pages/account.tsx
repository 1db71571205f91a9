import { useState } from "preact/hooks";
import type { User } from "../../../schemas/types.ts";
import { ask, get } from "../api/client.ts";
import { useEdit } from "../edit/use-edit.ts";
import { words } from "../lib/errors.ts";
import { groupName, groups, logIn, logOut, me, replaceSession } from "../live/session.ts";
import { useLive } from "../live/use-live.ts";
import { useValue } from "../live/use-value.ts";
import { Button } from "../parts/button.tsx";
import { Choice, Text } from "../parts/field.tsx";
import { Merge } from "../parts/merge.tsx";
import { Loading, Page, When } from "../parts/page.tsx";
import { SaveBar } from "../parts/save-bar.tsx";
import { toast } from "../parts/toast.tsx";

export function Account() {
  const self = useValue(me);
  if (!self) return null;
  return (
    <Page title="Account" about={`You are ${self.name || self.user}${self.admin ? ", an administrator" : ""}.`}>
      <About uid={self.uid} />
      <Password />
      <Sessions uid={self.uid} />
    </Page>
  );
}

function About({ uid }: { uid: number }) {
  const { edit, state, changed } = useEdit(`/api/users/${uid}`, "users", String(uid));
  const teams = useValue(groups);
  const mine = state.mine as User | undefined;
  if (!mine) return <Loading />;
  const own = mine.groups ?? [];
  return (
    <>
      <Merge edit={edit} state={state} />
      <form class="stack" onSubmit={(event) => event.preventDefault()}>
        <div class="card padded columns">
          <Text
            label="Name"
            value={mine.name ?? ""}
            onInput={(name) => edit.change({ name })}
            autocomplete="name"
            maxLength={1024}
          />
          <Text
            label="E-mail"
            type="email"
            value={mine.email ?? ""}
            onInput={(email) => edit.change({ email })}
            autocomplete="email"
            maxLength={1024}
          />
          {own.length > 0 && (
            <Choice
              label="New searches are shared with"
              value={String(mine.defaultGroup ?? "")}
              options={[["", "Nobody"], ...own.map((gid) => [String(gid), groupName(gid, teams)] as const)]}
              onChange={(gid) => edit.change({ defaultGroup: gid === "" ? undefined : Number(gid) })}
            />
          )}
        </div>
        <SaveBar edit={edit} state={state} changed={changed} />
      </form>
    </>
  );
}

function Password() {
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [fault, setFault] = useState<string>();
  const differs = again !== "" && again !== password;
  const save = async () => {
    setFault(undefined);
    const user = me.now?.user ?? "";
    try {
      await replaceSession(async () => {
        await ask("PUT", "/api/users/me/pwd", { body: { password, current } });
        // It has ended every session, this one too.
        await logIn(user, password);
      });
    } catch (error) {
      setFault(words(error));
      return;
    }
    for (const clear of [setCurrent, setPassword, setAgain]) clear("");
    toast("Your new password counts on every webserver. Your other sessions are over.");
  };
  return (
    <section class="card" aria-label="Password">
      <header>
        <h2>Password</h2>
      </header>
      <form class="card-body stack" onSubmit={(event) => event.preventDefault()}>
        <input type="text" name="username" autocomplete="username" value={me.now?.user} hidden readOnly />
        <div class="columns">
          <Text
            label="Password until now"
            type="password"
            value={current}
            onInput={setCurrent}
            fault={fault}
            autocomplete="current-password"
            maxLength={1024}
          />
          <Text
            label="New password"
            type="password"
            value={password}
            onInput={setPassword}
            autocomplete="new-password"
            maxLength={1024}
          />
          <Text
            label="New password, again"
            type="password"
            value={again}
            onInput={setAgain}
            fault={differs ? "The two are not the same." : undefined}
            autocomplete="new-password"
            maxLength={1024}
          />
        </div>
        <div class="actions">
          <Button type="submit" disabled={current === "" || password === "" || again !== password} onClick={save}>
            Change the password
          </Button>
        </div>
      </form>
    </section>
  );
}

interface SessionsReply {
  sessionsFrom?: string;
  current?: { startedAt?: string; expiresAt?: string };
}

function Sessions({ uid }: { uid: number }) {
  const { data } = useLive(
    "sessions",
    (signal) => get<SessionsReply>("/api/users/me/sessions", signal),
    (change) => change.collection === "users" && change.id === String(uid),
  );
  return (
    <section class="card" aria-label="Sessions">
      <header>
        <h2>Sessions</h2>
      </header>
      <div class="card-body stack">
        <p>
          One login counts on every webserver.
          {data?.current?.expiresAt && (
            <>
              {" "}
              This one ends <When at={data.current.expiresAt} />.
            </>
          )}
          {data?.sessionsFrom && (
            <>
              {" "}
              Those from before <When at={data.sessionsFrom} /> are over.
            </>
          )}
        </p>
        <div class="actions">
          <Button icon="out" onClick={() => logOut(true)}>
            Log out everywhere
          </Button>
        </div>
      </div>
    </section>
  );
}
