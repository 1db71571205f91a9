import { useEffect, useRef, useState } from "preact/hooks";
import { type ApiError, get } from "../api/client.ts";
import { asApiError, words } from "../lib/errors.ts";
import { ended, logIn } from "../live/session.ts";
import { useValue } from "../live/use-value.ts";
import { Banner } from "../parts/banner.tsx";
import { Button } from "../parts/button.tsx";
import { Text } from "../parts/field.tsx";
import { Mark } from "../parts/side.tsx";

export const Login = () => (
  <main class="doorstep">
    <LoginForm />
  </main>
);

/** Over a page whose session has ended. What is behind it is not to be seen, and is still there. */
export function LoginAgain() {
  const place = useRef<HTMLDialogElement>(null);
  useEffect(() => place.current?.showModal(), []);
  return (
    <dialog
      ref={place}
      class="doorstep"
      aria-label="Log in again"
      onCancel={(event) => event.preventDefault()}
      // Escape, again and again, closes it all the same: browsers let no page keep somebody in.
      onClose={() => place.current?.showModal()}
    >
      <LoginForm />
    </dialog>
  );
}

function LoginForm() {
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const [webserver, setWebserver] = useState<string>();
  const over = useValue(ended);
  useEffect(() => {
    const { title } = document;
    document.title = "Log in · frontsync";
    get<{ webserver: string }>("/api/version").then(
      (found) => setWebserver(found.webserver),
      () => {},
    );
    return () => {
      document.title = title;
    };
  }, []);
  const send = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await logIn(user, password);
    } catch (thrown) {
      setError(asApiError(thrown));
      setPassword("");
      setBusy(false);
    }
  };
  return (
    <form class="card stack" onSubmit={(event) => void send(event)}>
      <div class="brand">
        <Mark /> frontsync
      </div>
      <h1 class="hidden">Log in</h1>
      {over && !error && <Banner live>Your session is over. Log in to go on where you were.</Banner>}
      {error && (
        <Banner kind="bad" live>
          {words(error)}
        </Banner>
      )}
      <Text label="User" value={user} onInput={setUser} autocomplete="username" required autofocus maxLength={256} />
      <Text
        label="Password"
        type="password"
        value={password}
        onInput={setPassword}
        autocomplete="current-password"
        required
        maxLength={1024}
      />
      <Button type="submit" look="primary" disabled={busy}>
        {busy ? "Logging in …" : "Log in"}
      </Button>
      {webserver && <p class="quiet small">You are at {webserver}. Your login counts on every webserver.</p>}
    </form>
  );
}
