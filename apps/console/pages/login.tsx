import { useEffect, useState } from "preact/hooks";
import { type ApiError, get } from "../api/client.ts";
import { asApiError, words } from "../lib/errors.ts";
import { ended, logIn } from "../live/session.ts";
import { useValue } from "../live/value.ts";
import { Banner } from "../parts/banner.tsx";
import { Button } from "../parts/button.tsx";
import { Text } from "../parts/field.tsx";
import { Mark } from "../parts/side.tsx";

export function Login() {
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const [webserver, setWebserver] = useState<string>();
  const over = useValue(ended);
  useEffect(() => {
    document.title = "Log in · frontsync";
    get<{ webserver: string }>("/api/version").then(
      (found) => setWebserver(found.webserver),
      () => {},
    );
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
    <main class="doorstep">
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
    </main>
  );
}
