import { useState } from "preact/hooks";
import type { Search } from "../../../schemas/types.ts";
import { ask } from "../api/client.ts";
import { list } from "../api/lists.ts";
import { href } from "../lib/router.ts";
import { counted } from "../lib/text.ts";
import { of, useLive } from "../live/use-live.ts";
import { Button, LinkButton } from "../parts/button.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { Text } from "../parts/field.tsx";
import { Empty, Loading, Page, When } from "../parts/page.tsx";
import { toast } from "../parts/toast.tsx";

export function History() {
  const { data, error, again } = useLive("history", (signal) => list<Search>("/api/searchhistory", { signal }), of("searches"));
  const [words, setWords] = useState("");
  const [asking, setAsking] = useState(false);
  const clear = async () => {
    await ask("DELETE", "/api/searchhistory");
    toast("Your history is cleared, on every webserver.");
    again();
  };
  const found = (data?.items ?? []).filter(({ userQuery }) => userQuery.toLowerCase().includes(words.trim().toLowerCase()));
  return (
    <Page
      title="History"
      about={data ? `Your last ${counted(data.items.length, "search", "searches")}, from whichever webserver` : undefined}
      error={error}
      again={again}
      actions={data && data.items.length > 0 && <Button onClick={() => setAsking(true)}>Clear the history</Button>}
    >
      <search class="finder">
        <Text label="Find" type="search" value={words} onInput={setWords} />
      </search>
      {!data && !error && <Loading />}
      {data && found.length === 0 && (
        <Empty icon="history">
          <p>{data.items.length === 0 ? "You have not searched yet." : "No search fits. Try another word."}</p>
        </Empty>
      )}
      {found.length > 0 && (
        <ul class="card rows">
          {found.map((entry) => (
            <li key={`${entry.uid}/${entry.slot}`}>
              <div class="what">
                <strong class="mono">{entry.userQuery}</strong>
                <p class="meta">
                  <When at={entry.launched} />
                  {entry.webserver && <span>on {entry.webserver}</span>}
                </p>
              </div>
              <div class="actions">
                {entry.search && (
                  <LinkButton href={href("search", entry.search)}>
                    Result<span class="hidden"> of {entry.userQuery}</span>
                  </LinkButton>
                )}
                <LinkButton look="plain" href={`${href("search")}?${new URLSearchParams({ query: entry.userQuery })}`}>
                  Search again<span class="hidden"> for {entry.userQuery}</span>
                </LinkButton>
              </div>
            </li>
          ))}
        </ul>
      )}
      {asking && (
        <FormDialog title="Clear your history?" submit="Clear it" danger onClose={() => setAsking(false)} onSubmit={clear}>
          <p>It goes from every webserver. Results stay.</p>
        </FormDialog>
      )}
    </Page>
  );
}
