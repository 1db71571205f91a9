import { useState } from "preact/hooks";
import type { Search } from "../../../schemas/types.ts";
import { ask } from "../api/client.ts";
import { href } from "../lib/router.ts";
import { counted, fits } from "../lib/text.ts";
import { useList } from "../live/use-list.ts";
import { Button, LinkButton } from "../parts/button.tsx";
import { FormDialog } from "../parts/dialog.tsx";
import { Text } from "../parts/field.tsx";
import { Page, When } from "../parts/page.tsx";
import { Rows } from "../parts/rows.tsx";
import { toast } from "../parts/toast.tsx";

export function History() {
  const searches = useList<Search>("/api/searchhistory", { collections: ["searches"] });
  const { data, error, again } = searches;
  const [words, setWords] = useState("");
  const [asking, setAsking] = useState(false);
  const clear = async () => {
    await ask("DELETE", "/api/searchhistory");
    toast("Your history is cleared, on every webserver.");
    again();
  };
  const found = (data?.items ?? []).filter(({ userQuery }) => fits(words, userQuery));
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
      <Rows list={searches} found={found} icon="history" noun={["search", "searches"]} none="You have not searched yet.">
        {(entry) => (
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
        )}
      </Rows>
      {asking && (
        <FormDialog title="Clear your history?" submit="Clear it" danger onClose={() => setAsking(false)} onSubmit={clear}>
          <p>It goes from every webserver. Results stay.</p>
        </FormDialog>
      )}
    </Page>
  );
}
